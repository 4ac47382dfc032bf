"""How long `pulumi` takes with the kit's plugins on one API server, against kubectl with the same objects.

    .venv/bin/python benchmarks/pulumi_plugins.py [--namespaces 100] [--kubeconfig FILE] [--alone] [--no-checkpoints]

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
PARTS = {
    "program": b"run_program",
    "provider": b"kubernetes_provider",
    "language host": b"language_host",
    "engine": b"pulumi\0",
}
"""The parts of a run, each with what its command holds; the first that fits counts."""
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
    parser.add_argument("--alone", action="store_true", help="leave kubectl out")
    parser.add_argument(
        "--no-checkpoints",
        action="store_true",
        help="have the engine write the state at the end alone, not after each step: what is left grows linearly",
    )
    given = parser.parse_args()
    if not given.kubeconfig.is_file():
        sys.exit(f"{given.kubeconfig}: no such file; `make up` makes a cluster, or name another with --kubeconfig")
    with tempfile.TemporaryDirectory(prefix="govcloud-benchmark-") as folder:
        environment = {**os.environ, **pulumi.environment(state_dir(), given.kubeconfig, Path(folder, "stacks"))}
        if given.no_checkpoints:
            environment["PULUMI_SKIP_CHECKPOINTS"] = "true"
        seconds, used, memory = measure(Path(folder, "many"), environment, given.namespaces)
        by_hand = {} if given.alone else measure_kubectl(Path(folder), environment, given.namespaces)
    sys.stdout.write(f"| {given.namespaces * 5 + 1} resources | seconds | upstream's | times as fast | kubectl |")
    sys.stdout.write(f" processor's seconds: {' | '.join(PARTS)} |\n")
    sys.stdout.write(f"| --- |{' ---: |' * (4 + len(PARTS))}\n")
    comparable = given.namespaces == UPSTREAM_NAMESPACES
    for step, value in seconds.items():
        upstream = f"{UPSTREAM[step]:.0f} | {UPSTREAM[step] / value:.1f}" if comparable else "| "
        hand = f"{by_hand[step]:.1f}" if step in by_hand else ""
        parts = " | ".join(f"{one:.1f}" for one in used[step].values())
        sys.stdout.write(f"| {step} | {value:.1f} | {upstream} | {hand} | {parts} |\n")
    sys.stdout.write(f"\nMemory of the provider, at most: {memory / 2**20:.0f} MiB\n")


def measure(
    project: Path, environment: Mapping[str, str], namespaces: int
) -> tuple[dict[str, float], dict[str, dict[str, float]], int]:
    """Run every step of a stack's life.

    Return its seconds, the processor's seconds of each part of the run, and the most bytes that the provider held.
    """
    project.mkdir()
    (project / "__main__.py").write_text(PROGRAM.format(namespaces=namespaces))
    (project / "Pulumi.yaml").write_text(
        f"name: many\nruntime:\n  name: python\n  options:\n    virtualenv: {sys.prefix}\n"
    )
    run(["pulumi", "stack", "init", "many"], environment, project)
    seconds, used, memory = {}, {}, 0
    for name, words in STEPS:
        began, watch = time.perf_counter(), Watch()
        run(["pulumi", *words, "--stack", "many", "--non-interactive", "--suppress-outputs"], environment, project)
        seconds[name] = time.perf_counter() - began
        used[name], memory = watch.end(), max(memory, watch.memory)
        sys.stderr.write(f"{name}: {seconds[name]:.1f} s\n")
    return seconds, used, memory


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


class Watch:
    """What the processes of a run below this one used, looked up ten times a second."""

    def __init__(self) -> None:
        self.memory = 0  # the most bytes that a provider held
        self._used: dict[tuple[str, int], float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> dict[str, float]:
        """Stop looking; return the processor's seconds that each part of the run used."""
        self._ended.set()
        self._thread.join()
        totals = dict.fromkeys(PARTS, 0.0)
        for (part, _), used in self._used.items():
            totals[part] += used
        return totals

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for process in below(os.getpid()):
                with suppress(OSError, KeyError, IndexError):  # it has ended since
                    self._look(process)

    def _look(self, process: int) -> None:
        home = Path("/proc", str(process))
        command = home.joinpath("cmdline").read_bytes()
        part = next((part for part, mark in PARTS.items() if mark in command), None)
        if part is None:
            return
        fields = home.joinpath("stat").read_text().rpartition(")")[2].split()
        self._used[part, process] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if part == "provider":
            lines = dict(line.split(":", 1) for line in home.joinpath("status").read_text().splitlines())
            self.memory = max(self.memory, int(lines["VmHWM"].split()[0]) * 1024)


def below(process: int) -> list[int]:
    """Return every process that this one started, and those that they started."""
    found = []
    for task in Path("/proc", str(process), "task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *below(child)]
    return found


def run(words: list[str], environment: Mapping[str, str], folder: Path) -> None:
    """Run a command to its end; end the benchmark with its words when it fails."""
    done = subprocess.run(words, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


if __name__ == "__main__":
    main()
