"""The report and the register in a real browser: Chromium, with axe-core's rules, by keyboard, on a telephone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from conformance import reports
from conformance.assembly import Additions
from conformance.register import site
from conformance.results import Evidence, Result, Verdict, Waiver
from conformance.signing import folder as signing
from conformance.signing import keys, revoking
from core import debian, signatures
from tests.conformance.runs import NOW, all_of, good_run, run_of
from tests.signers import AUDITOR, Authority

pytestmark = pytest.mark.toolchain

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
SCREENS = {"telephone": (390, 844), "desk": (1280, 900)}


@pytest.fixture(scope="module")
def browser(pages: dict[str, Path]) -> Iterator[Browser]:  # the pages first: Playwright begins an event loop
    if not CHROMIUM.exists():
        debian.install(["chromium"])
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET), chromium_sandbox=False)
        yield running
        running.close()


@pytest.fixture(scope="module")
def pages(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write a report with every verdict in it, one with a certificate, and a register of both clouds."""
    folder = tmp_path_factory.mktemp("pages")
    long = Evidence(did="GET /" + "x" * 300, saw="\n".join(["<script>window.ran = 1</script>", "ý" * 400]), at=0.5)
    found: list[Result] = [
        item if item.verdict is Verdict.PASS else item.model_copy(update={"evidence": (long,)})
        for item in all_of(
            NET_01=Verdict.FAIL,
            NET_07=Verdict.FAIL,
            NET_11=Verdict.ERROR,
            CRY_01=Verdict.NOT_APPLICABLE,
            CRY_02=Verdict.MISSING,
        )
        if item.requirements[0] != "GVC-GOV-03"
    ]
    waiver = Waiver(requirement="GVC-NET-07", reason="r", approver="a", until=NOW.date() + dt.timedelta(days=9))
    moment = dt.datetime.now(dt.UTC).replace(microsecond=0)
    times = {"started": moment, "finished": moment, "judged": moment}
    runs = folder / "runs"
    reports.write(run_of(found, added=Additions(waivers=[waiver], previous=good_run())), runs / "wanting")
    reports.write(good_run(**times), runs / "good")
    signer = keys.from_file(*authority.auditor.write(folder), None)
    for run in runs.iterdir():
        signing.sign(run, signer)
    trust = signatures.read_trust(authority.file, AUDITOR)
    revoking.write(runs, signer, trust, moment.date())
    site.write(runs, trust, folder / "register", moment.date())
    return {
        "wanting": runs / "wanting" / "report.html",
        "good": runs / "good" / "report.html",
        "register": folder / "register" / "index.html",
        "cloud": next((folder / "register" / "clouds").iterdir()),
    }


NAMES = ("wanting", "good", "register", "cloud")


def show(browser: Browser, path: Path, screen: str = "desk") -> tuple[Page, list[str]]:
    """Open a page, and note what it asks for beside itself and what it complains of."""
    width, height = SCREENS[screen]
    page = browser.new_page(viewport={"width": width, "height": height})
    noise: list[str] = []
    page.on("request", lambda request: noise.append(request.url) if request.url != path.as_uri() else None)
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.goto(path.as_uri())
    return page, noise


@pytest.mark.parametrize(("screen", "language"), [("telephone", "vi"), ("desk", "en")])
@pytest.mark.parametrize("name", NAMES)
def test_each_page_is_accessible_and_asks_for_nothing(
    browser: Browser, pages: dict[str, Path], name: str, screen: str, language: str
) -> None:
    """No rule of axe-core is broken, with all that opens open; nothing is loaded; nothing is wider than the screen."""
    page, noise = show(browser, pages[name], screen)
    page.check(f"#show-{language}")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = Axe().run(page)
    assert not found.violations_count, found.generate_report()
    assert not noise
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("window.ran") is None
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_language_is_picked_by_keyboard(browser: Browser, pages: dict[str, Path], name: str) -> None:
    """Tab leads past the way to the content to the language, an arrow changes it, and each text is there once."""
    page, _ = show(browser, pages[name])
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "show-vi":
            break
    assert page.evaluate("document.activeElement.id") == "show-vi"
    heading = page.locator("h2").first
    vietnamese = heading.inner_text()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "show-en"
    english = heading.inner_text()
    assert vietnamese != english
    assert vietnamese not in english
    assert english.isascii()
    page.close()


def test_a_requirement_is_opened_by_keyboard(browser: Browser, pages: dict[str, Path]) -> None:
    """What is closed opens with Enter, and shows its evidence."""
    page, _ = show(browser, pages["good"])
    page.focus("#GVC-NET-01 > summary")
    assert not page.locator("#GVC-NET-01 .sources").is_visible()
    page.keyboard.press("Enter")
    assert page.locator("#GVC-NET-01 .sources").is_visible()
    page.close()


def test_the_report_prints_with_its_evidence(browser: Browser, pages: dict[str, Path]) -> None:
    """On paper what is closed is open, and the way to pick a language is gone."""
    page, _ = show(browser, pages["good"])
    closed = page.locator("#GVC-NET-01 .sources").bounding_box()
    assert closed is None or closed["height"] == 0
    page.emulate_media(media="print")
    printed = page.locator("#GVC-NET-01 .sources").bounding_box()
    assert printed is not None
    assert printed["height"] > 0
    assert not page.locator("fieldset").is_visible()
    assert page.pdf().startswith(b"%PDF")
    page.close()


def test_the_register_leads_to_each_cloud_and_report(browser: Browser, pages: dict[str, Path]) -> None:
    """By its links, from the ranking to the page of a cloud, to a report and its requirements."""
    page, _ = show(browser, pages["register"])
    page.locator("#ranking ~ .card a").first.click()
    page.locator("svg[role=img] rect").nth(1).wait_for(state="attached")
    page.locator("a[href$='report.html']").first.click()
    page.locator("#requirements").wait_for()
    page.close()
