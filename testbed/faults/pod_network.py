"""Packets between pods pass where they should not, or do not pass where they should."""

from __future__ import annotations

from testbed.faults.fault import Fault
from testbed.faults.host_files import edited, nodes, unit

_AGENT = unit("govcloud-network.service")

AGENT_IPV4_ALONE = Fault(
    "agent-ipv4-alone",
    "the network agent enforces policies in IPv4 and forgets IPv6",
    edited(nodes, {"/etc/default/govcloud-network": "s/^(GOVCLOUD_NETWORK_FAMILIES)=.*/\\1=ipv4/"}, _AGENT),
)
