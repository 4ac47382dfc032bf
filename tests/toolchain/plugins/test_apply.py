"""Applying a program and previewing it: what the cluster has afterwards, and who owns which field."""

from __future__ import annotations

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import Cluster, Project
from tests.toolchain.plugins.programs import CONFIG_MAP, ROLE_BINDING, WEB

pytestmark = pytest.mark.cluster


def managers(obj: dict) -> set[str]:  # type: ignore[type-arg]
    """Return the names of those who own fields of an object."""
    return {entry["manager"] for entry in obj["metadata"]["managedFields"]}


def test_outputs_are_those_of_the_live_object(project: Project, cluster: Cluster) -> None:
    """What the API server gives an object, such as an address, is an output of its resource."""
    project.program(
        """
service = k8s.core.v1.Service("web", metadata=meta("web"), spec={"ports": [{"port": 8080}]})
pulumi.export("ip", service.spec.cluster_ip)
pulumi.export("uid", service.metadata.uid)
"""
    )
    done = project.up()
    service = cluster.live("services/web")
    assert done.outputs == {"ip": service["spec"]["clusterIP"], "uid": service["metadata"]["uid"]}


def test_second_up_changes_nothing(project: Project) -> None:
    """An unchanged program shows no change, whatever the server filled in or wrote in another way."""
    project.program(
        WEB
        + """
k8s.core.v1.ResourceQuota("q", metadata=meta(), spec={"hard": {"cpu": "4000m", "pods": 10}})
k8s.core.v1.LimitRange("l", metadata=meta(), spec={"limits": [{"type": "Container", "default": {"memory": "0.5Gi"}}]})
k8s.networking.v1.NetworkPolicy("deny", metadata=meta(), spec={
    "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": [{"ports": [{"port": 53}]}]})
k8s.core.v1.Secret("s", metadata=meta(), string_data={"a": "Đà Nẵng", "n": "007"})
k8s.rbac.v1.Role("r", metadata=meta(), rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])
k8s.core.v1.ConfigMap("generated", metadata=meta(generateName="generated-"), data={"n": "9007199254740993"})
"""
    )
    assert project.up().changed == 8
    assert project.up().changed == 0
    assert project.refresh().changed == 0
    assert project.up().changed == 0


