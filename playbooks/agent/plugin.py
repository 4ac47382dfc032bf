"""The agent's CNI plugin, last of the node's chain: announces a new pod and waits until its rules are in force.

A pod so finds the network ready at its first packet. Where the agent does not answer, the pod starts all the same: its
addresses stay closed until the agent has read them from the API server.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

SOCKET = "/run/govcloud-network/cni.sock"
VERSIONS = ["0.4.0", "1.0.0"]
WAIT_SECONDS = 5.0


def message(command: str, arguments: str, container: str, configuration: dict[str, Any]) -> dict[str, Any]:
    """Return what the agent is told: the pod (from ``CNI_ARGS``), its sandbox, and the addresses it was given."""
    words = dict(pair.split("=", 1) for pair in arguments.split(";") if "=" in pair)
    result = configuration.get("prevResult") or {}
    return {
        "command": command,
        "namespace": words.get("K8S_POD_NAMESPACE", ""),
        "name": words.get("K8S_POD_NAME", ""),
        "container": container,
        "addresses": [entry["address"].split("/")[0] for entry in result.get("ips") or ()],
    }


def tell(path: str, value: dict[str, Any], seconds: float = WAIT_SECONDS) -> bool:
    """Give the agent a message and wait for its answer; False when there was none in time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(seconds)
            channel.connect(path)
            channel.sendall(json.dumps(value).encode() + b"\n")
            return channel.recv(16) != b""
    except OSError:
        return False


def main() -> None:
    """Answer one call of the container runtime."""
    command = os.environ["CNI_COMMAND"]
    configuration = json.load(sys.stdin)
    version = configuration.get("cniVersion", VERSIONS[-1])
    if command == "VERSION":
        json.dump({"cniVersion": version, "supportedVersions": VERSIONS}, sys.stdout)
        return
    if command in {"ADD", "DEL"}:
        arguments, container = os.environ.get("CNI_ARGS", ""), os.environ.get("CNI_CONTAINERID", "")
        tell(configuration.get("socket", SOCKET), message(command, arguments, container, configuration))
    if command == "ADD":
        json.dump({**configuration["prevResult"], "cniVersion": version}, sys.stdout)
