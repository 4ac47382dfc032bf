"""What the rules add to a `pulumi preview` of many resources, and to a create at the API server.

    .venv/bin/python benchmarks/policies_preview.py --kubeconfig FILE [--resources 500] [--pack policies/level-3]

The preview has no cluster's objects: each step is a namespace with five objects, previewed in turn without and with the
pack. It is measured with objects that conform, as a program does day by day, and with objects of which rules refuse
much: to show two thousand violations takes the engine longer than to find them. For admission, Deployments are offered
(dry run) to two namespaces of the cluster in turn, one of them with the rules in force; what it made is removed again.
Prints medians. Targets: 15 % and 5 ms.
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
SPACE, FREE = "benchmark-policies", "benchmark-no-policies"
HOME = {
    labels.TIER: "cgc",
    labels.SECURITY_LEVEL: str(LEVEL),
    labels.ENVIRONMENT: "production",
    labels.LOG_MONTHS: "3",
    "pod-security.kubernetes.io/enforce": "restricted",
}
PER_NAMESPACE = 6
PROGRAM = """
import json
from pathlib import Path

import pulumi_kubernetes as k8s

KINDS = {
    "Namespace": k8s.core.v1.Namespace,
    "ResourceQuota": k8s.core.v1.ResourceQuota,
    "LimitRange": k8s.core.v1.LimitRange,
    "NetworkPolicy": k8s.networking.v1.NetworkPolicy,
    "Service": k8s.core.v1.Service,
    "Deployment": k8s.apps.v1.Deployment,
}
for number, given in enumerate(json.loads(Path(__file__).with_name("objects.json").read_text())):
    KINDS[given["kind"]](f"{given['kind'].lower()}-{number}", metadata=given["metadata"], spec=given["spec"])
"""


def main() -> None:
    """Measure both and print a line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--resources", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--creates", type=int, default=300)
    parser.add_argument("--pack", type=Path, default=REPOSITORY / "policies" / f"level-{LEVEL}")
    given = parser.parse_args()
    if not given.kubeconfig.is_file():
        sys.exit(f"{given.kubeconfig}: no such file")
    with tempfile.TemporaryDirectory(prefix="govcloud-benchmark-") as folder:
        environment = {**os.environ, **pulumi.environment(state_dir(), given.kubeconfig, Path(folder, "stacks"))}
        for name, conform in (("conforming", True), ("refused", False)):
            plain, packed = previews(Path(folder, name), environment, given, conform=conform)
            added = f"with the pack {packed:.1f} s: {(packed / plain - 1) * 100:+.0f} %"
            print(f"preview of {given.resources} {name} resources: {plain:.1f} s, {added}")
    before, after = admissions(given.kubeconfig, given.creates)
    print(f"create: {before * 1e3:.1f} ms, with the rules {after * 1e3:.1f} ms: {(after - before) * 1e3:+.1f} ms")


def manifests(name: str, *, conform: bool) -> list[dict[str, Any]]:
    """Return a namespace with what belongs into it at level 3; or with much of that left out, as rules refuse it."""
    workload = workloads.Workload(name="server", namespace=name, replicas=2)
    deployment = workloads.deployment(workload)
    home = {"name": name, "labels": dict(HOME), "annotations": {labels.LOGS_TO: "https://logs.example.gov.vn"}}
    if not conform:
        home = {"name": name}
        pod = deployment["spec"]["template"]["spec"]
        deployment["spec"]["template"]["spec"] = {"containers": [{"name": "server", "image": "example/server:1"}]}
        deployment["spec"]["template"]["spec"]["serviceAccountName"] = pod["serviceAccountName"]
    hard = dict.fromkeys(("requests.cpu", "requests.memory", "requests.storage", "limits.cpu", "limits.memory"), "2Gi")
    hard |= {"pods": "10", "services.nodeports": "0", "services.loadbalancers": "0"}
    share = {"cpu": "100m", "memory": "64Mi"}
    least = {"type": "Container", "default": share, "defaultRequest": share, "max": {"cpu": "1", "memory": "1Gi"}}
    deny = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    made = [
        ("v1", "Namespace", home, {}),
        ("v1", "ResourceQuota", {"namespace": name, "name": "quota"}, {"hard": hard}),
        ("v1", "LimitRange", {"namespace": name, "name": "limits"}, {"limits": [least]}),
        ("networking.k8s.io/v1", "NetworkPolicy", {"namespace": name, "name": "default-deny"}, deny),
    ]
    objects = [{"apiVersion": api, "kind": kind, "metadata": head, "spec": spec} for api, kind, head, spec in made]
    return [*objects, workloads.dual_stack_service(workload), deployment]


def previews(project: Path, environment: dict[str, str], given: argparse.Namespace, *, conform: bool) -> list[float]:
    """Return the median seconds of a preview without and with the pack, taken in turn."""
    project.mkdir()
    objects = [
        manifest
        for number in range(-(-given.resources // PER_NAMESPACE))
        for manifest in manifests(f"benchmark-{number:04}", conform=conform)
    ]
    (project / "objects.json").write_text(json.dumps(objects))
    (project / "__main__.py").write_text(PROGRAM)
    runtime = f"runtime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    (project / "Pulumi.yaml").write_text(f"name: {project.name}\n{runtime}")
    run(["pulumi", "stack", "init", "many"], environment, project)
    words = ["pulumi", "preview", "--stack", "many", "--non-interactive"]
    pack = ["--policy-pack", str(given.pack.resolve())]
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(given.rounds):
        for with_pack, times in seconds.items():
            started = time.monotonic()
            said = run([*words, *(pack if with_pack else ())], environment, project, violations=not conform)
            times.append(time.monotonic() - started)
            if with_pack and "Policies:" not in said:
                sys.exit(f"the pack was not in force: {said[-500:]}")
    return [statistics.median(times) for times in seconds.values()]


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
    """Return the median seconds of a create in a namespace without the rules and in one with them, taken in turn.

    A busy machine then slows both alike. The policies that do not hold in the first are passed over there, which costs
    little.
    """
    cluster = Cluster(kubeconfig)
    spaces = (FREE, SPACE)
    with existing(cluster, [*(("/api/v1/namespaces", namespace(it)) for it in spaces), *policies()]):
        deadline = time.monotonic() + 60
        while offer(cluster, SPACE, privileged=True) == 201:
            if time.monotonic() > deadline:
                sys.exit("the rules are not in force")
            time.sleep(0.5)
        time.sleep(3)  # until the last of them is
        times: dict[str, list[float]] = {space: [] for space in spaces}
        for _ in range(count + 20):
            for space in spaces:
                started = time.perf_counter()
                status = offer(cluster, space)
                times[space].append(time.perf_counter() - started)
                if status != 201:
                    sys.exit(f"a create in {space} was answered with {status}")
    return statistics.median(times[FREE][20:]), statistics.median(times[SPACE][20:])


def offer(cluster: Cluster, space: str, *, privileged: bool = False) -> int:
    """Offer a Deployment without keeping it, and return the status; all rules of its kind judge it."""
    made = workloads.deployment(workloads.Workload(name="server", namespace=space, replicas=2))
    made["spec"]["template"]["spec"]["containers"][0]["securityContext"]["privileged"] = privileged
    return cluster.ask("POST", f"/apis/apps/v1/namespaces/{space}/deployments?dryRun=All", made)


def namespace(name: str) -> dict[str, Any]:
    """Return a namespace in which objects are offered."""
    return {"metadata": {"name": name}}


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
