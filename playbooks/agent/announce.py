"""Pods that the container runtime has just connected: known here before the API server tells their addresses."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from playbooks.agent.model import Address, Pod
from playbooks.agent.reflector import Changes

Key = tuple[str, str]
FORGET_SECONDS = 60.0
"""So long a pod may be announced before the API server tells of it."""
WAIT_SECONDS = 4.0
"""So long an announcement may wait for its rules: less than the plugin waits for the answer."""


@dataclass(frozen=True)
class Announcement:
    """A pod's sandbox, its addresses, and when it was announced (monotonic seconds)."""

    container: str
    addresses: tuple[Address, ...]
    at: float


@dataclass
class Announcements:
    """What was announced, and which addresses have their rules in force."""

    changes: Changes
    _known: dict[Key, Announcement] = field(default_factory=dict)
    _ready: dict[Key, tuple[Address, ...]] = field(default_factory=dict)
    _turn: threading.Condition = field(default_factory=threading.Condition)

    def merge(self, pods: Iterable[Pod]) -> list[Pod]:
        """Give the pods of this node their announced addresses; forget announcements of pods that are gone."""
        listed = list(pods)
        keys = {(p.namespace, p.name) for p in listed if not p.terminated}
        with self._turn:
            young = time.monotonic() - FORGET_SECONDS
            self._known = {key: a for key, a in self._known.items() if key in keys or a.at > young}
            known = dict(self._known)
        return [
            replace(pod, addresses=known[pod.namespace, pod.name].addresses)
            if (pod.namespace, pod.name) in known and not pod.host_network
            else pod
            for pod in listed
        ]

    def in_force(self, owned: Mapping[Key, tuple[Address, ...]]) -> None:
        """Say which pods' rules are in force at which addresses; whoever announced one of these goes on."""
        with self._turn:
            self._ready = dict(owned)
            self._turn.notify_all()

    def take(self, message: dict[str, Any]) -> None:
        """Take a plugin's message; for a new pod return when its rules are in force, or after a while."""
        key = (message["namespace"], message["name"])
        if message["command"] == "DEL":
            with self._turn:
                if key in self._known and self._known[key].container == message["container"]:
                    del self._known[key]
            self.changes.mark()
            return
        addresses = tuple(ip_address(a) for a in message["addresses"])
        with self._turn:
            self._known[key] = Announcement(message["container"], addresses, time.monotonic())
            self._ready.pop(key, None)
            self.changes.mark()
            self._turn.wait_for(lambda: set(addresses) <= set(self._ready.get(key, ())), WAIT_SECONDS)


def serve(path: Path, announcements: Announcements) -> threading.Thread:
    """Listen for the plugin on a socket that only this user and root may use."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            announcements.take(json.loads(self.rfile.readline()))
            self.wfile.write(b"ok\n")

    path.unlink(missing_ok=True)
    server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
    server.daemon_threads = True
    path.chmod(0o600)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return thread
