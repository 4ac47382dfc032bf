"""Groups of manifests as components, each promise shown through the real engine on a real cluster."""

from __future__ import annotations

import json
import textwrap
from typing import Any

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import Cluster, Project

pytestmark = pytest.mark.cluster

V2 = "from pulumi_kubernetes.yaml.v2 import ConfigFile, ConfigGroup\n"
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
MAP = """
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: NAME, namespace: NAMESPACE}
    data: {a: b}
"""


def write(project: Project, cluster: Cluster, name: str, text: str) -> None:
    """Write a manifest into the project's folder; NAMESPACE in it is the test's."""
    file = project.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text).replace("NAMESPACE", cluster.namespace))


def resources(project: Project) -> dict[str, dict[str, Any]]:
    """Return the state's resources of Kubernetes by type and name."""
    found = project.state()["deployment"]["resources"]
    return {r["urn"].rpartition("kubernetes:")[2]: r for r in found if "kubernetes:" in r["urn"]}


def made(project: Project) -> list[str]:
    """Apply a project; return the names of its resources in the order in which they were there."""
    names: list[str] = []

    def listen(event: Any) -> None:
        if event.res_outputs_event:
            names.append(event.res_outputs_event.metadata.urn.rpartition("::")[2])

    project.up(on_event=listen)
    return names


def test_file_is_applied_unchanged_and_destroyed(project: Project, cluster: Cluster) -> None:
    """The objects of a file, lists expanded, are made, stay as they are, are the outputs, and go with the stack."""
    write(project, cluster, "manifests/all.yaml", MANIFEST)
    project.program(
        V2
        + """
group = ConfigFile("all", file="manifests/all.yaml")
pulumi.export("names", group.resources.apply(lambda made: pulumi.Output.all(*[one.metadata["name"] for one in made])))
"""
    )
    project.preview()
    done = project.up()
    live, found = cluster.get("configmaps/settings"), resources(project)
    assert done.outputs["names"] == ["settings", "door", "robot"]
    assert live is not None
    assert live["data"] == {"colour": "blue", "ports": "22:22"}
    assert cluster.get("secrets/door") is not None
    assert found[f"core/v1:ConfigMap::all:{cluster.namespace}/settings"]["parent"].endswith("ConfigFile::all")
    assert "correct-horse" not in json.dumps(project.state())
    assert project.up().changed == 0
    assert project.destroy().changes == {"delete": 5}
    assert cluster.get("configmaps/settings") is None


def test_group_takes_files_patterns_text_and_objects(project: Project, cluster: Cluster) -> None:
    """A group is made of all that it is given; the prefix names its resources, not its objects."""
    write(project, cluster, "one.yaml", MAP.replace("NAME,", "one,"))
    write(project, cluster, "more/two.yaml", MAP.replace("NAME,", "two,"))
    write(project, cluster, "more/three.yaml", MAP.replace("NAME,", "three,"))
    write(project, cluster, "more/four.txt", MAP.replace("NAME,", "four,"))
    text = textwrap.dedent(MAP.replace("NAME,", "five,")).replace("NAMESPACE", cluster.namespace)
    project.program(
        V2
        + f"""
ConfigGroup("all", files=["one.yaml", "more/*.yaml", "none/*.yaml"], yaml={text!r}, resource_prefix="mine", objs=[
    {{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "six", "namespace": NAMESPACE}},
      "data": {{"token": pulumi.Output.secret("battery-staple")}}}}])
"""
    )
    project.cli("stack", "init")
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code == 0, said
    assert "no file matches none/*.yaml" in said
    found = {name for name in resources(project) if name.startswith("core")}
    assert found == {f"core/v1:ConfigMap::mine:{cluster.namespace}/{n}" for n in ("one", "two", "three", "five", "six")}
    assert "four" not in cluster.names("configmaps")
    assert "battery-staple" not in json.dumps(project.state())
    assert project.up().changed == 0


