"""The operator's people reach into tenants, or keep software that nobody mends any more."""

from __future__ import annotations

from testbed.faults.cloud import Cloud
from testbed.faults.fault import Change, Fault
from testbed.faults.objects import RBAC, bound

_OPERATORS = {"apiGroup": RBAC, "kind": "Group", "name": "govcloud:egc:operators"}
"""The group that the enterprise cloud declares for its people."""

OPERATORS_REACH_IN = Fault(
    "operators-reach-in",
    "the operator's people may read tenant a's secrets and enter its running programs",
    bound("govcloud-fault-operators", "cluster-admin", _OPERATORS, "{a}"),
)
_NODES, _OLD = "/api/v1/nodes", "govcloud-fault-old-node"
_FREE = -2
"""Place of an address in the backbone's ranges that no host has: theirs are counted from the start."""


def _join(cloud: Cloud) -> None:
    """Let a node that is no machine join, with addresses like the others'; nothing is ever put on it."""
    ranges = cloud.topology.backbone
    addresses = [{"type": "InternalIP", "address": str(it[_FREE])} for it in (ranges.ipv4, ranges.ipv6)]
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": _OLD},
        "spec": {"unschedulable": True},
        "status": {"addresses": addresses, "nodeInfo": {"kubeletVersion": "v1.31.0"}},
    }
    cloud.api.create(_NODES, node)


def _leave(cloud: Cloud) -> None:
    cloud.api.remove(f"{_NODES}/{_OLD}")


OLD_NODE = Fault(
    "old-node",
    "a node has a kubelet whose maker does not support it any more",
    Change(_join, _leave),
)
