"""Which cluster to talk to, and as whom: a kubeconfig as a path, as content, or the place the program runs in."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

IN_CLUSTER: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class KubeconfigError(Exception):
    """The kubeconfig cannot be used; the message names what is wrong in it."""


@dataclass(frozen=True)
class Connection:
    """A cluster's address and the credentials for it; certificates and keys as PEM text."""

    server: str
    authority: str = field(default="", repr=False)
    verify: bool = True
    server_name: str = ""
    proxy: str = ""
    namespace: str = ""
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    basic: str = field(default="", repr=False)
    command: Mapping[str, Any] | None = field(default=None, repr=False)
    folder: Path = Path()


def read(text: str) -> tuple[dict[str, Any], Path]:
    """Return a kubeconfig given as a path or as content (YAML or JSON), and the folder its paths are relative to."""
    folder = Path()
    content = text
    if "\n" not in text and not text.lstrip().startswith("{"):
        path = Path(text).expanduser()
        try:
            content = path.read_text(encoding="utf-8")
        except OSError as error:
            raise KubeconfigError(f"kubeconfig {path} cannot be read: {error.strerror}") from error
        folder = path.absolute().parent
    try:
        found = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise KubeconfigError("the kubeconfig is neither YAML nor JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("clusters"), list):
        raise KubeconfigError("the kubeconfig has no clusters")
    return found, folder


def default_text(environment: Mapping[str, str] = os.environ) -> str:
    """Return the path that is used when none is configured: the first of KUBECONFIG that exists, or ~/.kube/config."""
    for entry in environment.get("KUBECONFIG", "").split(os.pathsep):
        if entry and Path(entry).exists():
            return entry
    home = Path(environment.get("HOME") or Path.home()) / ".kube" / "config"
    return str(home) if home.exists() else environment.get("KUBECONFIG", "").split(os.pathsep)[0]


def load(text: str = "", context: str = "", cluster: str = "") -> Connection:
    """Return how to reach the cluster of a kubeconfig's current (or the named) context.

    Without any kubeconfig, a program that runs in a pod uses its service account.
    """
    text = text or default_text()
    if not text:
        if (IN_CLUSTER / "token").exists():
            return in_cluster()
        raise KubeconfigError("no kubeconfig: set KUBECONFIG, or the provider's argument 'kubeconfig'")
    config, folder = read(text)
    context = context or str(config.get("current-context") or "")
    chosen = _entry(config, "context", context) if context else {}
    cluster = cluster or str(chosen.get("cluster") or "")
    if not cluster:
        raise KubeconfigError("the kubeconfig has no current context; name one with the provider's argument 'context'")
    where = _entry(config, "cluster", cluster)
    if not where.get("server"):
        raise KubeconfigError(f"cluster {cluster!r} of the kubeconfig has no server")
    who = _entry(config, "user", str(chosen["user"])) if chosen.get("user") else {}
    basic = f"{who['username']}:{who.get('password', '')}" if who.get("username") else ""
    return Connection(
        server=str(where["server"]).rstrip("/"),
        authority=_material(where, "certificate-authority", folder),
        verify=not where.get("insecure-skip-tls-verify", False),
        server_name=str(where.get("tls-server-name") or ""),
        proxy=str(where.get("proxy-url") or ""),
        namespace=str(chosen.get("namespace") or ""),
        certificate=_material(who, "client-certificate", folder),
        key=_material(who, "client-key", folder),
        token=str(who.get("token") or ""),
        token_file=str(folder / who["tokenFile"]) if who.get("tokenFile") else "",
        basic=base64.b64encode(basic.encode()).decode(),
        command=who.get("exec"),
        folder=folder,
    )


def in_cluster() -> Connection:
    """Return how a pod reaches the cluster it runs in."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{host}]" if ":" in host else host
    return Connection(
        server=f"https://{host}:{port}",
        authority=(IN_CLUSTER / "ca.crt").read_text(encoding="utf-8"),
        token_file=str(IN_CLUSTER / "token"),
    )


def _entry(config: Mapping[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in config.get(f"{kind}s") or []:
        if isinstance(entry, dict) and entry.get("name") == name:
            return dict(entry.get(kind) or {})
    raise KubeconfigError(f"the kubeconfig has no {kind} named {name!r}")


def _material(entry: Mapping[str, Any], name: str, folder: Path) -> str:
    if data := entry.get(f"{name}-data"):
        try:
            return base64.b64decode(data).decode()
        except ValueError as error:
            raise KubeconfigError(f"{name}-data of the kubeconfig is not base64") from error
    if path := entry.get(name):
        try:
            return (folder / Path(path).expanduser()).read_text(encoding="utf-8")
        except OSError as error:
            raise KubeconfigError(f"{name} of the kubeconfig cannot be read: {error.strerror}: {path}") from error
    return ""


@dataclass(frozen=True)
class Credential:
    """What a credential program gave, and until when it holds."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: datetime | None = None

    def fresh(self) -> bool:
        """Whether it holds for another minute."""
        return self.expires is None or datetime.now(UTC) + timedelta(minutes=1) < self.expires


def run_command(command: Mapping[str, Any], folder: Path) -> Credential:
    """Run the credential program of a kubeconfig's user."""
    version = str(command.get("apiVersion") or "client.authentication.k8s.io/v1")
    given = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {**os.environ, "KUBERNETES_EXEC_INFO": json.dumps(given)}
    environment.update({str(e["name"]): str(e["value"]) for e in command.get("env") or []})
    program = str(command.get("command"))
    if "/" in program:
        program = str(folder / program)
    try:
        done = subprocess.run(
            [program, *map(str, command.get("args") or [])],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        status = json.loads(done.stdout)["status"]
        expires = status.get("expirationTimestamp")
        return Credential(
            token=status.get("token", ""),
            certificate=status.get("clientCertificateData", ""),
            key=status.get("clientKeyData", ""),
            expires=datetime.fromisoformat(expires) if expires else None,
        )
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError, AttributeError) as error:
        hint = f" ({command['installHint']})" if command.get("installHint") else ""
        raise KubeconfigError(f"the kubeconfig's credential program {program} gave no credential{hint}") from error
