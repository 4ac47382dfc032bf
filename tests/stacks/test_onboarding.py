"""Onboarding on a real cluster: previewed, applied, shown, and gone on with after a kill."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from modules.onboarding import register
from tests.stacks.clouds import Clouds
from tests.stacks.offices import Desk, text
from toolchain import automation

pytestmark = pytest.mark.cluster

PROVINCE, COMMUNE = "test-p-98-250701", "test-c-98001-250701"


@pytest.fixture(scope="module")
def desk(central: Clouds, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Give a desk of the platform team; whatever was applied from it is destroyed at the end."""
    made = Desk(central, tmp_path_factory.mktemp("desk"))
    yield made
    for file in sorted(made.stored.glob("*.json")):
        automation.destroy(central.folder / "agc", file.stem, central.variables)


def test_preview_leaves_nothing(desk: Desk) -> None:
    """What an apply would do is shown, and neither the cluster, the stacks nor the records know of it."""
    file = desk.write("p", text("test-p", "98", ["desk", "test-desk"]))
    seen, _ = desk.run("preview", file, "--json", "-c", "cgc-stack=organization/cgc/test")
    assert (seen["stack"], seen["cluster"], seen["deletes"]) == (PROVINCE, "cgc-1", [])
    assert len(seen["addresses"]) == 2
    kinds = Counter(it["type"].rpartition(":")[2] for it in seen["steps"] if it["action"] == "create")
    assert kinds["Namespace"] == 2
    assert desk.namespaces(PROVINCE) == set()
    assert not desk.records.exists()
    assert not [*desk.stored.glob("*.json"), *(desk.clouds.folder / "agc").glob("Pulumi.test-p*")]


def test_unit_below_waits_for_the_one_above(desk: Desk) -> None:
    """A commune whose province is not applied is refused in one line, and nothing is made."""
    file = desk.write("c", text("test-c", "98001", ["desk"], parent="98"))
    _, said = desk.apply(file, code=1)
    assert said.splitlines()[0] == f"govcloud: {COMMUNE}: 98.2025-07-01 above it has not been applied"
    assert desk.namespaces(COMMUNE) == set()
    assert not list(desk.stored.glob("*.json"))


def test_apply_is_shown_as_it_is(desk: Desk) -> None:
    """One file and one command; the status tells since when, with which addresses, namespaces and outputs."""
    for name, stack in (("p", PROVINCE), ("c", COMMUNE)):
        done, _ = desk.apply(desk.folder / "files" / f"{name}.yaml")
        assert [(it["stack"], it["result"]) for it in done["agencies"]] == [(stack, "applied")]
    told, _ = desk.run("status", "98001", "--json")
    assert (told["state"], told["differs"], told["stack"], told["parent"]) == ("applied", [], COMMUNE, "98.2025-07-01")
    assert told["namespaces"] == {f"agc-{COMMUNE}-desk": "Active"}
    assert told["addresses"]["ipv6"]
    assert told["addresses"]["zones"].keys() >= {f"agc-{COMMUNE}-desk-edge"}
    assert told["outputs"]["agency"] == "98001.2025-07-01"
    everything, _ = desk.run("status", "--all", "--json")
    assert {it["stack"]: it["state"] for it in everything["agencies"]} == {PROVINCE: "applied", COMMUNE: "applied"}


def test_apply_touches_its_own_stack_alone(desk: Desk) -> None:
    """A second apply finds nothing to do, and no other agency's state or record is written."""
    others = {file: file.read_bytes() for file in desk.stored.glob("test-p*")}
    record = register.read(desk.records, "98.2025-07-01")
    done, _ = desk.apply(desk.folder / "files" / "c.yaml")
    assert [it["result"] for it in done["agencies"]] == ["unchanged"]
    assert others
    assert {file: file.read_bytes() for file in desk.stored.glob("test-p*")} == others
    assert register.read(desk.records, "98.2025-07-01") == record


