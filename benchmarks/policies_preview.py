"""What the rules add to a `pulumi preview` of many resources, and to a create at the API server.

    .venv/bin/python benchmarks/policies_preview.py --kubeconfig FILE [--resources 500] [--pack policies/level-1]

The preview has no cluster's objects: each step is a namespace with four objects, previewed in turn without and with the
pack. For admission, Deployments are offered (dry run) to a namespace of level 3 of the cluster before and after the
rules are put in force there; what it made is removed again. Prints medians. Targets: 15 % and 5 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kubernetes import config

from core.paths import REPOSITORY, state_dir
from modules import labels, workloads
from policies.admission import render
from policies.admission_groups import grouped
from policies.rules import Compiled, at_level
from toolchain import pulumi

LEVEL = 3
SPACE = "benchmark-policies"
PROGRAM = """
import pulumi_kubernetes as k8s

for number in range({namespaces}):
    name = f"benchmark-{{number:04}}"
    home = k8s.core.v1.Namespace(name, metadata={{"name": name}})
    place = {{"namespace": name}}
    labels = {{"app": "server"}}
    ports = [{{"port": 443, "targetPort": 8443}}]
    container = {{"name": "server", "image": "registry.example.gov.vn/server:1", "ports": [{{"containerPort": 8443}}]}}
    template = {{"metadata": {{"labels": labels}}, "spec": {{"containers": [container]}}}}
    k8s.core.v1.ConfigMap(name, metadata={{**place, "name": "settings"}}, data={{"number": str(number)}})
    k8s.core.v1.Service(
        name,
        metadata={{**place, "name": "server"}},
        spec={{"selector": labels, "ports": ports, "ipFamilyPolicy": "RequireDualStack"}},
    )
    k8s.networking.v1.NetworkPolicy(
        name,
        metadata={{**place, "name": "default-deny"}},
        spec={{"podSelector": {{}}, "policyTypes": ["Ingress", "Egress"]}},
    )
    k8s.apps.v1.Deployment(
        name,
        metadata={{**place, "name": "server"}},
        spec={{"selector": {{"matchLabels": labels}}, "template": template}},
    )
"""


def main() -> None:
    """Measure both and print a line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--resources", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--creates", type=int, default=300)
    parser.add_argument("--pack", type=Path, default=REPOSITORY / "policies" / "level-1")
    given = parser.parse_args()
    if not given.kubeconfig.is_file():
        sys.exit(f"{given.kubeconfig}: no such file")
    with tempfile.TemporaryDirectory(prefix="govcloud-benchmark-") as folder:
        environment = {**os.environ, **pulumi.environment(state_dir(), given.kubeconfig, Path(folder, "stacks"))}
        plain, packed = previews(Path(folder, "many"), environment, given)
    added = (packed / plain - 1) * 100
    print(f"preview of {given.resources} resources: {plain:.1f} s, with the pack {packed:.1f} s: {added:+.0f} %")
    before, after = admissions(given.kubeconfig, given.creates)
    print(f"create: {before * 1e3:.1f} ms, with the rules {after * 1e3:.1f} ms: {(after - before) * 1e3:+.1f} ms")


