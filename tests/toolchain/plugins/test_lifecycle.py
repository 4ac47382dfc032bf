"""What befalls a resource between its making and its end: refresh, import, and the options that keep or spare it."""

from __future__ import annotations

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import Cluster, Project
from tests.toolchain.plugins.programs import CONFIG_MAP, WEB
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

ACCOUNT = 'k8s.core.v1.ServiceAccount("sa", metadata=meta("sa", labels={"a": "1", "b": "1"}))\n'


def with_options(program: str, options: str) -> str:
    """Return a program of one resource with options of the engine for it."""
    return program.rstrip()[:-1] + f", opts=ResourceOptions({options}))\n"


def test_object_deleted_behind_its_back_is_made_again(project: Project, cluster: Cluster) -> None:
    """``refresh`` sees that an object is gone, and the next ``up`` makes it again."""
    project.program(CONFIG_MAP)
    project.up()
    cluster.delete("configmaps/settings")
    assert project.refresh().changes.get("delete") == 1
    assert project.up().changes.get("create") == 1
    assert cluster.get("configmaps/settings") is not None


def test_object_deleted_behind_its_back_can_be_destroyed(project: Project, cluster: Cluster) -> None:
    """What is gone already is no fault for ``destroy``."""
    project.program(CONFIG_MAP)
    project.up()
    cluster.delete("configmaps/settings")
    assert project.destroy().changes["delete"] == 2


def test_import_takes_an_object_over_without_a_change(project: Project, cluster: Cluster) -> None:
    """An object that is there already is taken over by the option ``import_`` and is unchanged from then on."""
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": "blue"}})
    before = cluster.uid("configmaps/settings")
    project.program(with_options(CONFIG_MAP, 'import_=f"{NAMESPACE}/settings"'))
    assert project.up().changes.get("import") == 1
    project.program(CONFIG_MAP)
    assert project.up().changed == 0
    assert cluster.uid("configmaps/settings") == before


