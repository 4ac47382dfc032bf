"""What the apply of one agency costs with 1, 100 and 3,000 others: it must not grow with their number.

    .venv/bin/python benchmarks/agency_apply.py KUBECONFIG

KUBECONFIG names a cluster that may be used for it; what is made there is deleted at the end. The others have files,
addresses, places and entries in the register, all below the same province as the one that is applied, and stacks in
the same state; on the cluster they are not. Every figure is the best of three. Takes about five minutes.

``check``: the kit's own part, from the file to what will be recorded; ``first``: an apply that makes everything;
``again``: one that finds nothing to do. Seconds on the clock and of one core (the engine's and its plugins' included),
the most memory of the kit's own process, and how many times each is what it is with 1 other.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from core.paths import REPOSITORY
from govcloud import agency_stacks, onboarding
from govcloud.agency_stacks import AgencyStacks
from govcloud.onboarding import Office
from modules import agency_file
from modules.addresses import prefixes
from modules.onboarding import register
from modules.planning import records, settings
from toolchain import automation
from toolchain.pulumi import environment

OTHERS = (1, 100, 3000)
REPEAT = 3
STEPS = ("check", "first", "again")
_FILE = """\
code: "{code}"
effective: 2025-07-01
kind: {kind}
short: bench-{code}
name: {{vi: Đơn vị {code}, en: Unit {code}}}
contacts:
  owner: {{email: office@bench.example.gov.vn}}
  operator: {{email: office@bench.example.gov.vn}}
  security: {{email: office@bench.example.gov.vn}}
{more}
systems:
  - name: desk
    title: {{vi: Một cửa}}
    level: 2
    data: internal
    quota: {{cpu: 100m, memory: 64Mi, storage: 64Mi, pods: 1}}
"""


def main() -> None:
    """Measure with each number of others, and print one table."""
    kubeconfig = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="govcloud-bench-") as made:
        folder = Path(made)
        central(folder, kubeconfig, "up")
        try:
            print("others step    wall s  times  core s  times   MiB  times")
            first: dict[str, dict[str, float]] = {}
            for others in OTHERS:
                declare(folder, kubeconfig, others)
                runs = [one(folder, kubeconfig) for _ in range(REPEAT)]
                for step in STEPS:
                    best = {name: min(run[step][name] for run in runs) for name in ("wall", "core", "memory")}
                    base = first.setdefault(step, best)
                    cells = (f"{best[name]:7.2f} {best[name] / base[name]:6.2f}" for name in ("wall", "core"))
                    memory = f"{best['memory']:5.0f} {best['memory'] / base['memory']:6.2f}"
                    print(f"{others:6} {step:6} {' '.join(cells)} {memory}", flush=True)
        finally:
            central(folder, kubeconfig, "destroy")


def central(folder: Path, kubeconfig: Path, operation: str) -> None:
    """Make or destroy a central cloud for it, and make the projects."""
    for project in ("cgc", "agc"):
        shutil.copytree(REPOSITORY / "stacks" / project, folder / project, dirs_exist_ok=True)
        text = (folder / project / "Pulumi.yaml").read_text().replace("../../.venv", str(REPOSITORY / ".venv"))
        (folder / project / "Pulumi.yaml").write_text(text)
    variables = environment(folder / "state", kubeconfig)
    if operation == "up":
        automation.up(folder / "cgc", "bench", {"services": '["bench-exchange"]'}, variables)
    else:
        automation.destroy(folder / "cgc", "bench", variables)


def office(folder: Path, kubeconfig: Path) -> Office:
    """Return what applies work with."""
    stacks = AgencyStacks(environment(folder / "state", kubeconfig), folder / "agc", agency_stacks.POLICY_PACK)
    contract = {"cgc-stack": "organization/cgc/bench"}
    return Office(folder / "records", stacks, settings.load(), prefixes.load(), contract)


def write(folder: Path, code: str) -> Path:
    """Write the file of a commune, or of the province above all of them."""
    province = code == "00"
    more = "placement: {cluster: shared}" if province else 'parent: {code: "00", effective: 2025-07-01}'
    file = folder / "files" / f"{code}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(_FILE.format(code=code, kind="province" if province else "commune", more=more), encoding="utf-8")
    return file


def declare(folder: Path, kubeconfig: Path, others: int) -> None:
    """Let there be a province and so many communes, as if all of them were applied."""
    at = office(folder, kubeconfig)
    full = at.records / "clusters" / "cgc-2.kubeconfig"  # 3,000 communes fill the first shared cluster
    full.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kubeconfig, full)
    files = [write(folder, code) for code in ("00", *(f"{number:05}" for number in range(1, others)))]
    candidates, refused = onboarding.examine(at, [(file, agency_file.load(file)) for file in files])
    for error in refused.values():
        raise error
    onboarding.reserve(at, candidates)
    stored = folder / "state" / "pulumi" / "stacks" / ".pulumi" / "stacks"
    template = (stored / "cgc" / "bench.json").read_text(encoding="utf-8")
    (stored / "agc").mkdir(exist_ok=True)
    for it in candidates:
        stack = it.admitted.planned.stack
        entry = register.find(at.records, it.admitted.key)
        applied: dict[str, Any] = {"state": "applied", "applied": "2026-11-22T00:00:00Z"}
        register.write(at.records, register.Entry.model_validate({**entry.model_dump(by_alias=True), **applied}))
        (stored / "agc" / f"{stack}.json").write_text(template.replace("cgc", "agc").replace("bench", stack))


def one(folder: Path, kubeconfig: Path) -> dict[str, dict[str, float]]:
    """Apply one agency twice, in processes of their own, and take it away again."""
    found = {step: measured(step, folder, kubeconfig) for step in STEPS}
    at = office(folder, kubeconfig)
    stack = agency_file.load(write(folder, "99999")).slug
    at.stacks.destroy(stack)
    at.stacks.remove(stack)
    with records.changing(at.records, at.prefixes) as held:
        records.leave(held, "99999.2025-07-01", onboarding.today())
    register.remove(at.records, "99999.2025-07-01")
    return found


def measured(step: str, folder: Path, kubeconfig: Path) -> dict[str, float]:
    """Run one step in a process of its own."""
    words = [sys.executable, __file__, "--step", step, str(folder), str(kubeconfig)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def one_step(step: str, folder: Path, kubeconfig: Path) -> None:
    """Do one step and print what it took."""
    file, at = write(folder, "99999"), office(folder, kubeconfig)
    wall, core = time.perf_counter(), sum(os.times()[:4])
    candidate = onboarding.examine_one(at, file)
    if step != "check":
        onboarding.apply(at, candidate)
    figures = {"wall": time.perf_counter() - wall, "core": sum(os.times()[:4]) - core}
    print(json.dumps({**figures, "memory": most_memory()}))


def most_memory() -> float:
    """Return the most memory of this process, in MiB; ru_maxrss would count that of the process which forked it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        one_step(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
