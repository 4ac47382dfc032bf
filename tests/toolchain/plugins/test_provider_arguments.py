"""What the provider's arguments do, each promise shown through the real engine on a real cluster."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.errors import KitError
from tests.toolchain.plugins.engine import Cluster, Project

pytestmark = pytest.mark.cluster

MAP = """
k8s.core.v1.ConfigMap("c", metadata={"name": "c"}, data={"colour": "blue"}, opts=there)
"""


def provider(**arguments: Any) -> str:
    """Return a program's line that makes a provider with these arguments and ``there``, the options to use it."""
    given = "".join(f", {name}={value!r}" for name, value in arguments.items())
    return f'there = pulumi.ResourceOptions(provider=k8s.Provider("p"{given}))\n'


def away(tmp_path: Path) -> str:
    """Return the path of a kubeconfig whose server does not answer."""
    path = tmp_path / "away.kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n"
        "contexts: [{name: c, context: {cluster: c}}]\n"
    )
    return str(path)


def two_clusters(cluster: Cluster, tmp_path: Path) -> str:
    """Return the path of a kubeconfig with the cluster under ``right`` and another under ``wrong``, the current one."""
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["clusters"][0]["name"] = "right"
    config["clusters"].append({"name": "wrong", "cluster": {"server": "https://127.0.0.1:9"}})
    user = config["users"][0]["name"]
    config["contexts"] = [
        {"name": name, "context": {"cluster": name, "user": user, "namespace": cluster.namespace}}
        for name in ("right", "wrong")
    ]
    config["current-context"] = "wrong"
    path = tmp_path / "two.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.mark.parametrize("chosen", [{"context": "right"}, {"cluster": "right"}])
def test_context_and_cluster_choose_within_a_kubeconfig(
    project: Project, cluster: Cluster, tmp_path: Path, chosen: dict[str, str]
) -> None:
    """A context or a cluster that is named is used in place of the kubeconfig's current one."""
    project.program(provider(kubeconfig=two_clusters(cluster, tmp_path), **chosen) + MAP)
    project.up()
    assert cluster.get("configmaps/c") is not None


def test_namespace_is_of_the_object_the_provider_or_the_context(
    project: Project, cluster: Cluster, tmp_path: Path
) -> None:
    """An object's own namespace comes first, then the provider's, then that of the kubeconfig's context."""
    path = two_clusters(cluster, tmp_path)
    project.program(
        provider(kubeconfig=path, context="right", namespace="default")
        + f"""
own = pulumi.ResourceOptions(provider=k8s.Provider("own", kubeconfig={path!r}, context="right"))
first = k8s.core.v1.ServiceAccount("first", metadata={{"namespace": NAMESPACE}}, opts=there)
second = k8s.core.v1.ServiceAccount("second", opts=there)
third = k8s.core.v1.ServiceAccount("third", opts=own)
role = k8s.rbac.v1.ClusterRole("role", rules=[], opts=there)
pulumi.export("ids", [first.id, second.id, third.id, role.id])
"""
    )
    found = [identity.rpartition("/")[0] for identity in project.up().outputs["ids"]]
    assert found == [cluster.namespace, "default", cluster.namespace, ""]
    assert project.up().changed == 0
    assert project.refresh().changed == 0
    project.destroy()


def test_mutable_content_is_changed_in_place(project: Project, cluster: Cluster) -> None:
    """ConfigMaps and Secrets that may change keep their object; without the argument they are made anew."""
    text = """
k8s.core.v1.ConfigMap("c", metadata={"namespace": NAMESPACE}, data={"colour": "blue"}, opts=there)
k8s.core.v1.Secret("s", metadata={"namespace": NAMESPACE}, string_data={"colour": "blue"}, opts=there)
"""
    mutable = provider(enable_config_map_mutable=True, enable_secret_mutable=True)
    project.program(mutable + text)
    project.up()
    project.program(mutable + text.replace("blue", "red"))
    assert project.up().changes == {"same": 2, "update": 2}
    project.program(provider() + text.replace("blue", "green"))
    assert project.up().changes.get("replace") == 2


