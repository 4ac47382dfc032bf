"""The stacks are brought up once for all tests of a module, and taken down at its end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.paths import REPOSITORY
from modules import agency_file, contract
from tests.stacks.clouds import SERVICE, ZONED, Clouds, copy_project
from toolchain import automation
from toolchain.pulumi import environment

if TYPE_CHECKING:
    from tests.conftest import Testbed


@pytest.fixture(scope="module")
def clouds(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """Bring up the central cloud and two agencies."""
    texts = {}
    for name in ("quang-ninh", "ha-long"):
        text = (REPOSITORY / "data" / "agencies" / f"{name}.yaml").read_text(encoding="utf-8")
        texts[name] = text.replace(f"short: {name}", f"short: test-{name}").replace("[exchange]", f"[{SERVICE}]")
    with _brought_up(testbed.kubeconfig(), tmp_path_factory.mktemp("stacks"), texts) as made:
        yield made


@pytest.fixture(scope="module")
def zoned(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """Bring up the central cloud, its service the gateway of the exchange, and an agency whose system has zones."""
    with _brought_up(testbed.kubeconfig(), tmp_path_factory.mktemp("zones"), {"zoned": ZONED}, SERVICE) as made:
        yield made


@pytest.fixture(scope="module")
def central(testbed: Testbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    """Bring up the central cloud alone."""
    with _brought_up(testbed.kubeconfig(), tmp_path_factory.mktemp("central"), {}) as made:
        yield made


@contextmanager
def _brought_up(kubeconfig: Path, folder: Path, texts: Mapping[str, str], exchange: str = "") -> Iterator[Clouds]:
    """Bring up the central cloud, and an agency from each text; take them down at the end."""
    files = {name: folder / f"{name}.yaml" for name in texts}
    for name, file in files.items():
        file.write_text(texts[name], encoding="utf-8")
    agencies = [agency_file.load(file) for file in files.values()]
    for project in ("cgc", "agc"):
        copy_project(project, folder / project)
    gateways = f"{{state: {exchange}}}" if exchange else "{}"
    settings = f"config:\n  cgc:services: [{SERVICE}]\n  cgc:gateways: {gateways}\n"
    (folder / "cgc" / "Pulumi.test.yaml").write_text(settings)
    made = Clouds(
        folder,
        kubeconfig,
        environment(folder / "state", kubeconfig),
        agencies,
        dict(zip((it.slug for it in agencies), files.values(), strict=True)),
        contract.Contract(version=1, services={}),
    )
    try:
        made.contract = contract.parse(made.up("cgc", "test").outputs.get("contract"), "cgc")
        for agency in agencies:
            made.up_agency(agency.slug)
        yield made
    finally:
        for project, stack in reversed(made.stacks):
            automation.destroy(folder / project, stack, made.variables)
