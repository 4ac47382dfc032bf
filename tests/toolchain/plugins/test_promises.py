"""What a stack's owner may rely on, each promise shown through the real engine on a real cluster."""

from __future__ import annotations

import json
import signal
import socket
import textwrap
import time
from pathlib import Path

import pytest

from core.errors import KitError
from tests.toolchain.plugins.engine import VENV, Cluster, Project

pytestmark = pytest.mark.cluster

CONFIG_MAP = """
k8s.core.v1.ConfigMap("settings", metadata={"namespace": NAMESPACE, "name": "settings"}, data={"colour": "blue"})
"""
ROLE_BINDING = """
k8s.rbac.v1.RoleBinding("rb", metadata={"namespace": NAMESPACE, "name": "rb"},
    role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
    subjects=[{"kind": "ServiceAccount", "name": "sa", "namespace": NAMESPACE}])
"""
DEPLOYMENT = """
labels = {"app": "web"}
k8s.apps.v1.Deployment(
    "web",
    metadata={"namespace": NAMESPACE, "name": "web"},
    spec={
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "govcloud.local/agnhost:v1.36.3",
                        "args": ["netexec", "--http-port=8080"],
                        "resources": {"requests": {"cpu": "0.010", "memory": "16Mi"}},
                        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}},
                    }
                ]
            },
        },
    },
)
"""


def test_up_creates_and_waits_until_it_is_ready(project: Project, cluster: Cluster) -> None:
    """When ``up`` returns, every replica of a Deployment and an address behind its Service are there."""
    project.program(
        DEPLOYMENT
        + """
service = k8s.core.v1.Service(
    "web", metadata={"namespace": NAMESPACE, "name": "web"}, spec={"selector": labels, "ports": [{"port": 8080}]}
)
pulumi.export("ip", service.spec.cluster_ip)
pulumi.export("uid", service.metadata.uid)
"""
    )
    done = project.up()
    live = cluster.get("deployments/web")
    service = cluster.get("services/web")
    assert live is not None
    assert service is not None
    assert live["status"]["availableReplicas"] == 2
    assert done.changes["create"] == 3
    assert done.outputs == {"ip": service["spec"]["clusterIP"], "uid": service["metadata"]["uid"]}


def test_second_up_changes_nothing(project: Project) -> None:
    """An unchanged program shows no change, whatever the server filled in or wrote in another way."""
    project.program(
        DEPLOYMENT
        + """
k8s.core.v1.ResourceQuota("q", metadata={"namespace": NAMESPACE}, spec={"hard": {"cpu": "4000m", "pods": 10}})
k8s.core.v1.LimitRange(
    "l", metadata={"namespace": NAMESPACE}, spec={"limits": [{"type": "Container", "default": {"memory": "0.5Gi"}}]}
)
k8s.networking.v1.NetworkPolicy("deny", metadata={"namespace": NAMESPACE}, spec={
    "podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": [{"ports": [{"port": 53}]}]})
k8s.core.v1.Secret("s", metadata={"namespace": NAMESPACE}, string_data={"a": "Đà Nẵng", "n": "007"})
k8s.rbac.v1.Role("r", metadata={"namespace": NAMESPACE},
    rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])
"""
    )
    assert project.up().changed == 7
    assert project.up().changed == 0
    assert project.refresh().changed == 0
    assert project.up().changed == 0


