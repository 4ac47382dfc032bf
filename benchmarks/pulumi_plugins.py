"""How long `pulumi` takes with the kit's plugins on one API server, against kubectl with the same objects.

    .venv/bin/python benchmarks/pulumi_plugins.py [--namespaces 100] [--kubeconfig FILE]

Each namespace holds a quota, a ConfigMap, a NetworkPolicy and a service account; with the stack itself, 100 namespaces
are 501 resources. Uses the cluster of `make up` unless a kubeconfig is given, and removes what it made. The upstream
provider's seconds, on two cores and a machine like this one, were measured elsewhere: it cannot be had from the package
indexes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from core.paths import state_dir
from testbed.state import State
from toolchain import build, pulumi

UPSTREAM = {"up": 67.0, "up, no change": 9.0, "preview": 8.0, "refresh": 19.0, "destroy": 105.0}
"""Seconds of the upstream provider for 501 resources."""
UPSTREAM_NAMESPACES = 100
PROGRAM = """
import pulumi_kubernetes as k8s

for number in range({namespaces}):
    name = f"benchmark-{{number:04}}"
    home = k8s.core.v1.Namespace(name, metadata={{"name": name}})
    place = {{"namespace": home.metadata.name}}
    limits = {{"pods": "10", "cpu": "2"}}
    k8s.core.v1.ResourceQuota(name, metadata={{**place, "name": "quota"}}, spec={{"hard": limits}})
    k8s.core.v1.ConfigMap(name, metadata={{**place, "name": "settings"}}, data={{"number": str(number)}})
    k8s.networking.v1.NetworkPolicy(
        name,
        metadata={{**place, "name": "default-deny"}},
        spec={{"podSelector": {{}}, "policyTypes": ["Ingress", "Egress"]}},
    )
    k8s.core.v1.ServiceAccount(
        name, metadata={{**place, "name": "workload"}}, automount_service_account_token=False
    )
"""
STEPS = (
    ("up", ["up", "--yes", "--skip-preview"]),
    ("up, no change", ["up", "--yes", "--skip-preview"]),
    ("preview", ["preview"]),
    ("refresh", ["refresh", "--yes", "--skip-preview"]),
    ("destroy", ["destroy", "--yes", "--skip-preview"]),
)


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--namespaces", type=int, default=UPSTREAM_NAMESPACES)
    parser.add_argument("--kubeconfig", type=Path, default=State.of("demo").kubeconfig("cgc"))
    given = parser.parse_args()
    if not given.kubeconfig.is_file():
        sys.exit(f"{given.kubeconfig}: no such file; `make up` makes a cluster, or name another with --kubeconfig")
    with tempfile.TemporaryDirectory(prefix="govcloud-benchmark-") as folder:
        environment = {**os.environ, **pulumi.environment(state_dir(), given.kubeconfig, Path(folder, "stacks"))}
        seconds, memory = measure(Path(folder, "many"), environment, given.namespaces)
        by_hand = measure_kubectl(Path(folder), environment, given.namespaces)
    sys.stdout.write(f"| {given.namespaces * 5 + 1} resources | seconds | upstream's | times as fast | kubectl |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: |\n")
    comparable = given.namespaces == UPSTREAM_NAMESPACES
    for step, value in seconds.items():
        upstream = f"{UPSTREAM[step]:.0f} | {UPSTREAM[step] / value:.1f}" if comparable else "| "
        hand = f"{by_hand[step]:.1f}" if step in by_hand else ""
        sys.stdout.write(f"| {step} | {value:.1f} | {upstream} | {hand} |\n")
    sys.stdout.write(f"| memory of the provider, at most | {memory / 2**20:.0f} MiB | | | |\n")


def measure(project: Path, environment: Mapping[str, str], namespaces: int) -> tuple[dict[str, float], int]:
    """Run every step of a stack's life; return its seconds, and the most bytes that the provider held."""
    project.mkdir()
    (project / "__main__.py").write_text(PROGRAM.format(namespaces=namespaces))
    (project / "Pulumi.yaml").write_text(
        f"name: many\nruntime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    )
    run(["pulumi", "stack", "init", "many"], environment, project)
    seconds, memory = {}, 0
    for name, words in STEPS:
        began, peak = time.perf_counter(), Peak()
        run(["pulumi", *words, "--stack", "many", "--non-interactive", "--suppress-outputs"], environment, project)
        seconds[name] = time.perf_counter() - began
        memory = max(memory, peak.end())
        sys.stderr.write(f"{name}: {seconds[name]:.1f} s\n")
    return seconds, memory


def measure_kubectl(folder: Path, environment: Mapping[str, str], namespaces: int) -> dict[str, float]:
    """Have kubectl make and delete the same objects, waiting as it does by default; return the seconds of both."""
    file = folder / "objects.json"
    items = [item for number in range(namespaces) for item in objects(f"benchmark-{number:04}", number)]
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    kubectl = str(build.ensure(["kubectl"])["kubectl"])
    seconds = {}
    for name, words in (
        ("up", ["apply", "--server-side"]),
        ("up, no change", ["apply", "--server-side"]),
        ("preview", ["apply", "--server-side", "--dry-run=server"]),
        ("destroy", ["delete"]),
    ):
        began = time.perf_counter()
        run([kubectl, *words, "--filename", str(file)], environment, folder)
        seconds[name] = time.perf_counter() - began
        sys.stderr.write(f"kubectl, {name}: {seconds[name]:.1f} s\n")
    return seconds


def objects(name: str, number: int) -> list[dict[str, object]]:
    """Return what the program declares for one namespace, as manifests."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"namespace": name, "name": "quota"},
            "spec": {"hard": {"pods": "10", "cpu": "2"}},
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"namespace": name, "name": "settings"},
            "data": {"number": str(number)},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": name, "name": "default-deny"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"namespace": name, "name": "workload"},
            "automountServiceAccountToken": False,
        },
    ]


class Peak:
    """The most memory that a provider of a run below this process holds, looked up every fifth of a second."""

    def __init__(self) -> None:
        self._most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> int:
        """Stop looking, and return the bytes."""
        self._ended.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            for status in Path("/proc").glob("[0-9]*/status"):
                with suppress(OSError):  # it has ended since
                    if b"kubernetes_provider" in status.with_name("cmdline").read_bytes():
                        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
                        self._most = max(self._most, int(lines.get("VmHWM", "0 kB").split()[0]) * 1024)


def run(words: list[str], environment: Mapping[str, str], folder: Path) -> None:
    """Run a command to its end; end the benchmark with its words when it fails."""
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


if __name__ == "__main__":
    main()