def previews(project: Path, environment: dict[str, str], given: argparse.Namespace) -> tuple[float, float]:
    """Return the median seconds of a preview without and with the pack, taken in turn."""
    project.mkdir()
    (project / "__main__.py").write_text(PROGRAM.format(namespaces=given.resources // 5))
    runtime = f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    (project / "Pulumi.yaml").write_text(f"name: many\n{runtime}")
    run(["pulumi", "stack", "init", "many"], environment, project)
    words = ["pulumi", "preview", "--stack", "many", "--non-interactive"]
    pack = ["--policy-pack", str(given.pack.resolve())]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(given.rounds):
        for with_pack, times in seconds.items():
            started = time.monotonic()
            said = run([*words, *(pack if with_pack else ())], environment, project, violations=with_pack)
            times.append(time.monotonic() - started)
            if with_pack and "Policies:" not in said:
                sys.exit(f"the pack was not in force: {said[-500:]}")
    return statistics.median(seconds[False]), statistics.median(seconds[True])


def run(words: list[str], environment: dict[str, str], folder: Path, *, violations: bool = False) -> str:
    """Run a command to its end; with ``violations`` it may fail, for the objects are not meant to conform."""
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode and not violations:
        sys.exit(f"{' '.join(words[:3])} failed: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout + done.stderr


class Cluster:
    """An API server, asked over one connection."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = config.new_client_from_config(str(kubeconfig))

    def ask(self, method: str, path: str, body: Any = None) -> int:
        """Return the status of a request."""
        content = None if body is None else json.dumps(body)
        url, kind = self._api.configuration.host + path, {"Content-Type": "application/json"}
        return int(self._api.rest_client.pool_manager.request(method, url, body=content, headers=kind).status)


def admissions(kubeconfig: Path, count: int) -> tuple[float, float]:
    """Return the median seconds of a create before and after the rules are in force."""
    cluster = Cluster(kubeconfig)
    with existing(cluster, [("/api/v1/namespaces", namespace())]):
        before = creates(cluster, count)
        with existing(cluster, list(policies())):
            deadline = time.monotonic() + 60
            while offer(cluster, privileged=True) == 201:
                if time.monotonic() > deadline:
                    sys.exit("the rules are not in force")
                time.sleep(0.5)
            time.sleep(3)  # until the last of them is
            after = creates(cluster, count)
    return before, after


def offer(cluster: Cluster, *, privileged: bool = False) -> int:
    """Offer a Deployment without keeping it, and return the status; all rules of its kind judge it."""
    made = workloads.deployment(workloads.Workload(name="server", namespace=SPACE, replicas=2))
    made["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = privileged
    return cluster.ask("POST", f"/apis/apps/v1/namespaces/{SPACE}/deployments?dryRun=All", made)


def creates(cluster: Cluster, count: int) -> float:
    """Return the median seconds of a create, the first ones left out."""
    times = []
    for _ in range(count + 20):
        started = time.perf_counter()
        offer(cluster)
        times.append(time.perf_counter() - started)
    return statistics.median(times[20:])


def namespace() -> dict[str, Any]:
    """Return the namespace in which the objects are offered."""
    return {"metadata": {"name": SPACE, "labels": {labels.SECURITY_LEVEL: str(LEVEL)}}}


def policies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the policies that judge Deployments of the level, under names of their own, bound to the one namespace."""
    prefix = "/apis/admissionregistration.k8s.io/v1"
    single = [it for it in at_level(LEVEL) if isinstance(it, Compiled)]
    rules = [it for it in single if ("apps/v1", "Deployment") in it.kinds]
    for document in grouped(part for rule in rules for part in render(rule)):
        document["metadata"]["name"] = document["metadata"]["name"].replace("govcloud", "benchmark")
        if document["kind"] == "ValidatingAdmissionPolicy":
            yield f"{prefix}/validatingadmissionpolicies", document
            continue
        spec = document["spec"]
        spec["policyName"] = spec["policyName"].replace("govcloud", "benchmark")
        spec["matchResources"] = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": SPACE}}}
        yield f"{prefix}/validatingadmissionpolicybindings", document


@contextmanager
def existing(cluster: Cluster, objects: list[tuple[str, dict[str, Any]]]) -> Iterator[None]:
    """Make objects, and remove them at the end."""
    try:
        for path, made in objects:
            status = cluster.ask("POST", path, made)
            if status != 201:
                sys.exit(f"{path}: {made['metadata']['name']} could not be made: {status}")
        yield
    finally:
        for path, made in reversed(objects):
            cluster.ask("DELETE", f"{path}/{made['metadata']['name']}")


if __name__ == "__main__":
    main()