def test_definitions_and_namespaces_come_first(project: Project, cluster: Cluster) -> None:
    """Whatever the order in the text, an object finds its definition, its namespace and what it names; all goes."""
    group, other = f"{cluster.namespace}.example.org", f"{cluster.namespace}-b"
    text = f"""
        apiVersion: {group}/v1
        kind: Thing
        metadata: {{name: thing, namespace: {other}}}
        spec: {{size: 1e1}}
        ---
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: last
          namespace: {other}
          annotations: {{config.kubernetes.io/depends-on: "{group}/namespaces/{other}/Thing/thing, /Namespace/{other}"}}
        ---
        apiVersion: {group}/v1
        kind: Place
        metadata: {{name: place}}
        ---
        apiVersion: v1
        kind: Namespace
        metadata: {{name: {other}}}
    """
    for kind, scope in (("Thing", "Namespaced"), ("Place", "Cluster")):
        text += f"""
        ---
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {{name: {kind.lower()}s.{group}}}
        spec:
          group: {group}
          scope: {scope}
          names: {{plural: {kind.lower()}s, kind: {kind}}}
          versions:
            - name: v1
              served: true
              storage: true
              schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
        """
    write(project, cluster, "all.yaml", text.replace("\n        ", "\n"))
    project.program(V2 + 'ConfigFile("all", file="all.yaml")')
    project.preview()
    order = made(project)
    thing = cluster.get(f"/apis/{group}/v1/namespaces/{other}/things/thing")
    assert order.index(f"all:things.{group}") < order.index(f"all:{other}/thing") < order.index(f"all:{other}/last")
    assert order.index(f"all:{other}") < order.index(f"all:{other}/thing")
    assert "all:place" in order
    needed = resources(project)[f"{group}/v1:Thing::all:{other}/thing"]["dependencies"]
    assert {urn.rpartition("::")[2] for urn in needed} == {f"all:things.{group}", f"all:{other}"}
    assert thing is not None
    assert thing["spec"] == {"size": 10}
    assert project.up().changed == 0
    assert project.destroy().changes["delete"] == 8
    assert cluster.get(f"/api/v1/namespaces/{other}") is None


def test_components_options_reach_their_objects(project: Project, cluster: Cluster) -> None:
    """The provider, protection, transforms and aliases of a group hold for its objects."""
    write(project, cluster, "one.yaml", MAP.replace("NAME, namespace: NAMESPACE", "one"))
    program = """
def blue(args):
    if args.type_ != "kubernetes:core/v1:ConfigMap":
        return None
    return pulumi.ResourceTransformResult({**args.props, "data": {"colour": "blue"}}, args.opts)

there = k8s.Provider("there", namespace=NAMESPACE)
ConfigFile("all", file="one.yaml", opts=pulumi.ResourceOptions(
    provider=there, protect=True, transforms=[blue], retain_on_delete=False))
"""
    project.program(V2 + program)
    project.up()
    live = cluster.get("configmaps/one")
    assert live is not None
    assert live["data"] == {"colour": "blue"}
    with pytest.raises(KitError, match="protected"):
        project.destroy()
    renamed = program.replace('ConfigFile("all"', 'ConfigFile("other", resource_prefix="all"').replace(
        "retain_on_delete=False", 'aliases=[pulumi.Alias(name="all")]'
    )
    project.program(V2 + renamed.replace("protect=True", "protect=False"))
    assert project.up().changed == 0
    kept = cluster.get("configmaps/one")
    assert kept is not None
    assert kept["metadata"]["uid"] == live["metadata"]["uid"]
    project.destroy()


