"""When an object is replaced, in which order, and when it is not."""

from __future__ import annotations

import re

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import Cluster, Project
from tests.toolchain.plugins.programs import CONFIG_MAP, ROLE_BINDING
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

AUTO = 'k8s.core.v1.ConfigMap("auto", metadata=meta(), data={"colour": "blue"})'
JOB = """
k8s.batch.v1.Job("job", metadata=meta("job", {"pulumi.com/timeoutSeconds": "120"}),
    spec={"backoffLimit": 0, "template": {"spec": pods("no-such-command", restartPolicy="Never")}})
"""


def test_immutable_change_replaces(project: Project, cluster: Cluster) -> None:
    """A change of a field that cannot change in place replaces the object; preview says so and shows no error."""
    project.program(ROLE_BINDING)
    project.up()
    before = cluster.uid("rolebindings/rb")
    project.program(ROLE_BINDING.replace("reader", "writer"))
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert "(replace)" in said
    assert 'name: "reader" => "writer"' in said
    steps = project.steps()
    assert steps.index("delete-replaced") < steps.index("create-replacement")
    assert cluster.uid("rolebindings/rb") != before
    assert cluster.live("rolebindings/rb")["roleRef"]["name"] == "writer"


@pytest.mark.parametrize("change", [("meta()", 'meta(annotations={"a": "b"})'), ("x", "x")], ids=["changed", "same"])
def test_named_by_itself_keeps_its_name(project: Project, change: tuple[str, str]) -> None:
    """An object without a name of its own gets one with eight digits, is marked so, and keeps it."""
    project.program(AUTO)
    project.up()
    first = project.resource("ConfigMap")["outputs"]["metadata"]
    project.program(AUTO.replace(*change))
    project.up()
    assert re.fullmatch("auto-[0-9a-f]{8}", first["name"])
    assert first["annotations"]["pulumi.com/autonamed"] == "true"
    assert project.resource("ConfigMap")["outputs"]["metadata"]["name"] == first["name"]


@pytest.mark.parametrize("named", ["meta()", 'meta(generateName="auto-")'], ids=["auto", "generateName"])
def test_named_by_itself_is_replaced_without_a_gap(project: Project, cluster: Cluster, named: str) -> None:
    """The successor of an object without a name of its own has another name, and is made before the old one goes."""
    project.program(AUTO.replace("meta()", named))
    project.up()
    first = project.resource("ConfigMap")["id"].partition("/")[2]
    project.program(AUTO.replace("meta()", named).replace("blue", "red"))
    steps = project.steps()
    second = project.resource("ConfigMap")["id"].partition("/")[2]
    assert steps.index("create-replacement") < steps.index("delete-replaced")
    assert [name for name in cluster.names("configmaps") if name.startswith("auto-")] == [second]
    assert first != second


def test_replace_on_changes_replaces_and_loses_nothing(project: Project, cluster: Cluster) -> None:
    """A field in ``replace_on_changes`` replaces the object; under its own name the old one goes first."""
    program = """
k8s.core.v1.ServiceAccount("sa", metadata=meta("sa", labels={"a": "1"}),
    opts=ResourceOptions(replace_on_changes=["metadata.labels.a"]))
"""
    project.program(program)
    project.up()
    before = cluster.uid("serviceaccounts/sa")
    project.program(program.replace('"1"', '"2"'))
    steps = project.steps()
    assert steps.index("delete-replaced") < steps.index("create-replacement")
    assert cluster.uid("serviceaccounts/sa") != before


def test_replacement_that_is_asked_for_loses_no_object(project: Project, cluster: Cluster) -> None:
    """``up --replace`` of an object that keeps its name leaves it there and tells how to have it made anew."""
    project.program(CONFIG_MAP)
    project.up()
    code, said = project.cli("up", "--yes", "--skip-preview", "--replace", project.urn("settings"))
    assert code == 0, said
    assert "set deleteBeforeReplace" in said
    assert cluster.get("configmaps/settings") is not None
    before = cluster.uid("configmaps/settings")
    project.program(CONFIG_MAP.rstrip()[:-1] + ", opts=ResourceOptions(delete_before_replace=True))")
    code, said = project.cli("up", "--yes", "--skip-preview", "--replace", project.urn("settings"))
    assert code == 0, said
    assert cluster.uid("configmaps/settings") != before


