"""The central cloud and agencies on the tests' cluster, as stacks with names of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config

from core.paths import REPOSITORY
from modules import contract
from modules.agency import Agency
from toolchain import automation

PACK = REPOSITORY / "policies" / "level-1"
"""Each namespace has its level, at which what is in it is judged."""
SERVICE = "test-exchange"
LOGS = "https://logs.example/in"
ZONED = f"""\
code: "99"
effective: 2025-07-01
kind: province
short: test-zones
name: {{vi: Tỉnh thử nghiệm, en: Province of the tests}}
contacts:
  owner: {{email: owner@zones.example.gov.vn}}
  operator: {{email: operator@zones.example.gov.vn}}
  security: {{email: security@zones.example.gov.vn}}
systems:
  - name: desk
    title: {{vi: Một cửa}}
    level: 2
    data: personal
    exposure: state
    consumes: [{SERVICE}]
    zones: [edge, application, database]
    flows:
      - {{from: edge, to: application, port: 8080}}
      - {{from: application, to: database, port: 8080}}
  - name: notices
    title: {{vi: Thông báo}}
    level: 2
    data: personal
    exposure: agency
"""
"""An agency with a system of three zones, and one that the first may call."""


@dataclass
class Clouds:
    """A central cloud and agency clouds, each a stack that can be applied again."""

    folder: Path
    kubeconfig: Path
    variables: Mapping[str, str]
    agencies: list[Agency]
    files: dict[str, Path]
    contract: contract.Contract

    def up(self, project: str, stack: str, **configuration: str) -> automation.Summary:
        """Apply one stack with the policy pack in force."""
        return automation.up(self.folder / project, stack, configuration, self.variables, PACK)

    def up_agency(self, slug: str) -> automation.Summary:
        """Apply the stack of one agency, from its file."""
        settings = {"agency": str(self.files[slug]), "cgc-stack": "organization/cgc/test", "logs": LOGS}
        return self.up("agc", slug, **settings)

    @property
    def stacks(self) -> list[tuple[str, str]]:
        """Project and name of every stack, in the order in which they are made."""
        return [("cgc", "test"), *(("agc", agency.slug) for agency in self.agencies)]

    def api(self, kind: Any) -> Any:
        """Return a client of the cluster."""
        return kind(config.new_client_from_config(str(self.kubeconfig)))

    def namespaces(self) -> set[str]:
        """Return the names of the namespaces that these clouds have on the cluster."""
        names = {item.metadata.name for item in self.api(client.CoreV1Api).list_namespace().items}
        places = (unit.namespace(it, zone) for unit in self.agencies for it in unit.systems for zone in it.places)
        return names & {f"cgc-{SERVICE}", *places}


def copy_project(project: str, folder: Path, *, more: str = "") -> Path:
    """Copy a stack's program, with ``more`` added at its end, so that its settings stay out of the repository."""
    source = REPOSITORY / "stacks" / project
    folder.mkdir(parents=True, exist_ok=True)
    settings = (source / "Pulumi.yaml").read_text().replace("../../.venv", str(REPOSITORY / ".venv"))
    (folder / "Pulumi.yaml").write_text(settings)
    (folder / "__main__.py").write_text((source / "__main__.py").read_text() + more)
    return folder
