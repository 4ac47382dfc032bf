"""What is secret is in plain text nowhere: not in states, previews, logs or messages."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.toolchain.plugins.engine import Cluster, Project

pytestmark = pytest.mark.cluster

WORDS = ("correct-horse", "battery-staple", "horse-correct", "staple-battery")
BEFORE = """
k8s.core.v1.Secret("s", metadata=meta("s"), string_data={"password": "correct-horse"})
k8s.core.v1.ConfigMap("c", metadata=meta("c"), data={"token": pulumi.Output.secret("battery-staple")})
"""
AFTER = """
k8s.core.v1.Secret("s", metadata=meta("s"), string_data={"password": "horse-correct"})
k8s.core.v1.ConfigMap("c", metadata=meta("c"), data={"token": pulumi.Output.secret("staple-battery")})
"""


def hold(text: str, *words: str) -> list[str]:
    """Return which of the words a text has, as they are or in base64."""
    encoded = {word: base64.b64encode(word.encode()).decode().rstrip("=") for word in words}
    return [word for word, other in encoded.items() if word in text or other in text]


def test_state_holds_no_secret(project: Project) -> None:
    """The content of a Secret, and any value marked secret, is encrypted in the state, after a refresh too."""
    project.program(BEFORE)
    project.up()
    text = json.dumps(project.state())
    project.refresh()
    text += json.dumps(project.state())
    assert hold(text, *WORDS) == []


@pytest.mark.parametrize("form", ["--diff", "--json"])
def test_preview_shows_no_secret(project: Project, form: str) -> None:
    """A preview shows that a secret changes, and neither what it was nor what it will be."""
    project.program(BEFORE)
    project.up()
    project.program(AFTER)
    code, said = project.cli("preview", form)
    assert code == 0, said
    assert "[secret]" in said
    assert hold(said, *WORDS) == []


def test_log_of_the_provider_holds_no_secret(project: Project) -> None:
    """With the logs at their fullest, where the engine shows what it sends, the provider's own words have no secret."""
    project.program(BEFORE)
    project.cli("stack", "init")
    code, said = project.cli("up", "--yes", "--skip-preview", "--logtostderr", "--logflow", "-v=9")
    assert code == 0, said
    sent = re.compile(r'"msg":"((Unm|M)arshaling property for RPC\[|Planner decided to )')
    lines = said.splitlines()
    assert any(sent.search(line) for line in lines)
    assert hold("\n".join(line for line in lines if not sent.search(line)), *WORDS) == []


@pytest.mark.parametrize(
    "wrong",
    [
        'string_data={"password": 271828182}',
        'metadata=meta("s", labels={"a": pulumi.Output.secret("correct-horse!")})',
        """metadata=meta("s", labels={"a": pulumi.Output.secret('<correct-horse & "b">\\nđ')})""",
    ],
    ids=["number", "label", "quoted"],
)
def test_message_of_the_api_shows_no_secret(project: Project, wrong: str) -> None:
    """A refused object whose value the API server repeats is told without that value."""
    given = wrong if "metadata=" in wrong else f'metadata=meta("s"), {wrong}'
    project.program(f'k8s.core.v1.Secret("s", {given})')
    project.cli("stack", "init")
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code != 0, said
    assert "kubernetes:core/v1:Secret" in said
    assert hold(said, *WORDS, "271828182", "correct-horse & ") == []


def test_import_keeps_no_copy_of_old_inputs(project: Project, cluster: Cluster) -> None:
    """Kubectl's copy of what it applied, with the content of a Secret, goes into no state."""
    copy = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"stringData": {"a": "correct-horse"}})}
    cluster.create("secrets", {"metadata": {"name": "s", "annotations": copy}, "stringData": {"a": "correct-horse"}})
    project.program("")
    project.cli("stack", "init")
    project.cli("import", "kubernetes:core/v1:Secret", "s", f"{cluster.namespace}/s", "--yes", "--generate-code=false")
    assert project.resource("Secret")["inputs"]["metadata"]["name"] == "s"
    assert hold(json.dumps(project.state()), "correct-horse") == []


def test_cluster_of_a_provider_in_the_program(project: Project, cluster: Cluster) -> None:
    """A kubeconfig as content is secret in the state; the same cluster by a path is no other one."""
    project.environment["KUBECONFIG"] = "/none"
    program = """
cluster = k8s.Provider("cluster", kubeconfig=SOURCE, namespace=NAMESPACE)
k8s.core.v1.ConfigMap("c", metadata={"name": "c"}, opts=ResourceOptions(provider=cluster))
"""
    project.program(f"SOURCE = open({str(cluster.kubeconfig)!r}).read()\n" + program)
    project.up()
    made = cluster.uid("configmaps/c")
    text = json.dumps(project.state())
    project.program(f"SOURCE = {str(cluster.kubeconfig)!r}\n" + program)
    assert project.up().changes == {"same": 2, "update": 1}
    assert "current-context" not in text
    assert cluster.uid("configmaps/c") == made