def test_renamed_resource_loses_no_object(project: Project, cluster: Cluster) -> None:
    """A resource with another name in the program and the same object is refused, or leaves the object there."""
    project.program(CONFIG_MAP)
    project.up()
    project.program(CONFIG_MAP.replace('ConfigMap("settings"', 'ConfigMap("options"'))
    with pytest.raises(KitError, match=r"already exists.*give it an alias"):
        project.up()
    before = cluster.uid("configmaps/settings")
    project.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code == 0, said
    assert "give it an alias" in said
    assert cluster.uid("configmaps/settings") == before
    project.program(CONFIG_MAP.replace('ConfigMap("settings"', 'ConfigMap("options"').replace("colour", "shade"))
    project.up()
    assert cluster.live("configmaps/settings")["data"] == {"shade": "blue"}


def test_alias_keeps_the_object(project: Project, cluster: Cluster) -> None:
    """A resource that has an alias for its old name is the same one, with nothing to change."""
    project.program(AUTO)
    project.up()
    before = cluster.names("configmaps")
    alias = 'opts=ResourceOptions(aliases=[pulumi.Alias(name="auto")])'
    project.program(AUTO.replace('ConfigMap("auto"', 'ConfigMap("other"')[:-1] + f", {alias})")
    assert project.up().changed == 0
    assert cluster.names("configmaps") == before


def test_another_version_of_the_api_keeps_the_object(project: Project, cluster: Cluster) -> None:
    """A resource of a newer version of its type, which the SDK has as an alias, changes its object in place."""
    scaled = '"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}'
    target = f'"minReplicas": 1, "maxReplicas": 3, {scaled}'
    project.program(f'k8s.autoscaling.v1.HorizontalPodAutoscaler("web", metadata=meta("web"), spec={{{target}}})')
    project.up()
    before = cluster.uid("horizontalpodautoscalers/web")
    newer = f'k8s.autoscaling.v2.HorizontalPodAutoscaler("web", metadata=meta("web"), spec={{{target}}})'
    project.program(newer.replace('"maxReplicas": 3', '"maxReplicas": 4'))
    assert project.up().changes.get("update") == 1
    assert project.up().changed == 0
    assert cluster.uid("horizontalpodautoscalers/web") == before
    assert cluster.live("horizontalpodautoscalers/web")["spec"]["maxReplicas"] == 4


def test_replace_unready_replaces_a_job_that_failed(project: Project, cluster: Cluster) -> None:
    """A failed Job stays and fails again, unless ``pulumi.com/replaceUnready`` asks for a new one."""
    project.program(JOB)
    for _ in range(2):
        with pytest.raises(KitError, match=r"Job .*/job: the job failed"):
            project.up()
    failed = cluster.uid("jobs/job")
    project.program(JOB.replace('"pulumi.com/timeoutSeconds": "120"', '"pulumi.com/replaceUnready": "true"'))
    with pytest.raises(KitError, match=r"Job .*/job: the job failed"):
        project.up()
    replaced = cluster.uid("jobs/job")
    project.program(
        JOB.replace('"pulumi.com/timeoutSeconds": "120"', '"pulumi.com/replaceUnready": "true"').replace(
            "no-such-command", "help"
        )
    )
    assert project.up().changes.get("replace") == 1
    assert project.up().changed == 0
    assert len({failed, replaced, cluster.uid("jobs/job")}) == 3


def test_object_in_the_place_of_one_that_is_going_is_made_when_it_is_gone(project: Project, cluster: Cluster) -> None:
    """What is applied to an object that is being deleted would go with it: it is applied again when that is gone."""
    held = {"metadata": {"name": "settings", "finalizers": ["example.org/held"]}}
    cluster.create("configmaps", held)
    before = cluster.uid("configmaps/settings")
    cluster.delete("configmaps/settings")
    project.program(CONFIG_MAP)
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview")
    eventually(lambda: "colour" in cluster.live("configmaps/settings").get("data", {}))
    cluster.patch("configmaps/settings", {"metadata": {"finalizers": None}})
    said, _ = child.communicate(timeout=120)
    assert child.returncode == 0, said
    assert cluster.uid("configmaps/settings") != before