def test_objects_go_before_what_the_group_depends_on(project: Project, cluster: Cluster) -> None:
    """At a deletion the objects of a group go before the resources that its inputs and options name."""
    project.program(
        V2
        + """
first = k8s.core.v1.ConfigMap("first", metadata={"name": "first", "namespace": NAMESPACE})
second = k8s.core.v1.ConfigMap("second", metadata={"name": "second", "namespace": NAMESPACE})
ConfigGroup("all", opts=pulumi.ResourceOptions(depends_on=[second]), objs=[
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "third", "namespace": NAMESPACE},
     "data": {"uid": first.metadata.uid}}])
"""
    )
    preview = project.preview()
    assert preview.changes == {"create": 5}
    project.up()
    live, first = cluster.get("configmaps/third"), cluster.get("configmaps/first")
    assert live is not None
    assert first is not None
    assert live["data"]["uid"] == first["metadata"]["uid"]
    state = resources(project)
    group = state["yaml/v2:ConfigGroup::all"]
    assert {urn.rpartition("::")[2] for urn in group["dependencies"]} == {"first", "second"}
    assert project.destroy().changes == {"delete": 5}


def test_text_that_is_not_known_yet_is_told_at_preview(project: Project, cluster: Cluster) -> None:
    """A preview whose manifests come out of a resource says that it is incomplete; the update makes them."""
    text = textwrap.dedent(MAP.replace("NAME,", "late,")).replace("NAMESPACE", cluster.namespace)
    project.program(
        V2
        + f"""
first = k8s.core.v1.ConfigMap("first", metadata={{"name": "first", "namespace": NAMESPACE}})
ConfigGroup("all", yaml=first.metadata.uid.apply(lambda uid: {text!r}.replace("a: b", "uid: " + uid)))
"""
    )
    project.cli("stack", "init")
    code, said = project.cli("preview")
    assert code == 0, said
    assert "this preview is incomplete" in said
    project.up()
    assert cluster.get("configmaps/late") is not None
    assert project.up().changed == 0


def test_secret_text_is_in_no_state(project: Project, cluster: Cluster) -> None:
    """Of a text that is secret nothing but the names of its objects is in plain text anywhere."""
    text = textwrap.dedent(MAP.replace("NAME,", "hidden,").replace("a: b", "a: battery-staple"))
    project.program(V2 + f'ConfigGroup("all", yaml=pulumi.Output.secret({text!r}.replace("NAMESPACE", NAMESPACE)))\n')
    project.cli("stack", "init")
    _, said = project.cli("preview", "--diff")
    project.up()
    assert "battery-staple" not in said + json.dumps(project.state())
    assert cluster.get("configmaps/hidden") is not None


