"""How long the local clouds take, beside the targets, and against what a user would do by hand.

    .venv/bin/python benchmarks/local_clouds.py

Ends the local clouds, makes them anew with a warm cache, applies them again, and compares a no-op `pulumi up` of each
stack with `kubectl apply` of the same objects, all in one run. Takes about five minutes. Needs root and `make setup`.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from govcloud import clouds
from modules import agency_file
from toolchain import build

REPOSITORY = Path(__file__).resolve().parent.parent
GOVCLOUD = REPOSITORY / ".venv" / "bin" / "govcloud"
REPEAT = 3


def main() -> None:
    """Measure and print one table."""
    timed([GOVCLOUD, "down"])
    hosts_alone = timed([GOVCLOUD, "testbed", "up"])
    memory = sum(host["memory"] for host in json.loads(output([GOVCLOUD, "testbed", "status", "--json"])))
    timed([GOVCLOUD, "down"])
    first = timed([GOVCLOUD, "up"])
    second = median([GOVCLOUD, "up"])
    show("testbed up", hosts_alone, 120)
    show("govcloud up, first", first, 240)
    show("govcloud up, again", second, 30)
    sys.stdout.write(f"{'memory of the hosts':50} {memory / 2**30:7.2f} GiB target  4.00 GiB\n")
    environment = {**os.environ, **json.loads(output([GOVCLOUD, "env", "--json"]))}
    agency = agency_file.load(clouds.AGENCY_FILES[0])
    for project, stack in (("cgc", clouds.CENTRAL_STACK), ("agc", agency.slug)):
        folder = REPOSITORY / "stacks" / project
        pulumi = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", stack]
        pack = ["--policy-pack", str(REPOSITORY / "policies" / "level-1")]
        with_pack = median([*pulumi, *pack], environment, folder)
        show(f"no-op pulumi up of {project}, with the policy pack", with_pack, 6)
        without = median(pulumi, environment, folder)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            manifests = objects(environment, folder, stack)
            json.dump({"apiVersion": "v1", "kind": "List", "items": manifests}, file)
            file.flush()
            kubectl = [str(_kubectl()), "apply", "--server-side", "--field-manager=benchmark", "--force-conflicts"]
            by_hand = median([*kubectl, "--dry-run=server", "--filename", file.name], environment)
        sys.stdout.write(
            f"no-op pulumi up of {project}: {with_pack / by_hand:.1f} times kubectl apply of its {len(manifests)} "
            f"objects, {with_pack / without:.2f} times itself without the policy pack\n"
        )


def show(name: str, seconds: float, target: float) -> None:
    """Print one measured time beside its target."""
    sys.stdout.write(f"{name:50} {seconds:7.1f} s   target {target:5.0f} s   {seconds / target:5.2f} of it\n")
    sys.stdout.flush()


def objects(environment: Mapping[str, str], folder: Path, stack: str) -> list[dict[str, object]]:
    """Return the Kubernetes objects that a stack declares, as manifests."""
    state = json.loads(output(["pulumi", "stack", "export", "--stack", stack], environment, folder))
    inputs = [r["inputs"] for r in state["deployment"]["resources"] if r["type"].startswith("kubernetes:")]
    return [{k: v for k, v in i.items() if not k.startswith("__")} for i in inputs if "kind" in i]


def timed(words: Sequence[str | Path], environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> float:
    """Run a command to its end and return the seconds it took; its output is shown when it fails."""
    begun = time.perf_counter()
    output(words, environment, cwd)
    return time.perf_counter() - begun


def median(words: Sequence[str | Path], environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> float:
    """Run a command a few times and return the median of the seconds."""
    return statistics.median(timed(words, environment, cwd) for _ in range(REPEAT))


def output(words: Sequence[str | Path], environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """Run a command and return what it printed; ends the benchmark with its words when it fails."""
    done = subprocess.run(
        [str(word) for word in words], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _kubectl() -> Path:
    return build.ensure(["kubectl"])["kubectl"]


if __name__ == "__main__":
    main()
