"""The engine and a real API server agree on every workload kind, container list and state of a field.

One rule of questions about a pod is put in force as a policy that warns; each object of the matrix is offered without
being kept, and the questions that the API server says are not true must be those that the engine says are not true.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kubernetes import config

from policies.admission import render
from policies.engine import engine
from policies.rules import Compiled, MatchedKind, ObjectRule
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conftest import Testbed

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("judging")]

PLACE = "test-matrix"
KINDS = {
    "Pod": ("", "v1", "pods"),
    "PodTemplate": ("", "v1", "podtemplates"),
    "ReplicationController": ("", "v1", "replicationcontrollers"),
    "DaemonSet": ("apps", "v1", "daemonsets"),
    "Deployment": ("apps", "v1", "deployments"),
    "ReplicaSet": ("apps", "v1", "replicasets"),
    "StatefulSet": ("apps", "v1", "statefulsets"),
    "CronJob": ("batch", "v1", "cronjobs"),
    "Job": ("batch", "v1", "jobs"),
}
LISTS = ("containers", "initContainers", "ephemeralContainers")
STATES = ("absent", "null", "empty", "wrong")
EMPTY: dict[str, Any] = {"securityContext": {}, "resources": {}, "env": [], "ports": [], "image": ""}
POD = (
    "has(object.template) ? dyn(object.template.spec) : has(object.spec.jobTemplate)"
    " ? dyn(object.spec.jobTemplate.spec.template.spec)"
    " : has(object.spec.template) ? dyn(object.spec.template.spec) : dyn(object.spec)"
)
ABOUT_EACH = (
    "has(c.securityContext)",
    "has(c.securityContext.runAsNonRoot)",
    "!has(c.env) && !has(c.ports)",
    "has(c.resources)",
    "c.resources.limits.cpu == '1'",
    "c.terminationMessagePath != ''",
)
QUESTIONS = [
    *(f"variables.pod.{name}.all(c, {asked})" for name in LISTS for asked in ABOUT_EACH),
    *(f"has(variables.pod.{name})" for name in LISTS),
    "has(variables.pod.securityContext)",
    "variables.pod.dnsPolicy == 'ClusterFirst'",
    "has(object.metadata.labels)",
]
CASES = [
    *((kind, name, field, state) for kind in KINDS for name in LISTS for field in EMPTY for state in STATES),
    *((kind, name, "", state) for kind in KINDS for name in LISTS for state in STATES),
]


def questions() -> Compiled:
    """Return the rule, each question one of its validations, known by its mend."""
    head: dict[str, Any] = {"id": "test-matrix", "title": "t", "description": "d", "severity": "low", "references": []}
    head["levels"] = [1, 2, 3, 4, 5]
    kinds = [MatchedKind(group=g, version=v, kind=kind, resource=r) for kind, (g, v, r) in KINDS.items()]
    kinds[0] = kinds[0].model_copy(update={"subresources": ("ephemeralcontainers",)})
    validations = [
        {"requirements": ["GVC-WKL-01"], "expression": text, "found": "'f'", "allowed": "a", "mend": f"<{number}>"}
        for number, text in enumerate(QUESTIONS)
    ]
    variables = [{"name": "pod", "expression": POD}]
    content = {**head, "enforcement": "mandatory", "kinds": kinds, "variables": variables, "validations": validations}
    return Compiled(ObjectRule.model_validate(content), Path("rule.yaml"))


def manifest(kind: str, listed: str, field: str, state: str) -> dict[str, Any]:
    """Return an object whose list, or a field of its container, is in a state."""
    container = {"name": "c", "image": "example/server:1", "resources": {"limits": {"cpu": "1000m"}}}
    pod: dict[str, Any] = {"containers": [copy.deepcopy(container)], "restartPolicy": "Always", "schedulerName": "none"}
    if listed != "containers":
        pod[listed] = [{**copy.deepcopy(container), "name": listed.lower()}]
    set_state(pod[listed][0] if field else pod, field or listed, state, EMPTY.get(field, []))
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod}
    group, version, _ = KINDS[kind]
    head = {"apiVersion": f"{group}/{version}".lstrip("/"), "kind": kind, "metadata": {"name": "matrix"}}
    if kind in {"Job", "CronJob"}:
        pod["restartPolicy"] = "Never"
    selector = {"app": "x"} if kind == "ReplicationController" else {"matchLabels": {"app": "x"}}
    return {
        "Pod": {**head, "spec": pod},
        "PodTemplate": {**head, "template": template},
        "Job": {**head, "spec": {"template": template}},
        "CronJob": {**head, "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}},
    }.get(kind, {**head, "spec": {"selector": selector, "template": template}})


def set_state(holder: dict[str, Any], field: str, state: str, empty: Any) -> None:
    """Bring one field into a state."""
    holder.pop(field, None)
    if state != "absent":
        holder[field] = {"null": None, "empty": empty, "wrong": ["text"] if isinstance(empty, str) else "text"}[state]


class Server:
    """An API server that is asked the questions about what is offered in one namespace."""

    def __init__(self, kubeconfig: Path) -> None:
        self.api = config.new_client_from_config(str(kubeconfig))
        self.documents = render(questions())
        named = {"kubernetes.io/metadata.name": PLACE}
        spec = self.documents[1]["spec"]
        spec.update(validationActions=["Warn"], matchResources={"namespaceSelector": {"matchLabels": named}})

    def ask(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, str, str]:
        """Return the status, the body and the warnings of a request."""
        answer = self.api.rest_client.pool_manager.request(
            method,
            self.api.configuration.host + path,
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": kind},
        )
        return answer.status, answer.data.decode(), " ".join(answer.headers.getlist("Warning"))

    def prepare(self) -> None:
        """Put the questions in force, and wait until they are."""
        labels = {"pod-security.kubernetes.io/enforce": "privileged"}
        self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": PLACE, "labels": labels}})
        for document, path in zip(self.documents, self._paths(), strict=True):
            status, said, _ = self.ask("POST", path, document)
            assert status == 201, said
        running = {**manifest("Pod", "initContainers", "", "absent"), "metadata": {"name": "running"}}
        pods = f"/api/v1/namespaces/{PLACE}/pods"
        eventually(lambda: self.ask("POST", pods, running)[0] in {201, 409}, "a pod can be made", pause=0.5)
        offered = manifest("Pod", "initContainers", "", "absent")
        eventually(lambda: self.not_true(offered), "the questions are in force", pause=0.5)

    def _paths(self) -> list[str]:
        prefix = "/apis/admissionregistration.k8s.io/v1"
        return [f"{prefix}/validatingadmissionpolicies", f"{prefix}/validatingadmissionpolicybindings"]

    def clear(self) -> None:
        """Take all of it away again."""
        for document, path in zip(self.documents, self._paths(), strict=True):
            self.ask("DELETE", f"{path}/{document['metadata']['name']}")
        self.ask("DELETE", f"/api/v1/namespaces/{PLACE}")

    def not_true(self, offered: dict[str, Any]) -> set[int] | None:
        """Return the numbers of the questions that are not true; None for what is no valid object anyway."""
        if offered["kind"] == "Pod" and offered["spec"].get("ephemeralContainers"):
            path = f"/api/v1/namespaces/{PLACE}/pods/running/ephemeralcontainers?dryRun=All"
            body = {"spec": {"ephemeralContainers": offered["spec"]["ephemeralContainers"]}}
            status, said, warned = self.ask("PATCH", path, body, "application/strategic-merge-patch+json")
        else:
            group, version, resource = KINDS[offered["kind"]]
            prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
            status, said, warned = self.ask("POST", f"{prefix}/namespaces/{PLACE}/{resource}?dryRun=All", offered)
        if status in {400, 422}:
            return None
        assert status in {200, 201}, said
        return {n for n, text in enumerate(QUESTIONS) if f"<{n}>" in warned or f"expression '{text}'" in warned}


@pytest.fixture(scope="module")
def server(testbed: Testbed) -> Iterator[Server]:
    """Give an API server with the questions in force."""
    made = Server(testbed.kubeconfig())
    try:
        made.prepare()
        yield made
    finally:
        made.clear()


@pytest.fixture(scope="module")
def rule() -> Compiled:
    """Give the rule of questions, compiled once."""
    return questions()


@pytest.mark.parametrize(("kind", "listed", "field", "state"), CASES, ids=lambda it: it or "itself")
def test_engine_and_api_server_agree(
    server: Server, rule: Compiled, kind: str, listed: str, field: str, state: str
) -> None:
    """What the API server does not find true the engine does not, and the other way round."""
    offered = manifest(kind, listed, field, state)
    (judged,) = engine().judge([rule], [offered])
    said = server.not_true(offered)
    if said is None:  # no policy is asked about an object that is not valid
        assert state != "wrong" or judged.error
        return
    assert not judged.error
    assert {verdict.validation for verdict in judged.verdicts} == said
