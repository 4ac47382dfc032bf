"""Which ports of the cloud's public addresses are open to someone outside, in each address family."""

from __future__ import annotations

import pytest

from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import Family
from conformance.public import Exposed
from conformance.surface import ADMINISTRATION, SCANNED, Surface
from core.errors import KitError

pytestmark = pytest.mark.usefixtures("exposure")
REMOTE = {port: ADMINISTRATION[port] for port in (22, 23, 3389, 5900, 5985, 5986)}
"""Ports by which a host is administered from afar."""


def _exposed(surface: Surface, family: Family) -> list[Exposed]:
    """Return the declared public addresses of a family; a cloud that has none is not reached over it."""
    found = [entry for entry in surface.exposure if entry.address.version == family.version]
    assert found, f"no public address in {family} is declared: the cloud is not reached over it"
    return found


def _open(surface: Surface, entry: Exposed, evidence: EvidenceBook) -> set[int]:
    """Scan an address once a run; both checks read the same scan."""
    ports = sorted({*SCANNED, *entry.tcp})
    found = surface.open_ports(str(entry.address), ports)
    evidence.add(f"try {len(ports)} TCP ports of {entry.address}", f"open: {', '.join(map(str, found)) or 'none'}")
    return set(found)


@requirement("GVC-NET-11", "GVC-IP6-04")
@families
def test_only_declared_ports_are_open(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """What is open at the public addresses is what was declared, no more and no less, of the ports that are tried."""
    wrong = []
    for entry in _exposed(surface, family):
        found, declared = _open(surface, entry, evidence), set(entry.tcp)
        wrong += [f"{entry.address} port {port} is open and not declared" for port in sorted(found - declared)]
        wrong += [f"{entry.address} port {port} is declared and not open" for port in sorted(declared - found)]
    assert not wrong, "; ".join(wrong)


@requirement("GVC-NET-04", "GVC-IP6-04")
@families
def test_administration_is_closed(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """No port of administration is open to someone outside, at addresses that answer this same client on others."""
    _closed(surface, _exposed(surface, family), ADMINISTRATION, evidence)


@requirement("GVC-NET-05", "GVC-IP6-04")
@families
def test_remote_administration_is_closed(surface: Surface, family: Family, evidence: EvidenceBook) -> None:
    """No host lets someone whose address is on no list sign in from afar, where the same client reaches other ports."""
    _closed(surface, _exposed(surface, family), REMOTE, evidence)


def _closed(surface: Surface, exposed: list[Exposed], ports: dict[int, str], evidence: EvidenceBook) -> None:
    reached, wrong = 0, []
    for entry in exposed:
        found = _open(surface, entry, evidence)
        reached += bool(found - set(ports))
        wrong += [f"{entry.address} port {port} ({ports[port]}) is open" for port in sorted(found & set(ports))]
    assert not wrong, "; ".join(wrong)
    if not reached:
        raise KitError("no declared address answers at any port, so that these are closed shows nothing")
