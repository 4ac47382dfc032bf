"""Systems that an agency took over: the same namespaces as before, with another owner and a second name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pulumi

from modules import inheritance, workloads
from modules.agency import Agency
from modules.components.agency_cloud import all_ways, described, fill
from modules.contract import Contract
from modules.inheritance import Heirloom


def inherited_systems(
    owner: Agency,
    heirlooms: Sequence[Heirloom],
    offered: pulumi.Output[Contract] | None,
    image: str,
    options: pulumi.ResourceOptions,
    today: dt.date,
    logs: str = "",
    *,
    shut: bool = False,
) -> list[dict[str, Any]]:
    """Make what was taken over, and return what a stack says of it.

    Their namespaces stand in no component: what `pulumi state move` brought from the stacks of old then has the same
    names here. They are protected: a run that has lost the stack's configuration must not take them for leftovers.
    """
    everything = [*inheritance.own_systems(owner, heirlooms), *(it.system for it in heirlooms)]
    for it in heirlooms:
        others = [system for system in everything if system is not it.system]
        for zone in it.system.places:
            server = it.workload(zone, image)
            ways = all_ways(it.origin, owner, it.system, zone, server, offered, others)
            inside = [*workloads.manifests(server, service=False), *it.services(zone, image, today)]
            fill(it.space(zone, logs, today), ways, inside, options, shut=shut, protected=True)
    for space, answers in inheritance.names_of(owner, heirlooms, today):
        fill(space, [], answers, options, shut=shut)
    return [_described(it) for it in heirlooms]


def _described(heirloom: Heirloom) -> dict[str, Any]:
    facts = {**described(heirloom.origin, heirloom.system), "name": heirloom.alias, "from": heirloom.origin.slug}
    if heirloom.system.exposure != "none":
        facts["dns_name"] = f"{heirloom.alias}.agc-{heirloom.owner.slug}.svc"
    return facts
