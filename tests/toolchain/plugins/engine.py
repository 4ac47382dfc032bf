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

from toolchain import automation
from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.client import ApiError, Client

VENV = Path(sys.prefix)
PROGRAM_HEAD = """\
import pulumi
import pulumi_kubernetes as k8s

NAMESPACE = "{namespace}"
"""


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

    def names(self, plural: str) -> list[str]:
        """Return the names of all objects of a kind in the test's namespace."""
        return [item["metadata"]["name"] for item in (self.get(plural) or {})["items"]]

    def patch(self, path: str, body: Mapping[str, Any]) -> None:
        """Change an object as somebody else would."""
        self._client.request("PATCH", self._full(path), body=body, content="application/merge-patch+json")

    def create(self, path: str, body: Mapping[str, Any]) -> None:
        """Make an object as somebody else would."""
        self._client.request("POST", self._full(path), body=body)

    def delete(self, path: str) -> None:
        """Delete an object as somebody else would."""
        self._client.request("DELETE", self._full(path))

    def _full(self, path: str) -> str:
        if path.startswith("/"):
            return path
        prefix = "/apis/apps/v1" if path.startswith("deployments") else "/api/v1"
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
        """Write the program; it finds ``pulumi``, ``k8s`` and ``NAMESPACE``."""
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

    def cli(self, *words: str, cwd: Path | None = None, stack: bool = True) -> tuple[int, str]:
        """Run a command of the engine; return its exit code and all it said."""
        child = self.start(*words, cwd=cwd, stack=stack)
        said, _ = child.communicate(timeout=180)
        return child.returncode, said

    def state(self) -> dict[str, Any]:
        """Return the stack's state as exported, secrets encrypted."""
        code, said = self.cli("stack", "export")
        assert code == 0, said
        return dict(json.loads(said))

    def resource(self, kind: str) -> dict[str, Any]:
        """Return the state of the one resource whose type ends so."""
        found = [r for r in self.state()["deployment"]["resources"] if r["type"].endswith(f":{kind}")]
        assert len(found) == 1
        return dict(found[0])
