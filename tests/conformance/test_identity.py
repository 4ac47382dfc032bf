"""The checks of sign-in: all pass on a good cloud, and under a flaw exactly those fail that look for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
import yaml

from conformance import target
from conformance.api import Api
from conformance.checks import test_identity as checks
from conformance.declared import IdentityService
from conformance.identity import Codes, Issuer, Refusal, Token, claims_of
from conformance.plugin import EvidenceBook
from conformance.probes import Tenant
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance.fake_identity import PASSWORD, PEOPLE, SEED, FakeCloud
from tests.conformance.servers import Server, as_json, drop, garbage, redirect

FORGED = {f"forged_token_of_a_person_is_refused[{w}]" for w in ("foreign-key", "altered-signature", "altered-claims")}
UNSIGNED = "forged_token_of_a_person_is_refused[unsigned]"
Serve = Callable[..., Server]


class Auditor:
    """Runs the checks of sign-in one by one, as an audit would."""

    def __init__(self, folder: Path, certificate: Certificate, make_kubeconfig: Any, server: Server) -> None:
        section = identity_section(folder, certificate, f"https://127.0.0.1:{server.port}/realms/x")
        self.identity = IdentityService.model_validate(section, context={"folder": folder})
        self.issuer = Issuer(self.identity)
        api = Api(make_kubeconfig(folder / "a.kubeconfig", f"https://127.0.0.1:{server.port}", certificate.authority))
        self.tenant_a = Tenant("a", api, ("one",), "tenant")
        self.book = EvidenceBook()

    def failures(self) -> set[str]:
        """Return the names of the checks that fail; what cannot be decided is raised."""
        self.token = checks.must_sign_in(self.issuer, self.identity.client, self.identity.user)
        found: dict[str, Any] = {"evidence": self.book}
        failed = set()
        for name, function in vars(checks).items():
            if not name.startswith("test_"):
                continue
            wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
            cases = next((m.args for m in function.pytestmark if m.name == "parametrize"), ("", [""]))
            for case in cases[1]:
                values = {**vars(self), **found, str(cases[0]): case}
                try:
                    function(**{argument: values[argument] for argument in wanted})
                except (AssertionError, pytest.fail.Exception):
                    failed.add(name.removeprefix("test_") + (f"[{case}]" if case else ""))
        return failed - {"issuer_publishes_its_keys[ipv6]"}  # the server is in IPv4 alone


def identity_section(folder: Path, certificate: Certificate, issuer: str) -> dict[str, Any]:
    for name, has_factor in PEOPLE.items():
        content = {"username": name, "password": PASSWORD} | ({"totp": SEED} if has_factor else {})
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return {
        "issuer": issuer,
        "addresses": {"ipv4": "127.0.0.1", "ipv6": "::1"},
        "authority": str(certificate.authority),
        "client": "kubernetes",
        "other_client": "other",
        "brief_client": "brief",
        "user": {"name": "x:an", "credentials": "an.yaml"},
        "user_without_second_factor": {"credentials": "no-second-factor.yaml"},
        "user_to_lock": {"credentials": "to-lock.yaml"},
    }


@pytest.fixture
def audit(
    tmp_path: Path, certificate: Certificate, make_kubeconfig: Any, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Auditor]:
    monkeypatch.setattr(checks, "CACHED_SECONDS", 1)

    def start(*flaws: str) -> Auditor:
        cloud = FakeCloud(*flaws)
        auditor = Auditor(tmp_path, certificate, make_kubeconfig, serve(certificate.context(), cloud))
        cloud.issuer = auditor.identity.issuer
        return auditor

    return start


@pytest.mark.parametrize(
    ("flaw", "expected"),
    [
        ("", set()),
        ("password-alone", {"password_alone_opens_nothing", "person_without_second_factor_is_refused"}),
        ("no-second-factor-rule", {"person_without_second_factor_is_refused"}),
        ("any-signature", FORGED | {UNSIGNED}),
        ("takes-unsigned", {UNSIGNED}),
        ("any-audience", {"token_for_another_client_is_refused"}),
        ("no-end", {"token_that_has_ended_is_refused"}),
        ("long-tokens", {"tokens_and_idle_sessions_end_soon"}),
        ("no-lock", {"account_is_locked_after_wrong_passwords"}),
        ("other-name", {"person_is_known_by_a_name_of_the_issuer"}),
        ("certificates", {"tenant_gets_no_certificate_of_a_person"}),
        ("foreign-keys", {"issuer_publishes_its_keys[ipv4]"}),
    ],
)
def test_a_flaw_fails_what_looks_for_it(audit: Callable[..., Auditor], flaw: str, expected: set[str]) -> None:
    """Each check fails under the flaw that it is there for; no other check does."""
    assert audit(flaw).failures() == expected


def test_evidence_holds_no_secret(audit: Callable[..., Auditor]) -> None:
    """Neither tokens nor passwords nor seeds are in what the checks noted."""
    auditor = audit()
    auditor.failures()
    text = " ".join(f"{entry.did} {entry.saw}" for entry in auditor.book.entries)
    assert "bears a token (aud kubernetes, amr ['pwd', 'otp']; 300 s)" in text
    for secret in ("eyJ", PASSWORD + ",", SEED):
        assert secret not in text
    assert isinstance(auditor.token, Token)
    assert "eyJ" not in repr(auditor.token)


@pytest.mark.parametrize("answer", [drop, garbage, redirect, as_json(500, {}), as_json(200, [])])
def test_a_bad_service_is_an_error_and_no_refusal(
    answer: Any, tmp_path: Path, certificate: Certificate, make_kubeconfig: Any, serve: Serve
) -> None:
    """What is not an answer of an identity service decides nothing: a KitError that names the place."""
    auditor = Auditor(tmp_path, certificate, make_kubeconfig, serve(certificate.context(), answer))
    with pytest.raises(KitError, match=r"127\.0\.0\.1"):
        auditor.issuer.sign_in("kubernetes", auditor.identity.user.secrets())


def test_a_certificate_that_does_not_fit_is_told(
    tmp_path: Path, certificate: Certificate, make_kubeconfig: Any, serve: Serve
) -> None:
    """The name in the issuer has to be in the certificate, wherever the address came from."""
    server = serve(certificate.context(), as_json(200, {}))
    section = identity_section(tmp_path, certificate, f"https://id.egc.test:{server.port}/realms/x")
    issuer = Issuer(IdentityService.model_validate(section, context={"folder": tmp_path}))
    with pytest.raises(KitError, match=r"certificate verify failed|doesn't match"):
        issuer.discovery("ipv4")


def test_codes_are_those_of_the_standard_and_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 6238, appendix B, in six digits; three at hand at a time, then it waits for the next step."""
    now = 59.0
    slept: list[float] = []
    monkeypatch.setattr("conformance.identity.time", SimpleNamespace(time=lambda: now, sleep=slept.append))
    codes = Codes("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    assert [codes.take() for _ in range(3)] == ["755224", "287082", "359152"]
    assert slept == []
    assert codes.take() == "969429"
    assert slept == [pytest.approx(1.5)]


def test_what_is_no_token_is_told() -> None:
    """A service that gives something else is an error with the reason, and never shown whole."""
    with pytest.raises(KitError, match="no ID token"):
        claims_of("not.a.token")
    with pytest.raises(KitError, match="no ID token"):
        claims_of(jwt.encode({"iat": int(time.time())}, "k" * 32, "HS256"))
    assert Token("x", {"exp": 9, "iat": 4, "acr": "2"}).says("acr", "2")
    assert str(Refusal(401, "no")) == "no token: 401 no"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"issuer": "http://id.test"}, "identity.issuer: "),
        ({"user": {"credentials": "an.yaml"}}, "identity.user.name: is missing"),
        ({"user_to_lock": {"credentials": "bad.yaml"}}, "must hold the fields username and password"),
        ({"addresses": {"ipv4": "127.0.0.1"}}, "identity.addresses.ipv6: is missing"),
    ],
)
def test_a_mistake_in_the_section_is_named(
    tmp_path: Path, certificate: Certificate, written_target: Any, change: dict[str, Any], message: str
) -> None:
    """A line with file, field and reason; secrets of a wrong file are not in it."""
    path, content = written_target
    (tmp_path / "bad.yaml").write_text("username: an\npassword: geheim\ntotp: not base32!\n")
    content["identity"] = identity_section(tmp_path, certificate, "https://id.test/realms/x") | change
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(KitError) as error:
        target.load(path)
    assert message in error.value.message
    assert "geheim" not in error.value.message
