"""Certificates of conformance: what is relied on, and what is refused."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.signing import keys
from core import signatures
from core.errors import KitError
from core.signatures import Trust
from modules import certificate
from modules.certificate import Certificate, Revocation, Revocations, Signed
from tests.signers import AUDITOR, Authority, Signer, make

CLOUD = "example-cloud"
ON = dt.datetime.now(dt.UTC).date()
DAY = dt.timedelta(days=1)
CONTENT = {
    "cloud": CLOUD,
    "operator": "Công ty Ví dụ",
    "kind": "EGC",
    "scope": "the whole cloud",
    "level": 3,
    "from": str(ON - 30 * DAY),
    "until": str(ON + 30 * DAY),
    "requirements": {"PASS": 79},
    "catalogue": f"sha256:{'a' * 64}",
    "results": f"sha256:{'b' * 64}",
}


@dataclass
class Desk:
    """An auditor's desk: writes signed certificates and lists of revocations into a folder."""

    folder: Path
    authority: Authority

    @property
    def trust(self) -> Trust:
        return signatures.read_trust(self.authority.file, AUDITOR)

    def sign(self, statement: Any, signer: Signer | None = None) -> str:
        key = keys.from_file(*(signer or self.authority.auditor).write(self.folder), None)
        return base64.b64encode(keys.sign(statement.signed_text(), key)).decode()

    def certificate(self, signer: Signer | None = None, **changes: Any) -> Path:
        statement = Certificate.model_validate({**CONTENT, **changes})
        path = self.folder / "c.json"
        path.write_text(Signed[Certificate](statement=statement, signature=self.sign(statement, signer)).text())
        return path

    def revocations(self, *digests: str, signer: Signer | None = None, issued: dt.date = ON, days: int = 30) -> Path:
        revoked = tuple(Revocation(certificate=it, cloud=CLOUD, on=ON, reason="found wanting") for it in digests)
        statement = Revocations(issued=issued, until=issued + days * DAY, revoked=revoked)
        path = self.folder / "revocations.json"
        path.write_text(Signed[Revocations](statement=statement, signature=self.sign(statement, signer)).text())
        return path


@pytest.fixture
def desk(authority: Authority, tmp_path: Path) -> Desk:
    made = Desk(tmp_path, authority)
    made.certificate()
    made.revocations()
    return made


def read(desk: Desk, on: dt.date = ON) -> Certificate:
    return certificate.read(desk.folder / "c.json", desk.trust, desk.folder / "revocations.json", on)


def test_good_certificate_is_relied_on(desk: Desk) -> None:
    """A certificate of this cloud for this level that holds today opens the way; its last day counts too."""
    desk.certificate(cloud="Đám mây Cần Thơ")
    found = read(desk)
    assert (found.level, found.catalogue) == (3, CONTENT["catalogue"])
    for day in (ON - 30 * DAY, ON, ON + 30 * DAY):
        certificate.check(found, "Đám mây Cần Thơ", 3, day)
    certificate.check(found, "Đám mây Cần Thơ", 1, ON)


@pytest.mark.parametrize(
    ("kind", "cloud", "level", "days", "said"),
    [
        ("EGC", CLOUD, 3, 31, "ended on"),
        ("EGC", CLOUD, 3, -31, "does not hold before"),
        ("EGC", CLOUD, 4, 0, "is for level 3, and one for level 4 is asked for"),
        ("EGC", "other-cloud", 3, 0, "is of 'example-cloud', and one of 'other-cloud' is asked for"),
        ("AGC", CLOUD, 3, 0, "is of a AGC, not of a commercial cloud"),
    ],
)
def test_certificate_that_does_not_fit_is_refused(kind: str, cloud: str, level: int, days: int, said: str) -> None:
    """One that is over, of too low a level or of another cloud opens nothing, and the reason is told."""
    found = Certificate.model_validate({**CONTENT, "kind": kind})
    with pytest.raises(KitError, match=said):
        certificate.check(found, cloud, level, ON + days * DAY)


