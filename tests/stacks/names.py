"""Asking the name server of a cluster."""

from __future__ import annotations

import struct
from pathlib import Path

from kubernetes import client, config
from kubernetes.stream import portforward

from conformance import dns
from tests.waiting import eventually


def asked(kubeconfig: Path, name: str, kind: int) -> bytes:
    """Ask the cluster's name server over TCP, through the API server, and return its answer."""
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))

    def ready() -> str:
        pods = api.list_namespaced_pod("kube-system", label_selector="k8s-app=kube-dns").items
        good = [it for it in pods if any(c.type == "Ready" and c.status == "True" for c in it.status.conditions or ())]
        return good[0].metadata.name if good else ""

    pod = eventually(ready, "a name server is ready")
    forward = portforward(api.connect_get_namespaced_pod_portforward, pod, "kube-system", ports="53")
    try:
        socket = forward.socket(53)
        socket.settimeout(20)
        packet = dns.question(name, kind)
        socket.sendall(struct.pack(">H", len(packet)) + packet)
        answer = b""
        while len(answer) < 2 or len(answer) < 2 + struct.unpack(">H", answer[:2])[0]:
            more = socket.recv(4096)
            assert more, "the name server said nothing more"
            answer += more
        return answer[2:]
    finally:
        forward.close()
