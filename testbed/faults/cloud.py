"""The cloud that faults are switched on in: its hosts, its API server, its services, and what was there before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from core.audit_tenants import TENANTS
from core.errors import KitError
from core.files import write_atomic
from testbed import ssh
from testbed.faults.api import Api
from testbed.state import State
from testbed.topology import PlacedHost, Role, Topology

TakeUp = Callable[["Cloud"], None]


class Phase(IntEnum):
    """In which order a change is taken up: files first, then the servers that read them, then what needs these."""

    EDIT = 0
    RENEW = 1
    SETTLE = 2


@dataclass
class Record:
    """What one fault has written down in the testbed's state folder: that it is on, and what undoes it."""

    path: Path

    def begin(self) -> None:
        """Write down that the fault is on; what an earlier switching on had kept stays."""
        if not self.path.exists():
            self._write({})

    def keep(self, key: str, value: Any) -> None:
        """Write a value down before it is lost; the first one counts, since a later one may be broken already."""
        kept = self._read()
        if key not in kept:
            self._write({**kept, key: value})

    def kept(self, key: str) -> Any:
        """Return what was written down, None where nothing was."""
        return self._read().get(key)

    def end(self) -> None:
        """Forget all: the fault is off."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def _write(self, kept: Mapping[str, Any]) -> None:
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        write_atomic(self.path, json.dumps(kept), mode=0o600)


@dataclass
class Cloud:
    """One cluster of a testbed, with the rights of its administrator. ``fault`` and ``record`` are the one at hand."""

    topology: Topology
    cluster: str
    tenants: Mapping[str, str] = field(default_factory=lambda: dict(TENANTS))
    """Namespaces of the audit's tenants a and b; templates name them ``{a}`` and ``{b}``."""
    fault: str = ""
    pending: dict[str, tuple[Phase, TakeUp]] = field(default_factory=dict)

    @classmethod
    def of(cls, topology: Topology, cluster: str = "") -> Cloud:
        """Return a cluster of a testbed: the one of that name, the enterprise's, or the first."""
        names = [cluster.name for cluster in topology.clusters]
        chosen = cluster or ("egc" if "egc" in names else next(iter(names), ""))
        if chosen not in names:
            raise KitError(f"testbed {topology.name} has no cluster {chosen!r}", f"its clusters: {', '.join(names)}")
        return cls(topology, chosen)

    @property
    def state(self) -> State:
        """The testbed's state folder."""
        return State.of(self.topology.name)

    @property
    def record(self) -> Record:
        """What the fault at hand wrote down."""
        return self.record_of(self.fault)

    def record_of(self, fault: str) -> Record:
        """Return the record of a fault of that name, which need not be on."""
        return Record(self.state.folder / "faults" / f"{fault}.json")

    @property
    def members(self) -> list[PlacedHost]:
        """Every host of the cluster, those of its services among them."""
        return [host for host in self.topology.placed() if host.cluster == self.cluster]

    @property
    def hosts(self) -> list[str]:
        """Names of the cluster's Kubernetes nodes."""
        return [host.name for host in self.members if host.role in {Role.CONTROL_PLANE, Role.WORKER}]

    @property
    def control_plane(self) -> str:
        """Name of the host of the control plane."""
        return self.host_of("control-plane")

    def host_of(self, role: str) -> str:
        """Return the name of the cluster's first host of a role, such as ``services``."""
        for host in self.members:
            if host.role.value == role:
                return host.name
        raise KitError(f"cluster {self.cluster} has no host of the role {role!r}", "take a topology that has one")

    def ssh(self, host: str, command: str, *, seconds: float = 120) -> str:
        """Run a command line in a host's shell, which has to succeed, and return what it wrote."""
        done = ssh.run(self.state.folder, host, command, timeout=seconds)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or f"code {done.returncode}").splitlines()[-1]
            raise KitError(f"{host}: {command.strip().splitlines()[0][:80]}: {said}", "govcloud testbed status")
        return done.stdout

    @cached_property
    def api(self) -> Api:
        """The API server, with the rights of the administrator."""
        return Api(self.state.kubeconfig(self.cluster))

    @property
    def services(self) -> dict[str, Any]:
        """What the cloud offers beside Kubernetes, with the credentials: the state folder's file of services."""
        path = self.state.services
        try:
            return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise KitError(f"testbed {self.topology.name} offers no services", f"{path} is not there") from None

    def named(self, value: Any) -> Any:
        """Fill the tenants' namespaces in where a template says ``{a}`` or ``{b}``, however deep it stands."""
        if isinstance(value, str):
            for name, namespace in self.tenants.items():
                value = value.replace(f"{{{name}}}", namespace)
            return value
        if isinstance(value, Mapping):
            return {key: self.named(item) for key, item in value.items()}
        return [self.named(item) for item in value] if isinstance(value, list) else value

    def later(self, what: str, action: TakeUp, phase: Phase = Phase.RENEW) -> None:
        """Have something done once when the objects of all faults at hand are switched, in the order of the phases."""
        self.pending.setdefault(what, (phase, action))

    def take_up(self) -> None:
        """Do what was left for later, and what that leaves."""
        while self.pending:
            what = min(self.pending, key=lambda name: self.pending[name][0])
            self.pending[what][1](self)
            del self.pending[what]
