"""The agent as a service: watches the cluster, keeps the node's network as the cluster wants it."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from playbooks.agent.announce import Announcements, serve
from playbooks.agent.client import Client
from playbooks.agent.model import Namespace, Node, Pod, Policy
from playbooks.agent.network import apply_routes, wanted_routes, write_configuration
from playbooks.agent.plugin import SOCKET
from playbooks.agent.policy import Cluster
from playbooks.agent.reflector import Changes, Reflector
from playbooks.agent.ruleset import FAMILIES, TABLE, Family, closed, compile_ruleset

TICK_SECONDS = 2.0
"""How often the agent tells systemd that it lives, and looks whether its table and routes still stand."""
log = logging.getLogger("govcloud-network")


@dataclass
class Agent:
    """The node's name, what is enforced, where things are, the cluster's objects, and the rules that are in force."""

    node: str
    families: tuple[Family, ...]
    configuration: Path
    socket: Path
    changes: Changes = field(default_factory=Changes)
    applied: str = ""

    def __post_init__(self) -> None:
        self.pods = Reflector("/api/v1/pods", Pod.parse, self.changes)
        self.namespaces = Reflector("/api/v1/namespaces", Namespace.parse, self.changes)
        self.nodes = Reflector("/api/v1/nodes", Node.parse, self.changes)
        self.policies = Reflector("/apis/networking.k8s.io/v1/networkpolicies", Policy.parse, self.changes)
        self.announcements = Announcements(self.changes)
        self.kinds = (self.pods, self.namespaces, self.nodes, self.policies)

    def synced(self) -> bool:
        """Whether every kind was listed at least once: rules made of a part of the cluster could be open."""
        return all(kind.synced.is_set() for kind in self.kinds)

    def judge(self) -> None:
        """Bring the rules to what the cluster wants; where that is what stands, nothing is applied."""
        pods, namespaces = self.announcements.merge(self.pods.items()), self.namespaces.items()
        text = compile_ruleset(
            self.node,
            families=self.families,
            pods=pods,
            namespaces=namespaces,
            policies=self.policies.items(),
            nodes=self.nodes.items(),
            ranges=self.own().ranges,
        )
        if text != self.applied:
            started = time.monotonic()
            load(text)
            self.applied = text
            log.info("rules applied in %.0f ms, %d bytes", 1000 * (time.monotonic() - started), len(text))
        self.announcements.in_force(Cluster.of(pods, namespaces).owned)

    def connect(self) -> bool:
        """Bring routes and CNI configuration to what the cluster wants; say whether the node has its ranges yet."""
        own = self.own()
        if not own.ranges:
            return False
        if changed := apply_routes(wanted_routes(own, self.nodes.items())):
            log.info("%d routes changed", changed)
        if write_configuration(self.configuration, own.ranges):
            log.info("CNI configuration written for %s", ", ".join(map(str, own.ranges)))
        return True

    def own(self) -> Node:
        """Return this node as the cluster knows it; without ranges where it does not yet."""
        return next((n for n in self.nodes.items() if n.name == self.node), Node(self.node))

    def step(self, *, changed: bool, ready: bool) -> bool:
        """Follow what changed, mend what others took away; tell systemd when the node is connected at last."""
        if not table_stands():
            self.applied = ""
        if changed or not self.applied:
            self.judge()
        if self.connect() and not ready:
            notify("READY=1")
            return True
        return ready

    def run(self, client: Client) -> None:
        """Serve until a part of the agent ends, which systemd answers with a new start."""
        threads = [threading.Thread(target=kind.run, args=(client,), daemon=True) for kind in self.kinds]
        for thread in threads:
            thread.start()
        threads.append(serve(self.socket, self.announcements))
        ready = False
        while all(thread.is_alive() for thread in threads):
            changed = self.changes.wait(TICK_SECONDS)
            try:
                if self.synced():
                    ready = self.step(changed=changed, ready=ready)
            except (subprocess.SubprocessError, OSError) as error:
                # The last rules stay in force; the next tick tries again.
                log.error("%s %s", error, getattr(error, "stderr", "") or "")  # noqa: TRY400
                self.applied = ""
            notify("WATCHDOG=1")
        sys.exit("a watch ended")


def load(text: str) -> None:
    """Apply a ruleset in one transaction: all of it or nothing."""
    subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=True, timeout=30)


def table_stands() -> bool:
    """Whether the agent's table is there; another program's ``flush ruleset`` would take it away."""
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True, timeout=10)
    return f"table inet {TABLE}" in done.stdout.splitlines()


def notify(message: str) -> None:
    """Tell systemd, where it started us."""
    if not (name := os.environ.get("NOTIFY_SOCKET")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect("\0" + name[1:] if name.startswith("@") else name)
        channel.sendall(message.encode())


def main() -> None:
    """Run the service, or (``guard``) close the node until the service has taken over."""
    parser = argparse.ArgumentParser(prog="govcloud-network", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("guard", help="let nothing pass the pods' bridge until the agent knows better")
    follow = commands.add_parser("serve", help="follow the cluster")
    follow.add_argument("--node", required=True, help="the name of this node in the cluster")
    follow.add_argument("--kubeconfig", required=True, type=Path, help="a kubeconfig in JSON")
    follow.add_argument("--cni-configuration", required=True, type=Path, help="the file to write for the runtime")
    follow.add_argument("--families", default=",".join(FAMILIES), help="which families are enforced")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if options.command == "guard":
        if not table_stands():
            load(closed())
        return
    families = tuple(f for f in FAMILIES if f in options.families.split(","))
    Agent(options.node, families, options.cni_configuration, Path(SOCKET)).run(Client.of(options.kubeconfig))
