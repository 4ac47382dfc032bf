"""Which cluster, and as whom."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError


def config(**user: Any) -> dict[str, Any]:
    return {
        "current-context": "one",
        "clusters": [
            {
                "name": "c1",
                "cluster": {
                    "server": "https://one:6443/",
                    "certificate-authority-data": base64.b64encode(b"CA").decode(),
                },
            },
            {"name": "c2", "cluster": {"server": "https://two:6443", "insecure-skip-tls-verify": True}},
        ],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c1", "user": "u", "namespace": "team"}},
            {"name": "two", "context": {"cluster": "c2", "user": "u"}},
            {"name": "broken", "context": {"cluster": "c3", "user": "u"}},
        ],
    }


def test_content_and_path_mean_the_same(tmp_path: Path) -> None:
    """A kubeconfig is taken as a path or as its content."""
    text = json.dumps(config(token="t"))
    path = tmp_path / "config"
    path.write_text(text)
    by_path, by_content = kubeconfig.load(str(path)), kubeconfig.load(text)
    assert by_path.server == by_content.server == "https://one:6443"
    assert (by_path.authority, by_path.token, by_path.namespace) == ("CA", "t", "team")


def test_context_and_cluster_can_be_named() -> None:
    """Another context, or another cluster for the same user, is used when it is named."""
    text = json.dumps(config(token="t"))
    assert kubeconfig.load(text, context="two").server == "https://two:6443"
    assert not kubeconfig.load(text, context="two").verify
    assert kubeconfig.load(text, cluster="c2").server == "https://two:6443"


def test_files_are_found_beside_the_kubeconfig(tmp_path: Path) -> None:
    """Relative paths count from the folder of the kubeconfig."""
    (tmp_path / "client.crt").write_text("CERT")
    (tmp_path / "client.key").write_text("KEY")
    path = tmp_path / "config"
    path.write_text(json.dumps(config(**{"client-certificate": "client.crt", "client-key": "client.key"})))
    loaded = kubeconfig.load(str(path))
    assert (loaded.certificate, loaded.key) == ("CERT", "KEY")
    assert "KEY" not in repr(loaded)


@pytest.mark.parametrize(
    ("text", "context", "said"),
    [
        ("/no/such/file", "", "cannot be read"),
        ("a: [\n", "", "neither YAML nor JSON"),
        ("a: b\n", "", "no clusters"),
        (json.dumps(config()), "three", "no context named 'three'"),
        (json.dumps(config()), "broken", "no cluster named 'c3'"),
        (json.dumps({**config(), "current-context": ""}), "", "no current context"),
        (json.dumps(config(**{"client-key": "gone.key"})), "", "client-key of the kubeconfig cannot be read"),
    ],
)
def test_what_is_wrong_is_named(text: str, context: str, said: str) -> None:
    """Each mistake in a kubeconfig has its own message."""
    with pytest.raises(KubeconfigError, match=said):
        kubeconfig.load(text, context)


def test_none_at_all_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any kubeconfig, and outside a pod, the message says what to set."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(KubeconfigError, match="set KUBECONFIG"):
        kubeconfig.load()


def test_first_existing_file_of_the_variable_is_used(tmp_path: Path) -> None:
    """KUBECONFIG may list several files."""
    there = tmp_path / "there"
    there.touch()
    assert kubeconfig.default_text({"KUBECONFIG": f"{tmp_path}/gone:{there}", "HOME": str(tmp_path)}) == str(there)


def test_credential_program_is_run(tmp_path: Path) -> None:
    """A user with a credential program gets what that program prints, for as long as it holds."""
    program = tmp_path / "credential"
    status = {"token": "from-program", "expirationTimestamp": "2020-01-01T00:00:00Z"}
    program.write_text(f"#!/bin/sh\ntest -n \"$KUBERNETES_EXEC_INFO\" && echo '{json.dumps({'status': status})}'\n")
    program.chmod(0o755)
    got = kubeconfig.run_command({"command": "./credential", "apiVersion": "client.authentication.k8s.io/v1"}, tmp_path)
    assert got.token == "from-program"
    assert not got.fresh()


def test_credential_program_that_fails_is_told_with_its_hint(tmp_path: Path) -> None:
    """The kubeconfig's own hint is passed on."""
    with pytest.raises(KubeconfigError, match=r"no-such-program gave no credential \(install it\)"):
        kubeconfig.run_command({"command": "no-such-program", "installHint": "install it"}, tmp_path)