def test_drift_is_seen_by_refresh_and_mended_by_up(project: Project, cluster: Cluster) -> None:
    """What somebody changed is told by ``refresh``; ``up`` names who did it, and puts it back when told to."""
    project.program(
        """
k8s.core.v1.ServiceAccount("sa", metadata={"namespace": NAMESPACE, "name": "sa", "labels": {"owner": "us"}})
"""
        + ROLE_BINDING
    )
    project.up()
    binding = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/rolebindings/rb"
    ours = {"kind": "ServiceAccount", "name": "sa", "namespace": cluster.namespace}
    cluster.patch(binding, {"subjects": [ours, {"kind": "ServiceAccount", "name": "intruder", "namespace": "default"}]})
    cluster.patch("serviceaccounts/sa", {"metadata": {"labels": {"owner": "them"}}})
    assert project.refresh().changes.get("update") == 2
    with pytest.raises(KitError, match=r'conflict with "python-urllib3".*pulumi\.com/patchForce'):
        project.up()
    project.environment["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    assert project.up().changes.get("update") == 2
    bound, account = cluster.get(binding), cluster.get("serviceaccounts/sa")
    assert bound is not None
    assert account is not None
    assert [subject["name"] for subject in bound["subjects"]] == ["sa"]
    assert account["metadata"]["labels"]["owner"] == "us"


def test_object_deleted_behind_its_back_is_made_again(project: Project, cluster: Cluster) -> None:
    """``refresh`` sees that an object is gone, and the next ``up`` makes it again."""
    project.program(CONFIG_MAP)
    project.up()
    cluster.delete("configmaps/settings")
    project.refresh()
    assert project.up().changes.get("create") == 1
    assert cluster.get("configmaps/settings") is not None


def test_immutable_change_replaces(project: Project, cluster: Cluster) -> None:
    """A change of a field that cannot change in place replaces the object; preview says so and shows no error."""
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{cluster.namespace}/rolebindings/rb"
    project.program(ROLE_BINDING)
    project.up()
    before = cluster.get(path)
    project.program(ROLE_BINDING.replace("reader", "writer"))
    code, said = project.cli("preview", "--diff")
    assert code == 0, said
    assert "(replace)" in said
    assert 'name: "reader" => "writer"' in said
    steps = [e.resource_pre_event.metadata.op.value for e in events(project) if e.resource_pre_event]
    after = cluster.get(path)
    assert steps.index("delete-replaced") < steps.index("create-replacement")
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["roleRef"]["name"] == "writer"


def test_named_by_itself_is_replaced_without_a_gap(project: Project, cluster: Cluster) -> None:
    """An object without a name of its own gets one with a suffix, and its successor is made before it goes."""
    program = 'k8s.core.v1.ConfigMap("auto", metadata={"namespace": NAMESPACE}, data={"colour": "blue"})'
    project.program(program)
    project.up()
    first = project.resource("ConfigMap")["outputs"]["metadata"]["name"]
    assert first.startswith("auto-")
    assert len(first) == len("auto-") + 8
    project.program(program.replace("blue", "red"))
    steps = [e.resource_pre_event.metadata.op.value for e in events(project) if e.resource_pre_event]
    assert steps.index("create-replacement") < steps.index("delete-replaced")
    assert first not in cluster.names("configmaps")


def events(project: Project) -> list:  # type: ignore[type-arg]
    """Apply a project and return the engine's events."""
    heard: list = []  # type: ignore[type-arg]
    project.up(on_event=heard.append)
    return heard


def test_preview_shows_what_admission_refuses(project: Project) -> None:
    """An object that the API server will refuse is refused at preview, with the server's own words."""
    project.program(
        """
k8s.core.v1.Service("bad", metadata={"namespace": NAMESPACE, "name": "bad"}, spec={"ports": [{"port": 70000}]})
"""
    )
    with pytest.raises(KitError, match=r"spec.ports\[0\].port.*between 1 and 65535"):
        project.preview()


def test_preview_names_the_field_and_changes_nothing(project: Project, cluster: Cluster) -> None:
    """A preview names the field that will change, and leaves the cluster as it is."""
    program = 'k8s.core.v1.ServiceAccount("sa", metadata={"namespace": NAMESPACE, "name": "sa", "labels": {"a": "1"}})'
    project.program(program)
    project.up()
    project.program(program.replace('"1"', '"2"'))
    code, said = project.cli("preview", "--diff")
    account = cluster.get("serviceaccounts/sa")
    assert code == 0, said
    assert 'a: "1" => "2"' in said
    assert account is not None
    assert account["metadata"]["labels"] == {"a": "1"}


def test_cluster_away_is_told_in_seconds_and_loses_nothing(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """With no API server there, ``up`` and ``refresh`` say so within seconds, and the state is whole afterwards."""
    project.program(CONFIG_MAP)
    project.up()
    known = project.environment["KUBECONFIG"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = tmp_path / "away.kubeconfig"
    away.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        f'clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{port}"}}}}]\n'
        "contexts: [{name: c, context: {cluster: c}}]\n"
    )
    project.environment["KUBECONFIG"] = str(away)
    project.program(CONFIG_MAP + CONFIG_MAP.replace("settings", "more"))
    for operation in (project.up, project.refresh):
        began = time.monotonic()
        with pytest.raises(KitError, match=f"https://127.0.0.1:{port} does not answer: connection refused"):
            operation()
        assert time.monotonic() - began < 30
    project.environment["KUBECONFIG"] = known
    assert project.up().changes == {"same": 2, "create": 1}


def test_secrets_are_in_no_state_and_no_message(project: Project) -> None:
    """The content of a Secret, and of any value marked secret, is in plain text in no state, preview or message."""
    project.program(
        """
k8s.core.v1.Secret("s", metadata={"namespace": NAMESPACE, "name": "s"}, string_data={"password": "correct-horse"})
k8s.core.v1.ConfigMap("c", metadata={"namespace": NAMESPACE, "name": "c"},
    data={"token": pulumi.Output.secret("battery-staple")})
"""
    )
    project.up()
    text = json.dumps(project.state())
    project.refresh()
    text += json.dumps(project.state())
    project.program(
        """
k8s.core.v1.Secret("s", metadata={"namespace": NAMESPACE, "name": "s"}, string_data={"password": "horse-correct"})
k8s.core.v1.Service("b", metadata={"namespace": NAMESPACE, "name": "b"},
    spec={"type": pulumi.Output.secret("staple-battery"), "ports": [{"port": 80}]})
"""
    )
    _, said = project.cli("preview", "--diff")
    text += said
    assert "[secret]" in said
    for secret in ("correct-horse", "battery-staple", "horse-correct", "staple-battery", "Y29ycmVjdC1ob3JzZQ"):
        assert secret not in text


def test_cluster_of_a_provider_in_the_program(project: Project, cluster: Cluster) -> None:
    """A kubeconfig as content is secret in the state; the same cluster by a path is no other one."""
    project.environment["KUBECONFIG"] = "/none"
    program = """
cluster = k8s.Provider("cluster", kubeconfig=SOURCE, namespace=NAMESPACE)
k8s.core.v1.ConfigMap("c", metadata={"name": "c"}, opts=pulumi.ResourceOptions(provider=cluster))
"""
    project.program(f"SOURCE = open({str(cluster.kubeconfig)!r}).read()\n" + program)
    project.up()
    made = cluster.get("configmaps/c")
    text = json.dumps(project.state())
    project.program(f"SOURCE = {str(cluster.kubeconfig)!r}\n" + program)
    changes = project.up().changes
    kept = cluster.get("configmaps/c")
    assert "current-context" not in text
    assert changes == {"same": 2, "update": 1}
    assert made is not None
    assert kept is not None
    assert made["metadata"]["uid"] == kept["metadata"]["uid"]


def test_program_that_fails_shows_its_own_traceback_alone(project: Project) -> None:
    """A program's exception is shown from the program's first frame on, with nothing of the machinery."""
    project.program(
        """
def careless():
    return {}["missing"]

careless()
"""
    )
    with pytest.raises(KitError) as caught:
        project.up()
    text = caught.value.message
    assert "in careless" in text
    assert "KeyError: 'missing'" in text
    for machinery in ("runpy", "run_program", "pulumi/runtime", "asyncio", "exit code"):
        assert machinery not in text


def test_program_that_exits_tells_its_code(project: Project) -> None:
    """A program that ends itself with a code has that code told."""
    project.program("import sys\nsys.exit(7)\n")
    with pytest.raises(KitError, match="exit code 7"):
        project.up()


def test_cancelled_run_is_completed_by_the_next(project: Project, cluster: Cluster) -> None:
    """After an interrupt in the middle of waiting, the state holds what was made, and the next ``up`` completes it."""
    never = DEPLOYMENT.replace('"port": 8080}', '"port": 9}')
    project.program(never)
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview")
    deadline = time.monotonic() + 60
    while cluster.get("deployments/web") is None and time.monotonic() < deadline:
        time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=60)
    assert child.returncode != 0, said
    project.program(DEPLOYMENT)
    done = project.up()
    live = cluster.get("deployments/web")
    assert done.changes.get("create") is None
    assert live is not None
    assert live["status"]["availableReplicas"] == 2


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    direct = [int(n) for file in Path(f"/proc/{pid}/task").glob("*/children") for n in file.read_text().split()]
    return direct + [below for child in direct for below in descendants(child)]


MANY = """
for number in range(12):
    k8s.core.v1.ConfigMap(f"c{number}", metadata={"namespace": NAMESPACE, "name": f"c{number}"}, data={"a": "b"})
"""


def test_killed_run_is_completed_by_the_next(project: Project, cluster: Cluster) -> None:
    """After a kill -9 nothing of the run is left running, and the next run completes it and makes nothing twice."""
    project.program(MANY)
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview", "--parallel=1")
    deadline = time.monotonic() + 60
    while len(cluster.names("configmaps")) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    plugins = descendants(child.pid)
    child.kill()
    child.communicate(timeout=30)
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{pid}/exe").exists() for pid in plugins) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(plugins) >= 3
    assert not [pid for pid in plugins if Path(f"/proc/{pid}/exe").exists()]
    assert project.up().resources == 13
    assert project.up().changed == 0
    assert sum(name.startswith("c") for name in cluster.names("configmaps")) == 12


def test_second_run_at_once_is_told(project: Project, cluster: Cluster) -> None:
    """While one run is at work on a stack, another one ends at once and says why; the first is not disturbed."""
    project.program(DEPLOYMENT.replace('"port": 8080}', '"port": 9}'))
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview")
    deadline = time.monotonic() + 60
    while cluster.get("deployments/web") is None and time.monotonic() < deadline:
        time.sleep(0.2)
    with pytest.raises(KitError, match="another run is at work on this stack"):
        project.up()
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)


