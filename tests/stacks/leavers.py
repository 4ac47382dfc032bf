"""Agencies of the tests that leave or are reformed: their files, stacks and records, on any cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import client, config

from govcloud.agency_stacks import AgencyStacks
from govcloud.onboarding import Office
from modules import agency_file, labels
from modules.addresses import prefixes
from modules.agency import Agency
from modules.planning import settings
from tests.stacks.clouds import PACK, copy_project
from toolchain.pulumi import environment

if TYPE_CHECKING:
    from tests.conftest import Testbed

CONFIG = {"central": "false"}
"""The agencies of these tests call nothing of a central cloud."""


def cluster_of(request: pytest.FixtureRequest) -> Path:
    """Return the kubeconfig of the testbed's cluster, or the one that GOVCLOUD_TEST_KUBECONFIG names."""
    if named := os.environ.get("GOVCLOUD_TEST_KUBECONFIG"):
        return Path(named)
    testbed: Testbed = request.getfixturevalue("testbed")
    return testbed.kubeconfig()


def text(
    code: str, effective: str, short: str, kind: str, name: str, systems: Mapping[str, str], more: str = ""
) -> str:
    """Return an agency file: systems by name, with their exposure."""
    parts = "".join(
        f"  - {{name: {system}, title: {{vi: {system}}}, level: 2, data: personal, exposure: {exposure}}}\n"
        for system, exposure in systems.items()
    )
    people = "".join(f"  {it}: {{email: {it}@{short}.example.gov.vn}}\n" for it in ("owner", "operator", "security"))
    names = f'{{vi: "{name}", en: "{name}"}}'
    head = f'code: "{code}"\neffective: {effective}\nkind: {kind}\nshort: {short}\nname: {names}\n'
    head += "placement: {cluster: shared}\n"
    return f"{head}{more}contacts:\n{people}systems:\n{parts}"


@dataclass(frozen=True)
class Leavers:
    """A project, records and a cluster for some agencies."""

    folder: Path
    kubeconfig: Path
    stacks: AgencyStacks

    @property
    def office(self) -> Office:
        return Office(self.records, self.stacks, settings.load(), prefixes.load(), CONFIG)

    @property
    def records(self) -> Path:
        return self.folder / "records"

    def up(self, agency: Agency, file: Path) -> None:
        """Apply an agency's stack alone."""
        self.stacks.up(agency.slug, {**CONFIG, "agency": os.path.relpath(file, self.stacks.project)})

    def write(self, folder: str, name: str, content: str) -> tuple[Path, Agency]:
        """Write an agency file and read it."""
        file = self.folder / folder / f"{name}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
        return file, agency_file.load(file)

    def api(self, kind: Any = client.CoreV1Api) -> Any:
        return kind(config.new_client_from_config(str(self.kubeconfig)))

    def namespaces(self, slug: str) -> list[str]:
        found = self.api().list_namespace(label_selector=f"{labels.AGENCY}={slug}").items
        return sorted(it.metadata.name for it in found)


@contextmanager
def leavers(kubeconfig: Path, folder: Path) -> Iterator[Leavers]:
    """Give a project of its own; at the end every stack that is left in it is destroyed."""
    project = copy_project("agc", folder / "agc")
    variables = environment(folder / "state", kubeconfig)
    made = Leavers(folder, kubeconfig, AgencyStacks(variables, project, PACK))
    try:
        yield made
    finally:
        for file in (folder / "state" / "pulumi" / "stacks" / ".pulumi" / "stacks" / "agc").glob("*.json"):
            made.stacks.unprotect(file.stem)
            made.stacks.destroy(file.stem)
