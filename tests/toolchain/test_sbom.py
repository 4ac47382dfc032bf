"""The bill of materials."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from core.errors import KitError
from core.files import sha256
from core.paths import REPOSITORY
from core.programs import run
from toolchain import archives, build, images, sbom


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    images.ensure()
    build.ensure()
    for name in archives.load():
        archives.ensure(name)
    found: dict[str, Any] = json.loads(sbom.document())
    return found


def test_a_bill_of_what_is_not_built_is_refused(cache: Path) -> None:
    """A bill lists what is there; what is missing is named with the command that builds it."""
    with pytest.raises(KitError, match=r"not built: .*kubelet") as caught:
        sbom.document()
    assert caught.value.hint == "govcloud toolchain build"


@pytest.mark.toolchain
def test_the_bill_is_valid_cyclonedx(tmp_path: Path) -> None:
    """The file that the command writes meets CycloneDX's own schema 1.6, and is the same each time."""
    build.ensure()
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "govcloud.main",
        "toolchain",
        "sbom",
        "--out",
        tmp_path / "bill.json",
    ]
    run(command, cwd=REPOSITORY)
    text = (tmp_path / "bill.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace('"SHA-256"', '"SHA-257"')) is not None
    assert sbom.document() == text


@pytest.mark.toolchain
def test_every_program_has_its_version_licence_and_digest(bill: dict[str, Any]) -> None:
    """The digests are those of the files themselves."""
    listed = {c["name"]: c for c in bill["components"] if c["type"] == "application"}
    entries = [*build.status(), *archives.status()]
    assert listed.keys() == {entry.name for entry in entries}
    for entry in entries:
        component = listed[entry.name]
        assert component["version"] == entry.version
        assert component["licenses"] == [{"license": {"id": "Apache-2.0"}}]
        assert entry.path
        assert component["hashes"] == [{"alg": "SHA-256", "content": sha256(entry.path)}]


@pytest.mark.toolchain
def test_what_is_linked_and_laid_in_is_listed(bill: dict[str, Any]) -> None:
    """Go modules stand under their programs, Debian's packages under the image that holds them."""
    depends = {d["ref"]: d.get("dependsOn", []) for d in bill["dependencies"]}
    assert "k8s.io/api@v0.36.3" in depends["program/kubelet"]
    assert any(ref.startswith("std@go1.26.") for ref in depends["program/etcd"])
    assert any(ref.startswith("pkg:deb/debian/nftables@") for ref in depends["image/kube-proxy"])
    assert {"program/pulumi", "image/kube-proxy"} <= set(depends["government-cloud-kit"])
