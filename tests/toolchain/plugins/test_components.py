"""Groups of manifests as components, each promise shown through the real engine on a real cluster."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import Cluster, Project

pytestmark = pytest.mark.cluster

GROUP = "from pulumi_kubernetes.yaml.v2 import ConfigFile, ConfigGroup\n"


def write(project: Project, name: str, text: str, namespace: str) -> None:
    """Write a manifest into the project's folder; NAMESPACE in it is the test's."""
    file = project.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text).replace("NAMESPACE", namespace))


MANIFEST = """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: settings, namespace: NAMESPACE}
    data: {colour: blue, ports: "22:22"}
    ---
    ---
    apiVersion: v1
    kind: List
    items:
      - apiVersion: v1
        kind: Secret
        metadata: {name: door, namespace: NAMESPACE}
        stringData: {key: correct-horse}
      - apiVersion: v1
        kind: ServiceAccount
        metadata: {name: robot, namespace: NAMESPACE}
"""


def test_file_is_applied_unchanged_and_destroyed(project: Project, cluster: Cluster) -> None:
    """The objects of a file, lists expanded, are made, stay as they are, are the outputs, and go with the stack."""
    write(project, "manifests/all.yaml", MANIFEST, cluster.namespace)
    project.program(
        GROUP
        + """
group = ConfigFile("all", file="manifests/all.yaml")
pulumi.export("names", group.resources.apply(lambda made: pulumi.Output.all(*[one.metadata["name"] for one in made])))
"""
    )
    project.preview()
    done = project.up()
    resources = {r["urn"].partition("::kubernetes:")[2] for r in project.state()["deployment"]["resources"]}
    text = json.dumps(project.state())
    assert done.outputs["names"] == ["settings", "door", "robot"]
    assert cluster.get("secrets/door") is not None
    assert f"yaml/v2:ConfigFile$kubernetes:core/v1:ConfigMap::all:{cluster.namespace}/settings" in resources
    assert "correct-horse" not in text
    assert project.up().changed == 0
    assert project.destroy().changes == {"delete": 5}
    assert cluster.get("configmaps/settings") is None