def test_drift_is_seen_by_refresh_and_mended_by_up(project: Project, cluster: Cluster) -> None:
    """What somebody changed is told by ``refresh``; ``up`` names who did it, and puts it back when told to."""
    program = 'k8s.core.v1.ServiceAccount("sa", metadata=meta("sa", labels={"owner": "us"}))\n' + ROLE_BINDING
    project.program(program)
    project.up()
    ours = {"kind": "ServiceAccount", "name": "sa", "namespace": cluster.namespace}
    cluster.patch("rolebindings/rb", {"subjects": [ours, {**ours, "name": "intruder"}]})
    cluster.patch("serviceaccounts/sa", {"metadata": {"labels": {"owner": "them"}}})
    assert project.refresh().changes.get("update") == 2
    with pytest.raises(KitError, match=r'conflict with "python-urllib3".*pulumi\.com/patchForce'):
        project.up()
    project.environment["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    assert project.up().changes.get("update") == 2
    assert [subject["name"] for subject in cluster.live("rolebindings/rb")["subjects"]] == ["sa"]
    assert cluster.live("serviceaccounts/sa")["metadata"]["labels"]["owner"] == "us"


def test_each_resource_owns_its_fields_under_a_name_of_its_own(project: Project, cluster: Cluster) -> None:
    """Two resources are two field managers, the same ones in every run."""
    project.program(CONFIG_MAP + CONFIG_MAP.replace("settings", "more"))
    project.up()
    first, second = managers(cluster.live("configmaps/settings")), managers(cluster.live("configmaps/more"))
    project.program((CONFIG_MAP + CONFIG_MAP.replace("settings", "more")).replace('"colour"', '"shade"'))
    project.up()
    assert len(first) == len(second) == 1
    assert first.isdisjoint(second)
    assert managers(cluster.live("configmaps/settings")) == first


def test_field_of_another_manager_is_a_conflict_that_names_it(project: Project, cluster: Cluster) -> None:
    """A field that another manager owns is refused with its name and the way out, at preview already."""
    cluster.create("configmaps?fieldManager=somebody", {"metadata": {"name": "settings"}, "data": {"colour": "red"}})
    project.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    project.program(CONFIG_MAP)
    for operation in (project.preview, project.up):
        with pytest.raises(KitError, match=r"somebody.*data\.colour.*pulumi\.com/patchForce"):
            operation()
    assert cluster.live("configmaps/settings")["data"] == {"colour": "red"}


def test_patch_force_takes_fields_of_others(project: Project, cluster: Cluster) -> None:
    """With ``pulumi.com/patchForce`` a field is taken over from its manager."""
    cluster.create("configmaps?fieldManager=somebody", {"metadata": {"name": "settings"}, "data": {"colour": "red"}})
    project.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    project.program(CONFIG_MAP.replace('meta("settings")', 'meta("settings", {"pulumi.com/patchForce": "true"})'))
    project.up()
    assert cluster.live("configmaps/settings")["data"] == {"colour": "blue"}


def test_patch_field_manager_names_the_owner(project: Project, cluster: Cluster) -> None:
    """``pulumi.com/patchFieldManager`` is the owner's name; the one before it keeps nothing."""
    project.program(CONFIG_MAP)
    project.up()
    named = 'meta("settings", {"pulumi.com/patchFieldManager": "treasury"})'
    project.program(CONFIG_MAP.replace('meta("settings")', named))
    project.up()
    assert managers(cluster.live("configmaps/settings")) == {"treasury"}


def test_patch_changes_only_its_fields_and_gives_them_back(project: Project, cluster: Cluster) -> None:
    """A patch sets fields of somebody else's object, and takes only these away when it goes."""
    cluster.create("configmaps?fieldManager=somebody", {"metadata": {"name": "theirs"}, "data": {"a": "1"}})
    project.program('k8s.core.v1.ConfigMapPatch("p", metadata=meta("theirs"), data={"b": "2"})')
    project.up()
    patched = cluster.live("configmaps/theirs")
    project.destroy()
    assert patched["data"] == {"a": "1", "b": "2"}
    assert cluster.live("configmaps/theirs")["data"] == {"a": "1"}


def test_custom_resource_follows_its_definition(project: Project, cluster: Cluster) -> None:
    """A preview takes an object of a kind that is not there yet; one ``up`` makes the definition and the object."""
    group = f"{cluster.namespace}.example.org"
    project.program(
        f"""
crd = k8s.apiextensions.v1.CustomResourceDefinition("things", metadata={{"name": "things.{group}"}}, spec={{
    "group": "{group}", "scope": "Namespaced", "names": {{"plural": "things", "kind": "Thing"}},
    "versions": [{{"name": "v1", "served": True, "storage": True, "schema": {{"openAPIV3Schema": {{
        "type": "object", "x_kubernetes_preserve_unknown_fields": True}}}}}}]}})
k8s.apiextensions.CustomResource("one", api_version="{group}/v1", kind="Thing", metadata=meta("one"),
    spec={{"size": 3, "ratio": 0.5, "off": False, "empty": {{}}}}, opts=ResourceOptions(depends_on=[crd]))
"""
    )
    assert project.preview().changes == {"create": 3}
    assert project.up().changed == 3
    assert project.up().changed == 0
    thing = cluster.live(f"/apis/{group}/v1/namespaces/{cluster.namespace}/things/one")
    project.destroy()
    assert thing["spec"] == {"size": 3, "ratio": 0.5, "off": False, "empty": {}}


def test_preview_shows_what_admission_refuses(project: Project) -> None:
    """An object that the API server will refuse is refused at preview, with the server's own words."""
    project.program('k8s.core.v1.Service("bad", metadata=meta("bad"), spec={"ports": [{"port": 70000}]})')
    with pytest.raises(KitError, match=r"spec.ports\[0\].port.*between 1 and 65535"):
        project.preview()


def test_preview_shows_what_the_server_fills_in(project: Project, cluster: Cluster) -> None:
    """Defaults of the API server are outputs at preview; what only the update decides is not known."""
    project.program(
        """
service = k8s.core.v1.Service("web", metadata=meta("web"), spec={"ports": [{"port": 80}]})
pulumi.export("affinity", service.spec.session_affinity)
pulumi.export("address", service.spec.cluster_ip)
"""
    )
    project.cli("stack", "init")
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert 'affinity: "None"' in said
    assert "address : [unknown]" in said or "address: [unknown]" in said or "address : output<string>" in said, said
    assert cluster.get("services/web") is None


def test_preview_names_the_field_and_changes_nothing(project: Project, cluster: Cluster) -> None:
    """A preview names the field that will change, and leaves the cluster as it is."""
    program = 'k8s.core.v1.ServiceAccount("sa", metadata=meta("sa", labels={"a": "1"}))'
    project.program(program)
    project.up()
    project.program(program.replace('"1"', '"2"'))
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert 'a: "1" => "2"' in said
    assert cluster.live("serviceaccounts/sa")["metadata"]["labels"] == {"a": "1"}


def test_value_that_is_not_known_at_preview_is_applied(project: Project, cluster: Cluster) -> None:
    """An input that another resource gives is unknown at preview, which shows it so, and its value in the object."""
    project.program(
        """
service = k8s.core.v1.Service("web", metadata=meta("web"), spec={"ports": [{"port": 80}]})
k8s.core.v1.ConfigMap("settings", metadata=meta("settings"), data={"address": service.spec.cluster_ip})
length = service.spec.cluster_ip.apply(len)  # a number, which text in its place would not be
k8s.core.v1.Service("other", metadata=meta("other"), spec={"ports": [{"port": length}]})
"""
    )
    project.cli("stack", "init")
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert "address: [unknown]" in said or "address: output<string>" in said, said
    project.up()
    address = cluster.live("services/web")["spec"]["clusterIP"]
    assert cluster.live("configmaps/settings")["data"] == {"address": address}
    assert cluster.live("services/other")["spec"]["ports"][0]["port"] == len(address)