def test_skipped_waiting_holds_for_every_object(project: Project, cluster: Cluster) -> None:
    """With ``skip_await`` a group is there as soon as its objects are made, ready or not."""
    write(
        project,
        cluster,
        "pod.yaml",
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: never, namespace: NAMESPACE, annotations: {pulumi.com/timeoutSeconds: "20"}}
        spec:
          containers: [{name: never, image: "govcloud.local/no-such-image:v1"}]
        """,
    )
    project.program(V2 + 'ConfigFile("all", file="pod.yaml", skip_await=True)')
    project.up()
    pod = cluster.get("pods/never")
    assert pod is not None
    assert pod["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    project.destroy()
    project.program(V2 + 'ConfigFile("all", file="pod.yaml")')
    with pytest.raises(KitError, match=r"never.*container never: (Err)?Image"):
        project.up()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1", r"ConfigFile all: all\.yaml, document 1, line \d: is no YAML"),
        (MAP + "\n    ---\n    {a: b", r"all\.yaml, document 2, line \d+: is no YAML"),
        (
            MAP + "    ---\n    apiVersion: v1\n    metadata: {name: x}",
            r"all\.yaml, document 2 \(line 7\): x has no kind",
        ),
        ("apiVersion: v1\nkind: ConfigMap", r"document 1 \(line 1\): ConfigMap has no metadata\.name"),
        (MAP + "    ---" + MAP, r"document 2 \(line 7\): ConfigMap \S+/NAME is there already: all\.yaml, document 1"),
        (
            MAP.replace("name:", 'annotations: {config.kubernetes.io/depends-on: "/Node/x"}, name:'),
            "'/Node/x'.*not in this",
        ),
    ],
)
def test_fault_in_a_manifest_is_told_with_its_place(project: Project, cluster: Cluster, text: str, told: str) -> None:
    """A manifest that cannot be used is told at preview in one message, with the file, the document and the line."""
    write(project, cluster, "all.yaml", text)
    project.program(V2 + 'ConfigFile("all", file="all.yaml")')
    with pytest.raises(KitError, match=told) as caught:
        project.preview()
    assert "Traceback" not in caught.value.message


def test_file_that_is_missing_is_told(project: Project) -> None:
    """A file that is not there stops the preview with its path."""
    project.program(V2 + 'ConfigGroup("all", files=["none.yaml"])')
    with pytest.raises(KitError, match=r"ConfigGroup all: manifest none\.yaml cannot be read: No such file"):
        project.preview()


def test_object_that_is_refused_is_told_once(project: Project, cluster: Cluster) -> None:
    """What the API server refuses in a group is told with its words and nothing of the machinery around it."""
    write(project, cluster, "all.yaml", MAP.replace("NAME,", "fine,") + "    ---" + MAP.replace("NAME,", "Wrong_Name,"))
    project.program(V2 + 'ConfigFile("all", file="all.yaml")')
    project.cli("stack", "init")
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code != 0
    assert 'metadata.name: Invalid value: "Wrong_Name"' in said
    for machinery in ("resource monitor", "cancelled", "Construct", "Traceback", "rpc error"):
        assert machinery not in said
    write(project, cluster, "all.yaml", MAP.replace("NAME,", "fine,") + "    ---" + MAP.replace("NAME,", "good,"))
    project.up()
    assert {"fine", "good"} <= set(cluster.names("configmaps"))


def test_many_groups_are_made_at_once(project: Project) -> None:
    """Hundreds of groups at work at the same time do not wait for each other."""
    project.environment["PULUMI_PARALLEL"] = "128"
    project.program(
        V2
        + """
there = pulumi.ResourceOptions(provider=k8s.Provider("there", render_yaml_to_directory="out"))
for number in range(400):
    ConfigGroup(f"g{number}", opts=there, objs=[
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}", "namespace": NAMESPACE}}])
"""
    )
    assert project.up().changed == 802
    assert len(list((project.folder / "out" / "1-manifest").iterdir())) == 400


def test_older_components_are_made_in_the_program(project: Project, cluster: Cluster) -> None:
    """The components of ``yaml`` (v1) work as they did: transformations, a prefix, lists."""
    write(project, cluster, "all.yaml", MANIFEST)
    project.program(
        """
def green(obj, opts):
    if obj.get("kind") == "ConfigMap":
        obj["data"]["colour"] = "green"

group = k8s.yaml.ConfigFile("all", "all.yaml", transformations=[green], resource_prefix="old")
k8s.yaml.ConfigGroup("text", yaml=["{apiVersion: v1, kind: ConfigMap, metadata: {name: t, namespace: %s}}" % NAMESPACE])
"""
    )
    project.up()
    live = cluster.get("configmaps/settings")
    assert live is not None
    assert live["data"]["colour"] == "green"
    assert f"core/v1:ConfigMap::old-{cluster.namespace}/settings" in resources(project)
    assert cluster.get("serviceaccounts/robot") is not None
    assert cluster.get("configmaps/t") is not None
    assert project.up().changed == 0


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ('k8s.helm.v4.Chart("c", chart="./c")', "helm template"),
        ('k8s.helm.v3.Release("c", chart="./c")', "helm template"),
        ('k8s.kustomize.v2.Directory("c", directory="./c")', "kubectl kustomize"),
        ('k8s.core.v1.ConfigMapList("c", items=[{"metadata": {"name": "c"}}])', "use the type of the items"),
    ],
)
def test_what_is_not_served_says_what_to_use(project: Project, program: str, told: str) -> None:
    """Charts, customizations and lists stop the preview with what to use instead."""
    project.program(program)
    with pytest.raises(KitError, match=told) as caught:
        project.preview()
    assert "Traceback" not in caught.value.message