def test_time_out_names_what_is_missing(project: Project) -> None:
    """An object that does not become ready in its time has the cause told, down to the container."""
    project.program(
        DEPLOYMENT.replace("agnhost:v1.36.3", "no-such-image:v1").replace(
            '"name": "web"},\n    spec', '"name": "web", "annotations": {"pulumi.com/timeoutSeconds": "20"}},\n    spec'
        )
    )
    with pytest.raises(KitError, match=r"0 of 2 replicas are available; pod web-.*container web: (Err)?Image"):
        project.up()


def test_field_of_another_manager_is_a_conflict_that_names_it(project: Project, cluster: Cluster) -> None:
    """A field that another manager owns with another value is refused with that manager's name and the way out."""
    cluster.create("configmaps?fieldManager=somebody", {"metadata": {"name": "settings"}, "data": {"colour": "red"}})
    project.program(CONFIG_MAP)
    with pytest.raises(KitError, match=r"somebody.*data\.colour.*pulumi\.com/patchForce"):
        project.up()


def test_policy_pack_refuses_with_its_words(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """A violation of a mandatory policy stops the change before the cluster hears of it; a good change passes."""
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text(f"runtime:\n  name: python\n  options:\n    virtualenv: {VENV}\n")
    (pack / "__main__.py").write_text(
        textwrap.dedent(
            """
            from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

            def blue(args, report):
                if args.props.get("data", {}).get("colour") != "blue" and args.resource_type.endswith(":ConfigMap"):
                    report("REQ-7: colour must be blue; set data.colour to blue")

            PolicyPack("colours", enforcement_level=EnforcementLevel.MANDATORY,
                policies=[ResourceValidationPolicy("blue", "colours are blue", blue)])
            """
        )
    )
    project.program(CONFIG_MAP.replace("blue", "red"))
    with pytest.raises(KitError, match=r"policy blue: .*\n.*REQ-7: colour must be blue; set data.colour to blue"):
        project.up(policy_pack=pack)
    assert cluster.get("configmaps/settings") is None
    project.program(CONFIG_MAP)
    assert project.up(policy_pack=pack).changes == {"create": 2}
    assert cluster.get("configmaps/settings") is not None


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


def test_custom_resource_follows_its_definition(project: Project, cluster: Cluster) -> None:
    """One ``up`` makes a definition and an object of its kind; both are in the second ``up`` unchanged."""
    group = f"{cluster.namespace}.example.org"
    project.program(
        f"""
crd = k8s.apiextensions.v1.CustomResourceDefinition("things", metadata={{"name": "things.{group}"}}, spec={{
    "group": "{group}", "scope": "Namespaced", "names": {{"plural": "things", "kind": "Thing"}},
    "versions": [{{"name": "v1", "served": True, "storage": True, "schema": {{"openAPIV3Schema": {{
        "type": "object", "x_kubernetes_preserve_unknown_fields": True}}}}}}]}})
thing = k8s.apiextensions.CustomResource("one", api_version="{group}/v1", kind="Thing",
    metadata={{"namespace": NAMESPACE, "name": "one"}}, spec={{"size": 3, "ratio": 0.5, "off": False, "empty": {{}}}},
    opts=pulumi.ResourceOptions(depends_on=[crd]))
"""
    )
    assert project.up().changed == 3
    assert project.up().changed == 0
    thing = cluster.get(f"/apis/{group}/v1/namespaces/{cluster.namespace}/things/one")
    assert thing is not None
    assert thing["spec"] == {"size": 3, "ratio": 0.5, "off": False, "empty": {}}
    project.destroy()


def test_patch_changes_only_its_fields_and_gives_them_back(project: Project, cluster: Cluster) -> None:
    """A patch sets fields of somebody else's object, and takes only these away when it goes."""
    cluster.create("configmaps?fieldManager=somebody", {"metadata": {"name": "theirs"}, "data": {"a": "1"}})
    project.program(
        'k8s.core.v1.ConfigMapPatch("p", metadata={"namespace": NAMESPACE, "name": "theirs"}, data={"b": "2"})'
    )
    project.up()
    patched = cluster.get("configmaps/theirs")
    project.destroy()
    left = cluster.get("configmaps/theirs")
    assert patched is not None
    assert left is not None
    assert patched["data"] == {"a": "1", "b": "2"}
    assert left["data"] == {"a": "1"}


def test_import_takes_an_object_over_without_a_change(project: Project, cluster: Cluster) -> None:
    """An object that is there already is taken over by ``import_`` and is unchanged from then on."""
    cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": "blue"}})
    project.program(
        CONFIG_MAP.rstrip().removesuffix(")") + ', opts=pulumi.ResourceOptions(import_=f"{NAMESPACE}/settings"))\n'
    )
    assert project.up().changes.get("import") == 1
    project.program(CONFIG_MAP)
    assert project.up().changed == 0


def test_ignored_change_stays_as_it_is(project: Project, cluster: Cluster) -> None:
    """A field in ``ignore_changes`` keeps the value it has, through refresh and up."""
    program = """
k8s.core.v1.ServiceAccount("sa",
    metadata={"namespace": NAMESPACE, "name": "sa", "labels": {"a": "1", "b": "1"}},
    opts=pulumi.ResourceOptions(ignore_changes=["metadata.labels.a"]))
"""
    project.program(program)
    project.up()
    cluster.patch("serviceaccounts/sa", {"metadata": {"labels": {"a": "theirs"}}})
    project.refresh()
    project.program(program.replace('"b": "1"', '"b": "2"'))
    project.up()
    account = cluster.get("serviceaccounts/sa")
    assert account is not None
    assert account["metadata"]["labels"] == {"a": "theirs", "b": "2"}
