"""The stacks are brought up once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.paths import REPOSITORY
from modules import agency_file, contract
from modules.agency import Agency
from tests.stacks.clouds import SERVICE, Clouds, copy_project
from toolchain import automation
from toolchain.pulumi import environment

if TYPE_CHECKING:
    from tests.conftest import Testbed


@pytest.fixture(scope="module")
def clouds(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """Bring up the central cloud and two agencies; take them down at the end."""
    folder = tmp_path_factory.mktemp("stacks")
    files: dict[str, Path] = {}
    agencies: list[Agency] = []
    for name in ("quang-ninh", "ha-long"):
        text = (REPOSITORY / "data" / "agencies" / f"{name}.yaml").read_text(encoding="utf-8")
        text = text.replace(f"short: {name}", f"short: test-{name}").replace("[exchange]", f"[{SERVICE}]")
        file = folder / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        agencies.append(agency_file.load(file))
        files[agencies[-1].slug] = file
    for project in ("cgc", "agc"):
        copy_project(project, folder / project)
    (folder / "cgc" / "Pulumi.test.yaml").write_text(f"config:\n  cgc:services: [{SERVICE}]\n")
    kubeconfig = testbed.kubeconfig()
    made = Clouds(
        folder,
        kubeconfig,
        environment(folder / "state", kubeconfig),
        agencies,
        files,
        contract.Contract(version=1, services={}),
    )
    try:
        made.contract = contract.parse(made.up("cgc", "test").outputs.get("contract"), "cgc")
        for agency in agencies:
            file = str(files[agency.slug])
            made.up("agc", agency.slug, **{"agency": file, "cgc-stack": "organization/cgc/test"})
        yield made
    finally:
        for project, stack in reversed(made.stacks):
            automation.destroy(folder / project, stack, made.variables)