@pytest.mark.parametrize(
    "changes",
    [
        {"level": 5},
        {"cloud": "x"},
        {"until": str(ON + 3000 * DAY)},
        {"from": "2020-01-01"},
        {"scope": "everything"},
        {"requirements": {"PASS": 80}},
        {"catalogue": f"sha256:{'c' * 64}"},
        {"results": f"sha256:{'c' * 64}"},
    ],
)
def test_changed_certificate_is_refused(desk: Desk, changes: dict[str, Any]) -> None:
    """Whatever is changed after the signature, the certificate is void."""
    path = desk.folder / "c.json"
    whole = json.loads(path.read_text())
    whole["certificate"] |= changes
    path.write_text(json.dumps(whole))
    with pytest.raises(KitError, match="not what was signed"):
        read(desk)


def test_signature_of_another_is_refused(desk: Desk) -> None:
    """Only the trusted auditor's signature counts: not a stranger's, nor that of a neighbour under the same root."""
    desk.certificate(make(AUDITOR))
    with pytest.raises(KitError, match="no trusted authority vouches"):
        read(desk)
    desk.certificate(make("Someone else", desk.authority.root))
    with pytest.raises(KitError, match="signed by 'Someone else'"):
        read(desk)


@pytest.mark.parametrize(("signature", "said"), [("", "is not signed"), ("AAAA", "not a whole"), ("?", "not base64")])
def test_broken_signature_is_refused(desk: Desk, signature: str, said: str) -> None:
    """A signature that is none is refused like a wrong one."""
    path = desk.folder / "c.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "signature": signature}))
    with pytest.raises(KitError, match=said):
        read(desk)


def test_certificate_that_was_taken_back_is_refused(desk: Desk) -> None:
    """What stands on the register's list is void, whatever its dates say; the others are not touched."""
    digest = Certificate.model_validate(CONTENT).digest
    desk.revocations(f"sha256:{'d' * 64}", digest)
    with pytest.raises(KitError, match=f"was taken back on {ON}: found wanting"):
        read(desk)
    desk.revocations(f"sha256:{'d' * 64}")
    assert read(desk).digest == digest


@pytest.mark.parametrize("age", [31, -1])
def test_a_list_of_revocations_that_is_not_of_today_is_refused(desk: Desk, age: int) -> None:
    """An old list cannot hide what was taken back since."""
    desk.revocations(issued=ON - age * DAY)
    with pytest.raises(KitError, match="this list of revocations is for"):
        read(desk)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda desk: desk.revocations(signer=make(AUDITOR)),
        lambda desk: (desk.folder / "revocations.json").unlink(),
        lambda desk: (desk.folder / "revocations.json").write_text("{}"),
        lambda desk: (desk.folder / "revocations.json").write_bytes((desk.folder / "c.json").read_bytes()),
    ],
    ids=["forged", "absent", "empty", "another file"],
)
def test_without_a_list_of_revocations_nothing_is_relied_on(desk: Desk, break_it: Callable[[Desk], Any]) -> None:
    """Whoever takes the list away opens nothing."""
    break_it(desk)
    with pytest.raises(KitError, match=r"revocations\.json"):
        read(desk)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "file: "),
        ("{}", "certificate: Field required"),
        (json.dumps({"certificate": {**CONTENT, "level": 6}, "signature": ""}), r"certificate\.level"),
        (json.dumps({"certificate": {**CONTENT, "more": 1}, "signature": ""}), r"certificate\.more"),
        (json.dumps({"certificate": {**CONTENT, "version": 2}, "signature": ""}), r"certificate\.version"),
        (json.dumps({"certificate": {**CONTENT, "until": "2025-12-31"}, "signature": ""}), "is before"),
        (" " * 5_000_000, "larger than 4096 KiB"),
    ],
    ids=range(9),
)
def test_other_file_is_refused(desk: Desk, text: str, said: str) -> None:
    """What is no certificate of this form is named with its file and field."""
    (desk.folder / "c.json").write_text(text)
    with pytest.raises(KitError, match=said) as caught:
        read(desk)
    assert "c.json" in caught.value.message


def test_missing_file_is_told(desk: Desk) -> None:
    """A path to nothing is named."""
    (desk.folder / "c.json").unlink()
    with pytest.raises(KitError, match=r"c\.json: No such file"):
        read(desk)
