"""A cluster and a Pulumi project for tests through the real engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.automation.events import EngineEvent

from toolchain import automation
from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.client import ApiError, Client

VENV = Path(sys.prefix)
PROGRAM_HEAD = """\
import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions

NAMESPACE = "{namespace}"
IMAGE = "govcloud.local/agnhost:v1.36.3"


def meta(name=None, annotations=None, **rest):
    given = {{"name": name, "annotations": annotations, **rest}}
    return {{"namespace": NAMESPACE, **{{key: value for key, value in given.items() if value is not None}}}}


def pods(*args, image=IMAGE, **rest):
    container = {{"name": "main", "image": image, "args": list(args) or ["pause"]}}
    return {{"containers": [container], "terminationGracePeriodSeconds": 0, **rest}}


def replicas(name, number=1, **rest):
    labels = {{"app": name}}
    template = {{"metadata": {{"labels": labels}}, "spec": pods(**rest)}}
    return {{"replicas": number, "selector": {{"matchLabels": labels}}, "template": template}}
"""
PREFIXES = {
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "ingresses": "/apis/networking.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
}
"""Where the API has the kinds that are not in its core."""


class Cluster:
    """A cluster with a namespace for one test."""

    def __init__(self, path: Path, namespace: str) -> None:
        self.kubeconfig = path
        self.namespace = namespace
        self._client = Client(kubeconfig.load(str(path)), threading.Event())

    def get(self, path: str) -> dict[str, Any] | None:
        """Return an object of the test's namespace by ``plural/name`` (or by a full path), None if there is none."""
        try:
            return self._client.request("GET", self._full(path))
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def live(self, path: str) -> dict[str, Any]:
        """Return an object that must be there."""
        found = self.get(path)
        assert found is not None, f"there is no {path}"
        return found

    def uid(self, path: str) -> str:
        """Return the uid of an object that must be there."""
        return str(self.live(path)["metadata"]["uid"])

    def names(self, plural: str) -> list[str]:
        """Return the names of all objects of a kind in the test's namespace."""
        return [item["metadata"]["name"] for item in (self.get(plural) or {})["items"]]

    def patch(self, path: str, body: Mapping[str, Any], content: str = "application/merge-patch+json") -> None:
        """Change an object as somebody else would."""
        self._client.request("PATCH", self._full(path), body=body, content=content)

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Make an object as somebody else would."""
        self._client.request("POST", self._full(path), body=body)

    def delete(self, path: str) -> None:
        """Delete an object as somebody else would."""
        self._client.request("DELETE", self._full(path))

    def _full(self, path: str) -> str:
        if path.startswith("/"):
            return path
        prefix = PREFIXES.get(path.partition("/")[0].partition("?")[0], "/api/v1")
        return f"{prefix}/namespaces/{self.namespace}/{path}"


class Project:
    """A Pulumi project in a folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str], namespace: str) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.stack = "test"
        self._namespace = namespace
        folder.mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text(
            f"name: {folder.name}\nruntime:\n  name: python\n  options:\n    virtualenv: {VENV}\n"
        )

    def program(self, body: str) -> None:
        """Write the program; it finds ``pulumi``, ``k8s``, ``NAMESPACE`` and what else is in PROGRAM_HEAD."""
        head = PROGRAM_HEAD.format(namespace=self._namespace)
        (self.folder / "__main__.py").write_text(head + textwrap.dedent(body))

    def write(self, text: str, file: str = "__main__.py") -> None:
        """Write a file of the project, the program itself if none is named."""
        (self.folder / file).write_text(textwrap.dedent(text))

    def up(self, **options: Any) -> automation.Summary:
        """Apply the program."""
        return automation.up(self.folder, self.stack, {}, self.environment, **options)

    def preview(self, **options: Any) -> automation.Summary:
        """Preview the program."""
        return automation.preview(self.folder, self.stack, {}, self.environment, **options)

    def refresh(self) -> automation.Summary:
        """Refresh the stack."""
        return automation.refresh(self.folder, self.stack, self.environment)

    def destroy(self) -> automation.Summary:
        """Destroy the stack's resources."""
        return automation.destroy(self.folder, self.stack, self.environment)

    def start(self, *words: str, cwd: Path | None = None, stack: bool = True) -> subprocess.Popen[str]:
        """Start a command of the engine, in the project's folder and for its stack unless told otherwise."""
        chosen = ["--stack", self.stack] if stack else []
        return subprocess.Popen(
            ["pulumi", *words, "--non-interactive", "--color=never", *chosen],
            cwd=cwd or self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def events(self) -> list[EngineEvent]:
        """Apply the program and return the engine's events."""
        heard: list[EngineEvent] = []
        self.up(on_event=heard.append)
        return heard

    def steps(self) -> list[str]:
        """Apply the program and return the engine's steps in their order, such as ``create-replacement``."""
        return [e.resource_pre_event.metadata.op.value for e in self.events() if e.resource_pre_event]

    def cli(self, *words: str, cwd: Path | None = None, stack: bool = True) -> tuple[int, str]:
        """Run a command of the engine; return its exit code and all it said."""
        child = self.start(*words, cwd=cwd, stack=stack)
        said, _ = child.communicate(timeout=300)
        return child.returncode, said

    def state(self) -> dict[str, Any]:
        """Return the stack's state as exported, secrets encrypted."""
        code, said = self.cli("stack", "export")
        assert code == 0, said
        return dict(json.loads(said))

    def urn(self, name: str) -> str:
        """Return the URN of the resource that has this name in the program."""
        return next(r["urn"] for r in self.state()["deployment"]["resources"] if r["urn"].endswith(f"::{name}"))

    def resource(self, kind: str) -> dict[str, Any]:
        """Return the state of the one resource whose type ends so."""
        found = [r for r in self.state()["deployment"]["resources"] if r["type"].endswith(f":{kind}")]
        assert len(found) == 1
        return dict(found[0])
