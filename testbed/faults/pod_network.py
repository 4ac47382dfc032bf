"""Packets between pods pass where they should not, or do not pass where they should."""

from __future__ import annotations

from testbed.faults.fault import Change, Fault
from testbed.faults.host_files import commands, edited, nodes, placed, unit

_AGENT_UNIT = "govcloud-network.service"
_AGENT = unit(_AGENT_UNIT)
_SETTINGS = "/etc/default/govcloud-network"
_METADATA = ("169.254.169.254/32", "fd00:ec2::254/128")
_FIRST = "/etc/cni/net.d/00-govcloud-fault.conflist"
_IPV4_CONFIGURATION = f"""python3 - << 'END'
import json, pathlib
whole = json.loads(pathlib.Path("/etc/cni/net.d/10-govcloud.conflist").read_text())
for plugin in whole["plugins"]:
    if ipam := plugin.get("ipam"):
        ipam["ranges"] = [r for r in ipam["ranges"] if ":" not in r[0]["subnet"]]
        ipam["routes"] = [r for r in ipam["routes"] if ":" not in r["dst"]]
pathlib.Path("{_FIRST}").write_text(json.dumps(whole))
END"""
_PATCHED_AGENT = """import sys

sys.path.insert(0, "/usr/local/lib/govcloud-network.pyz")
from playbooks.agent import model, service

whole = model.Policy.parse


def parse(value):
    return whole({**value, "spec": {**value["spec"], "%(direction)s": [{}]}})


model.Policy.parse = staticmethod(parse)
service.main()
"""


def _agent_that_allows(direction: str) -> Change:
    """Have the agent take every policy for one that allows all in a direction (``ingress`` or ``egress``)."""
    program = f"/usr/local/lib/govcloud-fault-{direction}.py"
    command = (
        f"/usr/bin/python3 {program} serve --node ${{GOVCLOUD_NETWORK_NODE}} "
        "--families ${GOVCLOUD_NETWORK_FAMILIES} --kubeconfig /etc/govcloud/network.json "
        "--cni-configuration /etc/cni/net.d/10-govcloud.conflist"
    )
    files = {
        program: _PATCHED_AGENT % {"direction": direction},
        f"/run/systemd/system/{_AGENT_UNIT}.d/fault-{direction}.conf": f"[Service]\nExecStart=\nExecStart={command}\n",
    }
    return placed(nodes, files, _AGENT)


def _dropped(family: str) -> Change:
    """Drop what pods send each other in one family (``ip`` or ``ip6``), to the ports of the audit's probes."""
    table = f"inet govcloud_fault_{family}"
    chain = "{ type filter hook forward priority -20; }"
    rule = f"meta nfproto {'ipv4' if family == 'ip' else 'ipv6'} th dport {{ 8080, 8081 }} drop"
    on = f"nft 'add table {table}; flush table {table}; add chain {table} f {chain}; add rule {table} f {rule}'"
    return commands(nodes, on, f"nft delete table {table} 2>/dev/null || true")


AGENT_OFF = Fault(
    "agent-off",
    "the network agent is off and its rules are gone: every pod reaches every other, whatever the policies say",
    commands(
        nodes,
        f"systemctl stop {_AGENT_UNIT} && nft 'add table inet govcloud; delete table inet govcloud'",
        f"systemctl start {_AGENT_UNIT}",
    ),
)
AGENT_IPV4_ALONE = Fault(
    "agent-ipv4-alone",
    "the network agent enforces policies in IPv4 and forgets IPv6",
    edited(nodes, {_SETTINGS: "s/^(GOVCLOUD_NETWORK_FAMILIES)=.*/\\1=ipv4/"}, _AGENT),
)
AGENT_IPV6_ALONE = Fault(
    "agent-ipv6-alone",
    "the network agent enforces policies in IPv6 and forgets IPv4",
    edited(nodes, {_SETTINGS: "s/^(GOVCLOUD_NETWORK_FAMILIES)=.*/\\1=ipv6/"}, _AGENT),
)
EGRESS_IGNORED = Fault(
    "egress-ignored",
    "the network agent lets out whatever a pod sends, as some network plugins do",
    _agent_that_allows("egress"),
)
INGRESS_IGNORED = Fault(
    "ingress-ignored",
    "the network agent lets anything in to a pod that may be sent to it",
    _agent_that_allows("ingress"),
)
PODS_APART_IPV4 = Fault(
    "pods-apart-ipv4",
    "pods that may talk do not reach each other over IPv4: a rule beside the agent's drops their packets",
    _dropped("ip"),
)
PODS_APART_IPV6 = Fault(
    "pods-apart-ipv6",
    "pods that may talk do not reach each other over IPv6: a rule beside the agent's drops their packets",
    _dropped("ip6"),
)
PODS_WITHOUT_IPV6 = Fault(
    "pods-without-ipv6",
    "pods get an IPv4 address alone: a configuration of the network that comes before the agent's",
    commands(nodes, _IPV4_CONFIGURATION, f"rm -f {_FIRST}"),
)
METADATA_REACHABLE = Fault(
    "metadata-reachable",
    "pods reach the address at which clouds give out their machines' credentials",
    commands(
        nodes,
        "".join(f"ip addr replace {address} dev lo; " for address in _METADATA)
        + "systemctl is-active -q govcloud-fault-metadata || systemd-run --quiet --unit=govcloud-fault-metadata "
        "/usr/bin/python3 -m http.server 80 --bind :: --directory /var/empty",
        "systemctl stop govcloud-fault-metadata 2>/dev/null; "
        + "".join(f"ip addr del {address} dev lo 2>/dev/null; " for address in _METADATA)
        + "true",
    ),
)
