"""How long `govcloud policies check` takes, beside checkov on the same files in the same run.

    .venv/bin/python benchmarks/policies_check.py [--manifests 10000] [--level 3] [--alone]

Makes up manifests, one a file, of the kinds that a cloud is made of; a third of them breaks rules. checkov comes from
PyPI into an environment of its own (build/checkov). Prints seconds on the clock, microseconds a (rule, manifest), the
most memory of all processes together, and the ratio. Targets: 12 s, 30 µs, 500 MB, 10 times as fast as checkov a
(rule, manifest).
"""

from __future__ import annotations

import argparse
import copy
import random
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from core.paths import REPOSITORY
from policies.rules import Compiled, StackRule, shipped

CHECKOV = "checkov==3.3.*"
CONTEXT = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER = {
    "name": "server",
    "image": "registry.example.gov.vn/team/server@sha256:" + "0" * 64,
    "args": ["--listen=[::]:8443", "--log=json"],
    "env": [{"name": f"SETTING_{number}", "value": str(number)} for number in range(4)],
    "ports": [{"containerPort": 8443, "name": "https"}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
    "readinessProbe": {"httpGet": {"path": "/ready", "port": "https", "scheme": "HTTPS"}},
    "livenessProbe": {"httpGet": {"path": "/live", "port": "https", "scheme": "HTTPS"}},
    "securityContext": CONTEXT,
    "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 # the path in a made-up container
}
POD = {
    "automountServiceAccountToken": False,
    "serviceAccountName": "server",
    "containers": [CONTAINER],
    "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}],
}


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--manifests", type=int, default=10_000)
    parser.add_argument("--level", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="leave checkov out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="govcloud-benchmark-") as made:
        folder = Path(made)
        kinds = write(folder, given.manifests)
        rules = [it for it in shipped() if given.level in (it if isinstance(it, StackRule) else it.rule).levels]
        govcloud = [REPOSITORY / ".venv" / "bin" / "govcloud", "policies", "check", folder, "--level", given.level]
        ours = report("govcloud", measured(govcloud), len(rules), given.manifests)
        pairs = sum(kind in rule.kinds for rule in rules if isinstance(rule, Compiled) for kind in kinds)
        print(f"{'':10} {pairs} of the pairs are of a kind that the rule judges: {ours / pairs * 1e6:.1f} µs each")
        if given.alone:
            return
        checkov = [checkov_program(), "--directory", folder, "--framework", "kubernetes", "--compact", "--quiet"]
        checks = checkov_checks(checkov[0])
        theirs = report("checkov", measured([*checkov, "--output", "json"]), checks, given.manifests)
        a_rule = theirs / checks / (ours / len(rules))
        print(f"checkov takes {theirs / ours:.1f} times as long, {a_rule:.1f} times a (rule, manifest)")


def report(name: str, found: tuple[float, int], rules: int, manifests: int) -> float:
    """Print a line of the table and return the seconds."""
    seconds, memory = found
    each = seconds / rules / manifests * 1e6
    print(
        f"{name:10} {rules:4} rules {manifests:6} manifests {seconds:7.1f} s {each:7.1f} µs each {memory >> 20:5} MiB"
    )
    return seconds


def measured(command: Sequence[object]) -> tuple[float, int]:
    """Return the seconds that a command takes, and the most bytes that its processes hold together."""
    started = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    most, over = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.1):
            most = max(most, sum(resident(pid) for pid in family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - started
    over.set()
    watcher.join()
    if code not in {0, 1, 10, 20, 30, 40}:
        sys.exit(f"{command[0]} ended with code {code}")
    return seconds, most


def family(pid: int) -> Iterable[int]:
    """Give a process and all that it started."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def resident(pid: int) -> int:
    """Return the bytes of memory of a process that are its own: pages shared by forked processes count once."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def checkov_program() -> Path:
    """Install checkov where it is not yet, and return its program."""
    folder = REPOSITORY / "build" / "checkov"
    if not (folder / "bin" / "checkov").exists():
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", CHECKOV], check=True)
    return folder / "bin" / "checkov"


def checkov_checks(program: Path) -> int:
    """Count checkov's checks of Kubernetes manifests."""
    listed = subprocess.run(
        [program, "--list", "--framework", "kubernetes"], check=True, capture_output=True, text=True
    ).stdout
    return len({word for word in listed.split() if word.startswith("CKV") and "K8S" in word})


def write(folder: Path, count: int) -> list[tuple[str, str]]:
    """Write manifests, one a file, and return the kind of each."""
    chosen, kinds = random.Random(1), []  # noqa: S311 # the same manifests in every run
    for number in range(count):
        manifest = chosen.choices(MAKERS, WEIGHTS)[0](f"server-{number:05}", chosen.random() < 1 / 3)
        kinds.append((manifest["apiVersion"], manifest["kind"]))
        place = folder / f"space-{number % 100:02}"
        place.mkdir(exist_ok=True)
        (place / f"{number:05}.yaml").write_text(yaml.dump(manifest, Dumper=yaml.CSafeDumper), encoding="utf-8")
    return kinds


def manifest(api_version: str, kind: str, name: str, **rest: Any) -> dict[str, Any]:
    """Return an object with the head that all have."""
    labels = {"app.kubernetes.io/name": name, "govcloud.gov.vn/owner": "team"}
    metadata = {"name": name, "namespace": "space", "labels": labels}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **copy.deepcopy(rest)}


def deployment(name: str, bad: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return a Deployment; a bad one runs as root and is privileged."""
    labels = {"app.kubernetes.io/name": name}
    template = {"metadata": {"labels": labels}, "spec": POD}
    made = manifest(
        "apps/v1", "Deployment", name, spec={"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    )
    if bad:
        made["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    return made


def cron_job(name: str, bad: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return a CronJob; a bad one shares its host's network."""
    pod = {**POD, "restartPolicy": "Never", "hostNetwork": bad}
    return manifest(
        "batch/v1",
        "CronJob",
        name,
        spec={"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    )


def service(name: str, bad: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return a Service; a bad one has one address family."""
    policy = "SingleStack" if bad else "RequireDualStack"
    ports = [{"name": "https", "port": 443, "targetPort": "https"}]
    return manifest("v1", "Service", name, spec={"ipFamilyPolicy": policy, "selector": {"app": name}, "ports": ports})


def network_policy(name: str, bad: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return a NetworkPolicy; a bad one knows one address family."""
    blocks = ["192.0.2.0/24"] if bad else ["192.0.2.0/24", "2001:db8::/32"]
    rule = {"to": [{"ipBlock": {"cidr": block}} for block in blocks], "ports": [{"port": 443}]}
    spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Egress"], "egress": [rule]}
    return manifest("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)


def config_map(name: str, bad: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return a ConfigMap; a bad one listens in IPv4 alone."""
    listen = "192.0.2.1" if bad else "::"
    return manifest("v1", "ConfigMap", name, data={"listen": listen, "text": "a line\n" * 10})


def role(name: str, bad: bool) -> dict[str, Any]:  # noqa: FBT001
    """Return a Role; a bad one may do everything."""
    rule = {"apiGroups": [""], "resources": ["*" if bad else "configmaps"], "verbs": ["*" if bad else "get"]}
    return manifest("rbac.authorization.k8s.io/v1", "Role", name, rules=[rule])


MAKERS = (deployment, service, config_map, network_policy, cron_job, role)
WEIGHTS = (35, 20, 15, 15, 5, 10)

if __name__ == "__main__":
    main()