def test_production_is_deleted_with_two_approvals(desk: Desk) -> None:
    """A file that lacks a production system is refused until two people approve; the one for trials just goes."""
    file = desk.write("p", text("test-p", "98", ["desk"]))
    desk.apply(file)
    assert desk.namespaces(PROVINCE) == {f"agc-{PROVINCE}-desk"}
    file = desk.write("p", text("test-p", "98", ["other"]))
    for approved in ([], ["--approved-by", "An"], ["--approved-by", "An", "--approved-by", " an"]):
        _, said = desk.apply(file, *approved, code=1)
        assert f"{PROVINCE}: deletes production: agc-{PROVINCE}-desk, with all data in it" in said
    assert desk.namespaces(PROVINCE) == {f"agc-{PROVINCE}-desk"}
    told, _ = desk.run("status", file, "--json")
    assert (told["state"], told["differs"]) == ("applied", ["systems[0].name"])
    desk.apply(file, "--approved-by", "An", "--approved-by", "Bình")
    assert desk.namespaces(PROVINCE) == {f"agc-{PROVINCE}-other"}
    told, _ = desk.run("status", "98", "--json")
    assert (told["approved_by"], told["differs"]) == (["An", "Bình"], [])


def test_two_runs_do_not_meet(desk: Desk) -> None:
    """While one run is at an agency, a second one is refused at once."""
    with register.alone(desk.records, "98.2025-07-01"):
        _, said = desk.apply(desk.folder / "files" / "p.yaml", code=1)
    assert said.startswith("govcloud: 98.2025-07-01: another run is at work on this agency\n")


def test_killed_run_is_gone_on_with(desk: Desk) -> None:
    """A run over a folder is killed: the next one does what is left, and what fails stops no other.

    The engine of the killed run goes on with the agency that was begun; the next run waits for it.
    """
    folder = "many"
    desk.write("a-bad", text("test-bad", "97000", ["desk"], parent="97").replace("level: 2", "level: 9"), folder)
    desk.write("b-fails", text("test-f", "97001", ["desk"], parent="97", service="nothing"), folder)
    for number in (2, 3, 4):
        desk.write(f"c-{number}", text(f"test-{number}", f"9700{number}", ["desk"], parent="97"), folder)
    desk.write("z-above", text("test-above", "97", ["desk"]), folder)
    words = ["--all", desk.folder / folder, "--parallel", "2", "--json", "-c", "cgc-stack=organization/cgc/test"]
    child = desk.start("apply", *words)
    deadline = time.monotonic() + 600
    refused = False  # whether the stack of the one that fails came and went again
    while True:
        states, stands = desk.states(), bool(list(desk.stored.glob("test-f-*.json")))
        if refused and not stands and states.get("test-above") == "applied" and _at_work(states):
            break
        refused |= stands
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline, states
        time.sleep(0.1)
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    before = desk.states()
    assert "applying" in before.values()
    done, _ = desk.apply(*words[:-3], code=1)
    results = {it["stack"].rpartition("-")[0].rpartition("-")[0]: it["result"] for it in done["agencies"]}
    assert results.pop("") == "refused"
    assert results.pop("test-f") == "failed"
    assert results.pop("test-above") == "done before"
    assert results.keys() == {"test-2", "test-3", "test-4"}
    assert set(results.values()) <= {"applied", "unchanged", "done before"}
    (failed,) = [it for it in done["agencies"] if it["result"] == "failed"]
    assert "no service 'nothing'" in failed["why"]
    assert not list(desk.stored.glob("test-f-*.json"))
    for number in (2, 3, 4):
        assert desk.namespaces(f"test-{number}-9700{number}-250701") == {f"agc-test-{number}-9700{number}-250701-desk"}
    again, _ = desk.apply(*words[:-3], code=1)
    assert again["counts"]["done before"] == 4


def _at_work(states: dict[str, str]) -> bool:
    """Tell whether an agency is begun that will stand, and not the one that is refused."""
    begun = {name for name, state in states.items() if state == "applying"}
    return bool(begun & {"test-2", "test-3", "test-4"}) and "test-f" not in begun


def test_cluster_that_is_away_is_named(desk: Desk, tmp_path: Path) -> None:
    """One line says which cluster does not answer; the agency stays as it is known."""
    away = tmp_path / "away.kubeconfig"
    text_of = desk.clouds.kubeconfig.read_text(encoding="utf-8")
    server = next(line for line in text_of.splitlines() if "server:" in line)
    away.write_text(text_of.replace(server, server.partition(":")[0] + ": https://127.0.0.1:1"), encoding="utf-8")
    before = register.read(desk.records, "98.2025-07-01")
    _, said = desk.apply(desk.folder / "files" / "p.yaml", "--kubeconfig", away, code=1)
    assert said.startswith(f"govcloud: the cluster of {away} does not answer: ")
    assert register.read(desk.records, "98.2025-07-01") == before