def test_manifests_are_written_in_place_of_objects(project: Project, cluster: Cluster) -> None:
    """With a folder given nothing reaches the cluster: manifests are written, changed and removed, for their owner."""
    text = """
k8s.core.v1.ConfigMap("c", metadata={"name": "c", "namespace": NAMESPACE}, opts=there,
    data={"number": "1e3", "letter": "y", "date": "2024-01-01", "text": "blue"})
k8s.core.v1.Secret("s", metadata={"name": "s", "namespace": NAMESPACE}, string_data={"key": "horse"}, opts=there)
k8s.core.v1.Namespace("n", metadata={"name": "n"}, opts=there)
k8s.apiextensions.v1.CustomResourceDefinition("d", metadata={"name": "things.example.org"}, spec={
    "group": "example.org", "scope": "Cluster", "names": {"plural": "things", "kind": "Thing"},
    "versions": [{"name": "v1", "served": True, "storage": True}]}, opts=there)
"""
    head = provider(render_yaml_to_directory="out")
    project.cli("stack", "init")
    project.program(head + text)
    project.preview()
    assert not (project.folder / "out").exists()
    code, said = project.cli("up", "--yes", "--skip-preview")
    written = project.folder / "out" / "1-manifest" / f"v1-configmap-{cluster.namespace}-c.yaml"
    secret = written.with_name(f"v1-secret-{cluster.namespace}-s.yaml")
    assert code == 0, said
    assert f"{secret.name} contains a secret value in plaintext" in said
    assert "horse" not in said
    content = yaml.safe_load(written.read_text())
    assert content["data"] == {"number": "1e3", "letter": "y", "date": "2024-01-01", "text": "blue"}
    assert "'1e3'" in written.read_text()
    assert "'y'" in written.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    crd = "apiextensions.k8s.io_v1-customresourcedefinition-default-things.example.org.yaml"
    assert [file.name for file in (project.folder / "out" / "0-crd").iterdir()] == [crd]
    assert written.with_name("v1-namespace-default-n.yaml").exists()
    assert cluster.get("configmaps/c") is None
    assert project.up().changed == 0
    secret.unlink()
    project.refresh()
    project.program(head + text.replace("blue", "red"))
    project.up()
    assert yaml.safe_load(written.read_text())["data"]["text"] == "red"
    assert secret.exists()
    project.destroy()
    assert list((project.folder / "out" / "1-manifest").iterdir()) == []


def test_manifests_need_no_cluster(project: Project, cluster: Cluster) -> None:
    """Manifests are written with no kubeconfig at all, groups of manifests among them, each time if asked to."""
    project.environment["KUBECONFIG"] = "/none"
    project.environment["HOME"] = "/none"
    project.program(
        provider(render_yaml_to_directory="out", always_render=True)
        + """
from pulumi_kubernetes.yaml.v2 import ConfigGroup
ConfigGroup("g", yaml="{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {}}", opts=there)
"""
    )
    project.up()
    written = project.folder / "out" / "1-manifest" / "apps_v1-deployment-default-web.yaml"
    written.write_text("{}")
    assert project.up().changes.get("update") == 1
    assert yaml.safe_load(written.read_text())["metadata"]["namespace"] == "default"


