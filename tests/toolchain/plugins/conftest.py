"""Projects that run through the real engine against a real cluster."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Testbed
from tests.toolchain.plugins.engine import Cluster, Project
from toolchain import pulumi


@pytest.fixture
def cluster(testbed: Testbed) -> Iterator[Cluster]:
    """Give a cluster with a fresh namespace, which is deleted afterwards with all that is in it."""
    name = f"plugins-{secrets.token_hex(4)}"
    made = Cluster(testbed.kubeconfig(), name)
    made.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield made
    made.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def project(cluster: Cluster, tmp_path: Path) -> Project:
    """Give an empty project on this cluster."""
    environment = pulumi.environment(tmp_path / "state", cluster.kubeconfig)
    return Project(tmp_path / "project", environment, cluster.namespace)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Give an empty project with a stack, and the engine without a cluster."""
    monkeypatch.delenv(pulumi.ENGINE_CHOICE, raising=False)
    made = Project(tmp_path / "project", pulumi.environment(tmp_path / "state", None), "")
    code, said = made.cli("stack", "init")
    assert code == 0, said
    return made
