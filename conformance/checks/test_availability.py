"""What goes on when a part of it is lost: a Service of two pods, one of which is taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest

from conformance import network, workloads
from conformance.network import Path
from conformance.plugin import EvidenceBook, families, requirement
from conformance.probes import READY_WITHIN, Family, Probe, Probes, Tenant, wait
from conformance.target import Target
from core.errors import KitError

PAIR = "pair"
HELD_WITHIN = 15.0
"""Seconds after the loss of a pod by which its Service answers every request again."""
ROUND = 4
"""Requests at a time, each a connection of its own; half of them would go to the pod that is lost.

Each is a program in the client's small container, which has no room for many of them.
"""
CLEAN_ROUNDS = 4
"""Rounds one after the other in which all were answered: with every second pod gone, four by chance are 1 in 65,000."""
SEEN_WITHIN = 20.0
"""Seconds in which both pods must have been seen to answer, so that the loss of either counts."""


@dataclass
class Loss:
    """How the Service answered before one of its pods was taken away, and after."""

    before: Mapping[Family, str] = field(default_factory=dict)
    """What the network said while both pods were there: ``open``, or why not."""
    seen: Mapping[Family, frozenset[str]] = field(default_factory=dict)
    """The pods that answered."""
    lost: str = ""
    rounds: dict[Family, list[tuple[float, int]]] = field(default_factory=dict)
    """Of each round of requests, the seconds since the loss at which it began, and how many were answered."""

    def holds(self, family: Family) -> bool:
        """Tell whether the last rounds were answered whole."""
        last = [answered for _, answered in self.rounds[family]][-CLEAN_ROUNDS:]
        return last == [ROUND] * CLEAN_ROUNDS

    def fails(self, family: Family) -> bool:
        """Tell whether a request had no answer by the time when every one has to have it."""
        return any(since >= HELD_WITHIN and answered < ROUND for since, answered in self.rounds[family])


@pytest.fixture(scope="module")
def pair(tenant_a: Tenant, audit_target: Target, run_id: str) -> Iterator[list[Probe]]:
    """Start two pods that are no others' servers, with the ways to them open."""
    names = [f"audit-{run_id}-{PAIR}-{number}" for number in (1, 2)]
    ingress = workloads.allow_ingress(run_id, namespace=tenant_a.namespace, role=PAIR)
    egress = workloads.allow_egress(run_id, namespace=tenant_a.namespace, role=PAIR)
    with ExitStack() as stack:
        for name in names:
            manifest = workloads.server(name, audit_target.probe_image, run=run_id, role=PAIR, account=tenant_a.account)
            tenant_a.api.create(tenant_a.path("pods"), manifest)
            stack.callback(tenant_a.api.remove, f"{tenant_a.path('pods')}/{name}")
        stack.enter_context(network.policy(tenant_a, egress))
        stack.enter_context(network.policy(tenant_a, ingress))
        yield [wait(tenant_a, name, time.monotonic() + READY_WITHIN) for name in names]


@pytest.fixture(scope="module")
def loss(tenant_a: Tenant, probes: Probes, pair: list[Probe], run_id: str, family_policy: str) -> Iterator[Loss]:
    """Take one pod of a Service away, and see how the Service answers."""
    manifest = workloads.service(f"audit-{run_id}-{PAIR}", run=run_id, policy=family_policy, role=PAIR)
    service = tenant_a.api.create(tenant_a.path("services"), manifest)
    try:
        found = Loss()
        ways = {
            family: Path(probes.client, address, "tcp", f"Service [{address}]")
            for family in Family
            if (address := family.of(service["spec"].get("clusterIPs", [])))
        }
        answers = network.settle(list(ways.values()), is_open=True, within=network.OPEN_WITHIN)
        found.before = {family: answers[way] for family, way in ways.items()}
        ways = {family: way for family, way in ways.items() if answers[way] == "open"}
        if ways:
            found.seen = {family: _who_answers(probes.client, way, len(pair)) for family, way in ways.items()}
            found.lost = pair[0].name
            tenant_a.api.remove(f"{tenant_a.path('pods')}/{found.lost}")
            _watch(found, ways)
        yield found
    finally:
        tenant_a.api.remove(f"{tenant_a.path('services')}/{manifest['metadata']['name']}")


def _who_answers(client: Probe, way: Path, wanted: int) -> frozenset[str]:
    seen: set[str] = set()
    deadline = time.monotonic() + SEEN_WITHIN
    while len(seen) < wanted and time.monotonic() < deadline:
        with suppress(KitError):
            seen.add(network.dial(client, way.destination, workloads.TCP_PORT, "http", "hostname", within=0.0))
    return frozenset(seen)


def _watch(found: Loss, ways: Mapping[Family, Path]) -> None:
    """Send rounds of requests until every family holds, or fails when the time for it is over.

    Time alone decides nothing: a busy cloud answers all requests of a round, and has made few rounds by then.
    """
    found.rounds = {family: [] for family in ways}
    lost_at = time.monotonic()
    while not all(found.holds(family) or found.fails(family) for family in ways):
        for family, way in ways.items():
            since = time.monotonic() - lost_at
            tries = [Path(way.source, way.destination, "tcp", f"{way.label}, {n}") for n in range(ROUND)]
            answered = list(network.attempt_all(tries).values()).count("open")
            found.rounds[family].append((since, answered))


@requirement("GVC-BKP-03")
@families
def test_service_outlives_a_pod(loss: Loss, pair: list[Probe], family: Family, evidence: EvidenceBook) -> None:
    """A Service of two pods answers every request over this family soon after one of them is lost."""
    before = loss.before.get(family, "it has no address")
    evidence.add(f"call a Service of two pods over {family}", before)
    if before != "open":
        raise KitError(f"the Service does not answer over {family} while it is whole, so nothing can be lost: {before}")
    seen = ", ".join(sorted(loss.seen[family])) or "none"
    evidence.add("ask who answers", seen)
    if len(loss.seen[family]) < len(pair):
        raise KitError(f"of two pods {seen} answered over {family}, so the loss of one would show nothing")
    told = "; ".join(f"{since:.1f} s: {answered} of {ROUND}" for since, answered in loss.rounds[family])
    evidence.add(f"delete {loss.lost}, and send {ROUND} requests at a time", told)
    still = f"{HELD_WITHIN:.0f} s after a pod was lost, requests to its Service still fail"
    assert not loss.fails(family), f"{still}: {told}"
