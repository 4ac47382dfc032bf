"""The proof at the end of `govcloud up`: real calls between real pods, over each address family.

The workload of an agency is asked, through the API server, to call an address by itself. What comes back is the
answer of the other side or the error that its own call met. A call that must fail counts only if the one who should
not be reached does answer over that family, and if the caller does reach what it may reach.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from kubernetes import client, config
from kubernetes.stream import portforward

from core.errors import KitError
from modules.agency import Agency
from modules.contract import Contract
from modules.spaces import workload
from modules.workloads import POD_PORT, Workload

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Pod:
    """A ready pod of a workload."""

    namespace: str
    name: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class Call:
    """One call that a pod made: who answered, or what went wrong."""

    answer: str = ""
    error: str = ""


@dataclass(frozen=True)
class Evidence:
    """One claim about the running cloud, and the calls that bear it out or do not."""

    claim: str
    family: str
    """``IPv4`` or ``IPv6``."""
    caller: str
    target: str
    expected: str
    """``answer`` or ``no answer``."""
    observed: str
    passed: bool


def prove(kubeconfig: Path, contract: Contract, agencies: Sequence[Agency], *, timeout: float = 90) -> list[Evidence]:
    """Let every agency call its shared services, and every other agency, over both families.

    Waits up to ``timeout`` seconds for the workloads to be ready; raises KitError naming one that is not.
    """
    deadline = time.monotonic() + timeout
    servers = [workload(agency, agency.systems[0], agency.systems[0].main) for agency in agencies]
    pods = [ready_pod(kubeconfig, server, deadline) for server in servers]
    with ThreadPoolExecutor(max_workers=4) as pool:
        allowed = [
            pool.submit(_allowed, kubeconfig, agency, pod, contract, family)
            for agency, pod in zip(agencies, pods, strict=True)
            for family in (4, 6)
        ]
        found = {job: job.result() for job in allowed}
        reaches = {(e.caller, e.family) for evidence in found.values() for e in evidence if e.passed}
        denied = [
            pool.submit(_denied, kubeconfig, pod, other, family, (str(pod.namespace), f"IPv{family}") in reaches)
            for pod in pods
            for other in pods
            if other is not pod
            for family in (4, 6)
        ]
        return [e for evidence in found.values() for e in evidence] + [job.result() for job in denied]


def call(kubeconfig: Path, pod: Pod, address: Address, port: int) -> Call:
    """Let a pod of the kit's workload call an address, and return what it saw."""
    query = urlencode({"host": str(address), "port": port, "request": "hostname", "protocol": "http", "tries": 1})
    result = json.loads(_ask(kubeconfig, pod, f"/dial?{query}"))
    answers, errors = result.get("responses") or [], result.get("errors") or []
    return Call(answer=answers[0].strip() if answers else "", error=errors[0] if errors else "")


def _allowed(kubeconfig: Path, agency: Agency, pod: Pod, contract: Contract, family: int) -> list[Evidence]:
    evidence = []
    for name in agency.systems[0].consumes:
        service = contract.service(name)
        address = service.ipv4 if family == 4 else service.ipv6
        made = call(kubeconfig, pod, address, service.port)
        evidence.append(
            Evidence(
                claim=f"calls the central cloud's {name} service",
                family=f"IPv{family}",
                caller=pod.namespace,
                target=_place(address, service.port),
                expected="answer",
                observed=f"answer of {made.answer}" if made.answer else _short(made.error),
                passed=made.answer.startswith(f"{service.name}-"),
            )
        )
    return evidence


def _denied(kubeconfig: Path, pod: Pod, other: Pod, family: int, reaches: bool) -> Evidence:  # noqa: FBT001
    address = next((it for it in other.addresses if it.version == family), None)
    observed, passed = f"{other.name} has no IPv{family} address", False
    if address:
        own = call(kubeconfig, other, address, POD_PORT)
        made = call(kubeconfig, pod, address, POD_PORT)
        if made.answer:
            observed = f"answer of {made.answer}"
        elif own.answer != other.name:
            observed = f"not decided: {other.name} does not answer itself: {_short(own.error)}"
        elif not reaches:
            observed = f"not decided: {pod.name} reaches nothing at all over this family"
        else:
            observed, passed = f"no answer ({_short(made.error)}); the target answers itself", True
    return Evidence(
        claim="cannot reach another agency's workload",
        family=f"IPv{family}",
        caller=pod.namespace,
        target=f"{other.namespace} {_place(address, POD_PORT) if address else ''}".strip(),
        expected="no answer",
        observed=observed,
        passed=passed,
    )


def ready_pod(kubeconfig: Path, server: Workload, deadline: float) -> Pod:
    """Wait for a ready pod of a workload, until ``deadline`` on the monotonic clock; raises KitError without one."""
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    selector = ",".join(f"{key}={value}" for key, value in server.selector.items())
    while True:
        # the names of fields in the client's models change with its version; those of the API do not
        listed = api.list_namespaced_pod(
            server.namespace, label_selector=selector, _request_timeout=10, _preload_content=False
        )
        for item in json.loads(listed.data)["items"]:
            if "deletionTimestamp" not in item["metadata"] and _is_ready(item):
                addresses = tuple(ip_address(it["ip"]) for it in item["status"]["podIPs"])
                return Pod(server.namespace, item["metadata"]["name"], addresses)
        if time.monotonic() > deadline:
            raise KitError(
                f"no ready pod of {server.name} in namespace {server.namespace}",
                f"kubectl --namespace {server.namespace} get events",
            )
        time.sleep(0.5)


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(it["type"] == "Ready" and it["status"] == "True" for it in conditions)


def _ask(kubeconfig: Path, pod: Pod, path: str) -> str:
    """Send one request to a pod's server from inside the pod, by port forwarding: no network policy is crossed."""
    # a client of its own: while it forwards, the library changes the client in place
    api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
    forward = portforward(
        api.connect_get_namespaced_pod_portforward, pod.name, pod.namespace, ports=str(POD_PORT), _request_timeout=10
    )
    try:
        socket = forward.socket(POD_PORT)
        socket.settimeout(20)
        connection = http.client.HTTPConnection("localhost", POD_PORT)
        connection.sock = socket
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise KitError(
            f"{pod.namespace}/{pod.name} did not answer through the API server: {error}",
            f"kubectl --namespace {pod.namespace} get pods",
        ) from error
    finally:
        forward.close()


def _place(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _short(error: str) -> str:
    """Reduce an error of Go's HTTP client to what happened."""
    if "Client.Timeout" in error or "i/o timeout" in error:
        return "timed out"
    return error.rsplit(": ", 1)[-1] if error else "no error and no answer"
