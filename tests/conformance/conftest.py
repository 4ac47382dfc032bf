"""A target file that needs no cloud, for the tests of everything around the checks."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance import target
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance.servers import Answer, Server, as_json

Content = dict[str, Any]


def write_kubeconfig(
    path: Path, server: str = "https://127.0.0.1:1", authority: Path | None = None, user: str = "a"
) -> Path:
    cluster: Content = {"server": server}
    if authority:
        cluster["certificate-authority"] = str(authority)
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cloud", "cluster": cluster}],
        "users": [{"name": "tenant", "user": {"token": f"{user}-token"}}],
        "contexts": [{"name": "audit", "context": {"cluster": "cloud", "user": "tenant"}}],
        "current-context": "audit",
    }
    path.write_text(yaml.safe_dump(content))
    return path


def write_target(
    folder: Path, server: str = "https://127.0.0.1:1", authority: Path | None = None
) -> tuple[Path, Content]:
    """Write a target file of two tenants, and return its path and content."""
    for name in ("a", "b"):
        write_kubeconfig(folder / f"{name}.kubeconfig", server, authority, name)
    content: Content = {
        "cloud": "Đám mây thử nghiệm <b>&",
        "operator": "Sở Thông tin và Truyền thông",
        "kind": "EGC",
        "level": 3,
        "tenants": {
            "a": {"kubeconfig": "a.kubeconfig", "namespaces": ["one"]},
            "b": {"kubeconfig": "b.kubeconfig", "namespaces": ["two"]},
        },
    }
    path = folder / "target.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path, content


@pytest.fixture
def written_target(tmp_path: Path) -> tuple[Path, Content]:
    """Write a target file in the test's own folder, and return it with its content."""
    return write_target(tmp_path)


@pytest.fixture
def mistake_in() -> Callable[[Path, Content], str]:
    """Write a target file that has one mistake, and return the one line that it makes, which starts with the file."""

    def line_of(path: Path, content: Content) -> str:
        path.write_text(yaml.safe_dump(content))
        with pytest.raises(KitError) as error:
            target.load(path)
        (line,) = error.value.message.splitlines()
        assert line.startswith(f"{path}: ")
        return line

    return line_of


@pytest.fixture(scope="module")
def target_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_target(tmp_path_factory.mktemp("target"))[0]


@pytest.fixture
def make_target() -> Callable[..., Path]:
    return lambda *arguments: write_target(*arguments)[0]


@pytest.fixture
def make_kubeconfig() -> Callable[..., Path]:
    return write_kubeconfig


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start servers on loopback, and end them with the test."""
    running: list[Server] = []

    def start(context: Any, answer: Answer = as_json(200, {}), *place: Any) -> Server:  # noqa: B008  # makes a function
        running.append(Server(context, answer, *place))
        return running[-1]

    yield start
    for server in running:
        server.close()


@pytest.fixture
def unused_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
