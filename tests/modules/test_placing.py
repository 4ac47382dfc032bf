"""On which cluster an agency is put, and when it is refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from core.errors import KitError
from modules.agency import Agency
from modules.placing import place
from modules.settings import AgencySettings
from tests.modules.agencies import agency
from tests.modules.test_certificate import CLOUD, DAY, ON, Desk
from tests.signers import AUDITOR, Authority

EGC = {"cluster": "egc", "egc": CLOUD, "kubeconfig": "own.kubeconfig", "certificate": "c.json"}
OWN = {"cluster": "own", "kubeconfig": "own.kubeconfig"}


@pytest.fixture
def folder(tmp_path: Path, authority: Authority) -> Path:
    """Folder with an agency file, a certificate, what it is verified with, and kubeconfigs."""
    for name in ("own", "shared", "five", "six"):
        (tmp_path / f"{name}.kubeconfig").touch()
    desk = Desk(tmp_path, authority)
    desk.certificate()
    desk.revocations(issued=ON, days=300)
    (tmp_path / "root.pem").write_bytes(authority.file.read_bytes())
    return tmp_path


def settings(folder: Path, **more: Any) -> AgencySettings:
    return AgencySettings.model_validate(
        {
            "agency": folder / "a.yaml",
            "kubeconfig": folder / "shared.kubeconfig",
            "certificate-authority": folder / "root.pem",
            "certificate-signer": AUDITOR,
            "certificate-revocations": folder / "revocations.json",
            **more,
        }
    )


def put(unit: Agency, folder: Path, on: dt.date = ON, **more: Any) -> Any:
    return place(unit, settings(folder, **more), {}, on)


def test_each_placement_has_its_cluster(folder: Path) -> None:
    """Shared goes by the stack's settings; own and egc by the kubeconfig of the agency file, from its folder."""
    shared = put(agency({}), folder)
    assert (shared.kubeconfig, shared.central) == (folder / "shared.kubeconfig", True)
    for placement in (OWN, EGC):
        apart = put(agency({}, placement=placement), folder)
        assert (apart.kubeconfig, apart.central) == (folder / "own.kubeconfig", False)
    assert put(agency({}, placement=OWN), folder).certificate is None
    assert put(agency({}, placement=EGC), folder).certificate.cloud == CLOUD


def test_missing_kubeconfig_is_refused(folder: Path) -> None:
    """An agency with a cluster of its own never lands on the shared one because a file is missing."""
    (folder / "own.kubeconfig").unlink()
    with pytest.raises(KitError, match=r"placement.kubeconfig: .*own.kubeconfig is not a file"):
        put(agency({}, placement=OWN), folder)


@pytest.mark.parametrize(
    ("system", "placement", "days", "more", "said"),
    [
        ({}, EGC, 40, {}, "ended on"),
        ({"level": 4}, EGC, 0, {}, "for level 3, and one for level 4 is asked for"),
        ({}, {**EGC, "egc": "other"}, 0, {}, "is of 'example-cloud'"),
        ({}, {**EGC, "certificate": "missing.json"}, 0, {}, "No such file"),
        ({}, EGC, 0, {"certificate-authority": None}, "relied on without certificate-authority"),
        ({}, EGC, 0, {"certificate-signer": ""}, "relied on without certificate-signer"),
        ({}, EGC, 0, {"certificate-revocations": None}, "relied on without certificate-revocations"),
        ({}, EGC, 0, {"certificate-signer": "Someone else"}, "only the signature of 'Someone else' counts"),
    ],
)
def test_commercial_cloud_needs_a_certificate(
    folder: Path, system: dict[str, Any], placement: dict[str, Any], days: int, more: dict[str, Any], said: str
) -> None:
    """Without a certificate that fits, and someone to believe, nothing is put on a commercial cloud."""
    unit = agency({}, system, placement=placement)
    with pytest.raises(KitError, match=said):
        put(unit, folder, ON + days * DAY, **more)


def test_revoked_and_forged_certificates_open_nothing(folder: Path, authority: Authority) -> None:
    """A certificate that was taken back, and one with a level that was not signed, are refused."""
    desk = Desk(folder, authority)
    good = put(agency({}, placement=EGC), folder).certificate
    desk.revocations(good.digest)
    with pytest.raises(KitError, match="was taken back"):
        put(agency({}, placement=EGC), folder)
    desk.revocations()
    path = folder / "c.json"
    path.write_text(path.read_text().replace('"level": 3', '"level": 4'))
    with pytest.raises(KitError, match="not what was signed"):
        put(agency({}, {"level": 4}, placement=EGC), folder)


def test_level_five_stands_alone(folder: Path) -> None:
    """A system of level 5 is refused beside any other, and accepted by itself or on a cluster of its own."""
    core = {"level": 5, "data": "core"}
    put(agency(core, placement=OWN), folder)
    both = agency(core, {}, core, placement=OWN)
    with pytest.raises(KitError, match="s0 is of level 5 and has a cluster alone; s1 is on the same"):
        put(both, folder)
    with pytest.raises(KitError, match="s2 is of level 5 and has a cluster alone; s1 is on the same"):
        put(both, folder, alone={"s0": folder / "five.kubeconfig"})
    same = {"s0": folder / "five.kubeconfig", "s2": folder / "five.kubeconfig"}
    with pytest.raises(KitError, match="s0 is of level 5"):
        put(both, folder, alone=same)
    apart = put(both, folder, alone={**same, "s2": folder / "six.kubeconfig"})
    assert apart.alone == {"s0": folder / "five.kubeconfig", "s2": folder / "six.kubeconfig"}


def test_clusters_of_unknown_systems_are_refused(folder: Path) -> None:
    """A misspelt system, or a file that is not there, is named."""
    with pytest.raises(KitError, match=r"alone\.land: x-22-250701 has no such system"):
        put(agency({}), folder, alone={"land": folder / "five.kubeconfig"})
    with pytest.raises(KitError, match=r"alone\.s0: .* is not a file"):
        put(agency({}), folder, alone={"s0": folder / "missing"})