def test_objects_of_a_cluster_that_is_gone_can_be_forgotten(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """With ``deleteUnreachable`` a destroy without the cluster succeeds; without it nothing is forgotten."""
    path = tmp_path / "kubeconfig"
    path.write_text(cluster.kubeconfig.read_text())
    project.program(provider(kubeconfig=str(path), namespace=cluster.namespace) + MAP)
    project.up()
    path.write_text(Path(away(tmp_path)).read_text())
    with pytest.raises(KitError, match="does not answer: connection refused"):
        project.destroy()
    assert project.resource("ConfigMap")["id"] == f"{cluster.namespace}/c"
    project.environment["PULUMI_K8S_DELETE_UNREACHABLE"] = "true"
    assert project.destroy().changes == {"delete": 3}
    assert cluster.get("configmaps/c") is not None


def test_updates_of_a_cluster_that_is_away_can_be_skipped(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """With ``skipUpdateUnreachable`` an up and a refresh change nothing and lose nothing while the cluster is away."""
    project.program('k8s.core.v1.Secret("s", metadata={"namespace": NAMESPACE}, string_data={"key": "correct-horse"})')
    project.up()
    known, project.environment["KUBECONFIG"] = project.environment["KUBECONFIG"], away(tmp_path)
    project.environment["PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"] = "true"
    changed = 'k8s.core.v1.Secret("s", metadata={"namespace": NAMESPACE}, string_data={"key": "battery-staple"})'
    project.program(changed)
    began = time.monotonic()
    assert project.up().changed == 0
    assert project.refresh().changed == 0
    assert time.monotonic() - began < 120
    assert "correct-horse" not in str(project.state())
    project.environment["KUBECONFIG"] = known
    assert project.up().changes.get("replace") == 1


def test_fields_are_taken_over_when_the_provider_says_so(project: Project, cluster: Cluster) -> None:
    """With ``enablePatchForce`` a field that another manager owns is taken over; the annotation comes first."""
    cluster.create("configmaps?fieldManager=somebody", {"metadata": {"name": "c"}, "data": {"colour": "red"}})
    head = provider(namespace=cluster.namespace, enable_patch_force=True, upsert_existing_objects=True)
    project.program(head + MAP.replace('"name": "c"', '"name": "c", "annotations": {"pulumi.com/patchForce": "false"}'))
    with pytest.raises(KitError, match="somebody"):
        project.up()
    project.program(head + MAP)
    project.up()
    live = cluster.get("configmaps/c")
    assert live is not None
    assert live["data"] == {"colour": "blue"}


def test_warnings_of_deprecation_can_be_hidden(project: Project, cluster: Cluster) -> None:
    """The API server's warnings of deprecated versions are passed on, unless the provider is told not to."""
    endpoints = '\nk8s.core.v1.Endpoints("e", metadata={"namespace": NAMESPACE, "name": "e"}, opts=there)\n'
    project.cli("stack", "init")
    said = []
    for hidden in (False, True):
        project.program(provider(suppress_deprecation_warnings=hidden) + endpoints)
        said.append(project.cli("up", "--yes", "--skip-preview")[1])
        project.destroy()
    assert "is deprecated in v1.33+" in said[0]
    assert "is deprecated in v1.33+" not in said[1]


def test_requests_are_no_faster_than_asked_for(project: Project, cluster: Cluster) -> None:
    """A rate of requests that is given is kept."""
    text = "\nfor n in range(10):\n    " + MAP.strip().replace('"c"', 'f"c{n}"') + "\n"
    project.program(provider(namespace=cluster.namespace, kube_client_settings={"qps": 0.4, "burst": 1}) + text)
    assert project.up().seconds > 24


def test_objects_are_merged_without_server_side_apply(project: Project, cluster: Cluster) -> None:
    """With server-side apply off, changes are merged: what others set stays, what the program drops goes.

    Turning it on again leaves the object as it is, and fields that the program drops then go as well.
    """
    program = """
k8s.core.v1.ConfigMap("c", metadata={"name": "c", "labels": {"a": "1", "b": "1"}},
    data={"one": "1", "two": "2", "three": "3"}, opts=there)
"""
    off = provider(namespace=cluster.namespace, enable_config_map_mutable=True, enable_server_side_apply=False)
    project.program(off + program)
    project.up()
    made = cluster.get("configmaps/c")
    assert made is not None
    assert made["metadata"]["labels"] == {"a": "1", "b": "1", "app.kubernetes.io/managed-by": "pulumi"}
    assert {entry["manager"] for entry in made["metadata"]["managedFields"]} == {"pulumi-kubernetes"}
    cluster.patch("configmaps/c", {"data": {"theirs": "x"}, "metadata": {"labels": {"c": "1"}}})
    assert project.up().changed == 0
    project.program(off + program.replace('"two": "2"', '"two": "zwei"').replace(', "b": "1"', ""))
    assert project.up().changes.get("update") == 1
    merged = cluster.get("configmaps/c")
    assert merged is not None
    assert merged["data"] == {"one": "1", "two": "zwei", "three": "3", "theirs": "x"}
    assert merged["metadata"]["labels"] == {"a": "1", "c": "1", "app.kubernetes.io/managed-by": "pulumi"}
    on = provider(namespace=cluster.namespace, enable_config_map_mutable=True)
    project.program(on + program.replace('"two": "2", "three": "3"', '"two": "due"').replace(', "b": "1"', ""))
    project.preview()
    assert project.up().changes.get("update") == 2
    applied = cluster.get("configmaps/c")
    assert applied is not None
    assert applied["metadata"]["uid"] == made["metadata"]["uid"]
    assert applied["data"] == {"one": "1", "two": "due", "theirs": "x"}
    project.program(off + program.replace('"two": "2", "three": "3"', '"two": "tre"').replace(', "b": "1"', ""))
    project.up()
    project.destroy()
    assert cluster.get("configmaps/c") is None


def test_existing_object_is_not_taken_over_without_server_side_apply(project: Project, cluster: Cluster) -> None:
    """With server-side apply off, an object that is there already is refused; a patch is refused at once."""
    cluster.create("configmaps", {"metadata": {"name": "c"}, "data": {"colour": "red"}})
    off = provider(namespace=cluster.namespace, enable_server_side_apply=False)
    project.program(off + MAP)
    with pytest.raises(KitError, match="already exists"):
        project.up()
    project.program(off + MAP.replace("ConfigMap(", "ConfigMapPatch("))
    with pytest.raises(KitError, match="a patch needs server-side apply"):
        project.preview()


def test_existing_object_is_taken_over_only_where_the_provider_says_so(project: Project, cluster: Cluster) -> None:
    """An object that others made is refused, at preview already; with ``upsertExistingObjects`` it is taken over."""
    cluster.create("configmaps", {"metadata": {"name": "c"}, "data": {"size": "3"}})
    project.program(provider(namespace=cluster.namespace) + MAP)
    for operation in (project.preview, project.up):
        with pytest.raises(KitError, match=r"ConfigMap .*/c already exists.*upsertExistingObjects"):
            operation()
    assert cluster.live("configmaps/c")["data"] == {"size": "3"}
    project.program(provider(namespace=cluster.namespace, upsert_existing_objects=True) + MAP)
    project.up()
    assert cluster.live("configmaps/c")["data"] == {"size": "3", "colour": "blue"}


def test_provider_is_replaced_for_another_cluster_only(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """Another server makes everything anew there; an identifier that stays says that it is the same cluster."""
    here = str(cluster.kubeconfig)
    project.program(provider(kubeconfig=here, namespace=cluster.namespace) + MAP)
    project.up()
    project.program(provider(kubeconfig=away(tmp_path), namespace=cluster.namespace) + MAP)
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert said.count("(replace)") == 2
    same = {"namespace": cluster.namespace, "cluster_identifier": "one"}
    project.program(provider(kubeconfig=here, **same) + MAP)
    assert project.up().changes == {"same": 2, "update": 1}
    project.program(provider(kubeconfig=away(tmp_path), **same) + MAP)
    assert "(replace)" not in project.cli("preview", "--diff")[1]


def test_argument_that_is_wrong_is_told(project: Project) -> None:
    """What cannot be honoured is told with the argument's name before anything is made."""
    project.program(provider(kube_client_settings={"qps": -1}) + MAP)
    with pytest.raises(KitError, match=r"kubeClientSettings\.qps must be above 0"):
        project.up()
    project.environment["PULUMI_K8S_CLIENT_BURST"] = "many"
    project.program(MAP.replace(", opts=there", ""))
    with pytest.raises(KitError, match="PULUMI_K8S_CLIENT_BURST must be a number, not 'many'"):
        project.up()