def test_import_of_what_differs_names_the_field(project: Project, cluster: Cluster) -> None:
    """An import that would change the object says which field at preview; the update changes it in place."""
    cluster.create("serviceaccounts", {"metadata": {"name": "sa", "labels": {"a": "0", "b": "1"}}})
    before = cluster.uid("serviceaccounts/sa")
    project.environment["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    project.program(with_options(ACCOUNT, 'import_=f"{NAMESPACE}/sa"'))
    project.cli("stack", "init")
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert 'a: "0" => "1"' in said
    assert cluster.live("serviceaccounts/sa")["metadata"]["labels"]["a"] == "0"
    project.up()
    assert cluster.live("serviceaccounts/sa")["metadata"]["labels"]["a"] == "1"
    assert cluster.uid("serviceaccounts/sa") == before


def test_pulumi_import_takes_an_object_over(project: Project, cluster: Cluster) -> None:
    """The command ``pulumi import`` brings an object into the state, from where a program goes on without a change."""
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": "blue"}})
    project.program("")
    project.cli("stack", "init")
    place = f"{cluster.namespace}/settings"
    code, said = project.cli(
        "import", "kubernetes:core/v1:ConfigMap", "settings", place, "--yes", "--generate-code=false", "--protect=false"
    )
    assert code == 0, said
    project.program(CONFIG_MAP)
    assert project.up().changed == 0


def test_ignored_change_stays_as_it_is(project: Project, cluster: Cluster) -> None:
    """A field in ``ignore_changes`` keeps the value it has, through refresh and up."""
    program = with_options(ACCOUNT, 'ignore_changes=["metadata.labels.a"]')
    project.program(program)
    project.up()
    cluster.patch("serviceaccounts/sa", {"metadata": {"labels": {"a": "theirs"}}})
    project.refresh()
    project.program(program.replace('"b": "1"', '"b": "2"'))
    project.up()
    assert cluster.live("serviceaccounts/sa")["metadata"]["labels"] == {"a": "theirs", "b": "2"}


def test_protected_object_is_not_deleted(project: Project, cluster: Cluster) -> None:
    """A resource under ``protect`` is deleted by no run, until the program unprotects it."""
    project.program(with_options(ACCOUNT, "protect=True"))
    project.up()
    with pytest.raises(KitError, match="protect"):
        project.destroy()
    assert cluster.get("serviceaccounts/sa") is not None
    project.program(ACCOUNT)
    project.up()
    project.destroy()
    assert cluster.get("serviceaccounts/sa") is None


def test_retained_object_outlives_its_resource(project: Project, cluster: Cluster) -> None:
    """With ``retain_on_delete`` the object stays when the resource goes, and can be taken up again."""
    program = with_options(CONFIG_MAP, "retain_on_delete=True")
    project.program(program)
    project.up()
    before = cluster.uid("configmaps/settings")
    project.program("")
    assert project.up().changes.get("discard") or cluster.uid("configmaps/settings") == before
    assert cluster.uid("configmaps/settings") == before
    project.program(program)
    project.up()
    assert cluster.uid("configmaps/settings") == before


def test_deleted_with_another_is_left_to_it(project: Project, cluster: Cluster) -> None:
    """A resource with ``deleted_with`` is not deleted by itself when the other one goes."""
    project.program("sa = " + ACCOUNT + with_options(CONFIG_MAP, "deleted_with=sa"))
    project.up()
    project.destroy()
    assert cluster.get("serviceaccounts/sa") is None
    assert cluster.get("configmaps/settings") is not None


def test_targets_limit_a_run(project: Project, cluster: Cluster) -> None:
    """``up --target`` changes that resource alone, and ``destroy --target`` deletes that alone."""
    program = CONFIG_MAP + CONFIG_MAP.replace("settings", "more")
    project.program(program.replace("blue", "red"))
    project.up()
    project.program(program.replace("colour", "shade"))
    urn = project.urn("settings")
    code, said = project.cli("up", "--yes", "--skip-preview", "--target", urn)
    assert code == 0, said
    assert cluster.live("configmaps/settings")["data"] == {"shade": "blue"}
    assert cluster.live("configmaps/more")["data"] == {"colour": "red"}
    code, said = project.cli("destroy", "--yes", "--skip-preview", "--target", urn)
    assert code == 0, said
    assert cluster.get("configmaps/settings") is None
    assert cluster.get("configmaps/more") is not None


def test_destroy_waits_until_namespaces_are_gone(project: Project, cluster: Cluster) -> None:
    """When ``destroy`` returns, nothing that the stack made is left, a namespace with content among them."""
    project.program(
        """
ns = k8s.core.v1.Namespace("ns")
k8s.core.v1.ConfigMap("settings", metadata={"namespace": ns.metadata.name}, data={"a": "b"})
pulumi.export("name", ns.metadata.name)
"""
    )
    name = project.up().outputs["name"]
    assert project.destroy().changes == {"delete": 3}
    assert cluster.get(f"/api/v1/namespaces/{name}") is None


def test_deletion_that_is_held_names_what_holds_it(project: Project, cluster: Cluster) -> None:
    """An object that a finalizer keeps has that told when the time is over; it stays in the state."""
    project.program(CONFIG_MAP.replace('meta("settings")', 'meta("settings", {"pulumi.com/timeoutSeconds": "3"})'))
    project.up()
    cluster.patch("configmaps/settings", {"metadata": {"finalizers": ["example.org/held"]}})
    with pytest.raises(KitError, match=r"ConfigMap .*/settings: not gone after 3 s: finalizers example\.org/held"):
        project.destroy()
    cluster.patch("configmaps/settings", {"metadata": {"finalizers": None}})
    assert project.destroy().changes["delete"] == 2


@pytest.mark.parametrize(("policy", "left"), [("orphan", 1), ("background", 0)])
def test_deletion_propagation_policy_decides_on_what_an_object_owns(
    project: Project, cluster: Cluster, policy: str, left: int
) -> None:
    """``pulumi.com/deletionPropagationPolicy`` leaves what a Deployment owns, or has it deleted afterwards."""
    marks = {"pulumi.com/deletionPropagationPolicy": policy, "pulumi.com/skipAwait": "true"}
    project.program(WEB.replace('meta("web")', f'meta("web", {marks})'))
    project.up()
    eventually(lambda: cluster.names("replicasets"))
    project.destroy()
    eventually(lambda: cluster.get("deployments/web") is None)
    eventually(lambda: len(cluster.names("replicasets")) == left)
    if policy == "orphan":
        assert not cluster.live(f"replicasets/{cluster.names('replicasets')[0]}")["metadata"].get("ownerReferences")


def test_deletion_waits_for_what_an_object_owns(project: Project, cluster: Cluster) -> None:
    """Without a policy, a Deployment is gone only when its pods are, however long they take."""
    project.program(
        """
slow = replicas("slow")
slow["template"]["spec"] |= pods("netexec", "--delay-shutdown=4", terminationGracePeriodSeconds=20)
k8s.apps.v1.Deployment("slow", metadata=meta("slow"), spec=slow)
"""
    )
    project.up()
    project.destroy()
    assert cluster.names("pods") == []
