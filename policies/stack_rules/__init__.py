"""Rules over several objects, one function each, known by the id of the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from policies.stack_rules.limits import namespaces_have_limits, quotas_add_up, quotas_fit_nodes
from policies.stack_rules.network import (
    address_blocks_in_pairs,
    namespaces_deny_by_default,
    systems_have_their_zones,
)
from policies.stack_rules.objects import Manifests, Violation
from policies.stack_rules.separation import copies_stand_apart, systems_kept_apart

__all__ = ["FUNCTIONS", "Violation"]

FUNCTIONS: Final[Mapping[str, Callable[[Manifests], Iterator[Violation]]]] = MappingProxyType(
    {
        "address-blocks-in-pairs": address_blocks_in_pairs,
        "agency-namespace-default-deny": namespaces_deny_by_default,
        "copies-stand-apart": copies_stand_apart,
        "namespace-limits": namespaces_have_limits,
        "quotas-add-up": quotas_add_up,
        "quotas-fit-nodes": quotas_fit_nodes,
        "system-zones": systems_have_their_zones,
        "systems-kept-apart": systems_kept_apart,
    }
)
