"""SSH keys of a testbed: one that opens every host, and one that each host shows, known before it boots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from core.files import write_atomic

if TYPE_CHECKING:
    from testbed.state import State
    from testbed.topology import Topology


def ensure(state: State, topology: Topology) -> None:
    """Make the keys that are missing or damaged, and write ``known_hosts`` anew."""
    public = _ensure_key(state.key)
    write_atomic(state.key.with_suffix(".pub"), f"{public} testbed-{topology.name}\n")
    lines = []
    for host in topology.placed():
        key = _ensure_key(state.host(host.name).key)
        lines.append(f"{host.name},{host.ipv4},{host.ipv6} {key}\n")
    write_atomic(state.known_hosts, "".join(lines))


def public_key(private: Path) -> str:
    """Give the public half of a private key file, as one line of OpenSSH."""
    key = load_ssh_private_key(private.read_bytes(), password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _ensure_key(path: Path) -> str:
    try:
        return public_key(path)
    except (FileNotFoundError, ValueError):
        key = Ed25519PrivateKey.generate()
        write_atomic(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), mode=0o600)
        return public_key(path)
