"""``pulumi import`` with the code that it writes."""

from __future__ import annotations

import json

import pytest

from tests.toolchain.plugins.engine import Cluster, Project

pytestmark = pytest.mark.cluster

OBJECTS = {
    "configmaps/settings": {"data": {"colour": "blue", "a.b": 'x "y" ${z}\n2'}},
    "resourcequotas/quota": {"spec": {"hard": {"pods": "10", "requests.cpu": "500m"}}},
    "secrets/hidden": {"type": "Opaque", "data": {"password": "aHVudGVyMg=="}},
}


def test_imported_objects_come_with_a_program_that_changes_nothing(project: Project, cluster: Cluster) -> None:
    """The code that is written for objects made elsewhere, put into the program, is what is there."""
    types = {"configmaps": "ConfigMap", "resourcequotas": "ResourceQuota", "secrets": "Secret"}
    named = {}
    for path, body in OBJECTS.items():
        plural, _, name = path.partition("/")
        cluster.create(plural, {**body, "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}}})
        named[name] = f"kubernetes:core/v1:{types[plural]}"
    wanted = [{"type": kind, "name": name, "id": f"{cluster.namespace}/{name}"} for name, kind in named.items()]
    project.write(json.dumps({"resources": wanted}), "wanted.json")
    project.write("")
    assert project.cli("stack", "init")[0] == 0
    code, said = project.cli("import", "--file=wanted.json", "--yes", "--skip-preview", "--out=__main__.py")
    assert code == 0, said
    written = (project.folder / "__main__.py").read_text()
    assert 'kubernetes.core.v1.ResourceQuota("quota"' in written
    done = project.up()
    assert done.changed == 0
    assert done.changes["same"] >= 4
    assert "aHVudGVyMg" not in json.dumps(project.state())


def test_one_object_is_imported_from_the_command_line(project: Project, cluster: Cluster) -> None:
    """TYPE NAME ID is enough: the code is printed, and names fields as the SDK does."""
    cluster.create(
        "services",
        {
            "metadata": {"name": "web"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        },
    )
    project.write("")
    assert project.cli("stack", "init")[0] == 0
    identity = f"{cluster.namespace}/web"
    code, said = project.cli("import", "kubernetes:core/v1:Service", "web", identity, "--yes", "--skip-preview")
    assert code == 0, said
    assert 'web = kubernetes.core.v1.Service("web",' in said
    assert '"target_port": "http"' in said
    assert project.resource("Service")["protect"]
