"""`govcloud agency` as a person calls it, for agencies on the tests' cluster with records of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client

from modules.onboarding import register
from tests.stacks.clouds import SERVICE, Clouds

_RUN = """
import sys
from pathlib import Path
from govcloud import agency_stacks
agency_stacks.PROJECT = Path(sys.argv.pop(1))
from govcloud.main import main
main()
"""
_SYSTEM = """\
  - name: {name}
    title: {{vi: Một cửa}}
    level: 2
    data: internal
    environment: {environment}
    consumes: [{service}]
"""


def text(short: str, code: str, systems: Sequence[str], *, parent: str = "", service: str = SERVICE) -> str:
    """Return the file of a province, or of a commune under ``parent``; a system called ``test…`` is for trials."""
    lines = [
        f'code: "{code}"\neffective: 2025-07-01\nkind: {"commune" if parent else "province"}\nshort: {short}',
        "name: {vi: Thử nghiệm, en: Trial}",
        "contacts:",
        *(f"  {role}: {{email: office@trial.example.gov.vn}}" for role in ("owner", "operator", "security")),
        f'parent: {{code: "{parent}", effective: 2025-07-01}}' if parent else "placement: {cluster: shared}",
        "systems:",
    ]
    uses = {name: "test" if name.startswith("test") else "production" for name in systems}
    made = (_SYSTEM.format(name=name, environment=use, service=service) for name, use in uses.items())
    return "\n".join(lines) + "\n" + "".join(made)


@dataclass
class Desk:
    """Where a person of the platform team sits."""

    clouds: Clouds
    folder: Path

    @property
    def records(self) -> Path:
        """Folder of the records."""
        return self.folder / "records"

    @property
    def stored(self) -> Path:
        """Folder of the stacks' states."""
        return Path(self.clouds.variables["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi" / "stacks" / "agc"

    def write(self, short: str, content: str, folder: str = "files") -> Path:
        """Write an agency file."""
        file = self.folder / folder / f"{short}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        return file

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start `govcloud agency` with these words."""
        environment = {**os.environ, **self.clouds.variables, "GOVCLOUD_RECORDS": str(self.records)}
        given = [sys.executable, "-c", _RUN, str(self.clouds.folder / "agc"), "agency", *map(str, words)]
        return subprocess.Popen(given, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *words: str | Path, code: int = 0) -> tuple[Any, str]:
        """Run it to its end; return what it printed, JSON read, and what it said beside."""
        child = self.start(*words)
        said, beside = child.communicate(timeout=900)
        assert child.returncode == code, said + beside
        assert "Traceback" not in beside
        return json.loads(said) if said.startswith("{") else said, beside

    def apply(self, *words: str | Path, code: int = 0) -> tuple[Any, str]:
        """Apply, with the tests' central cloud."""
        return self.run("apply", *words, "--json", "-c", "cgc-stack=organization/cgc/test", code=code)

    def namespaces(self, stack: str) -> set[str]:
        """Return the namespaces of an agency as the cluster has them."""
        found = self.clouds.api(client.CoreV1Api).list_namespace(label_selector=f"govcloud.local/agency={stack}")
        return {it.metadata.name for it in found.items if it.status.phase == "Active"}

    def states(self) -> dict[str, str]:
        """Return what the register says of each agency, by the short name in its stack's."""
        return {it.stack.rpartition("-")[0].rpartition("-")[0]: it.state for it in register.every(self.records)}
