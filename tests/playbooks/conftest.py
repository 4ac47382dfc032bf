"""Pods on the tests' cluster: two servers and a client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from live_cluster import Cluster, pod

from toolchain import media

if TYPE_CHECKING:
    from tests.conftest import Testbed


@pytest.fixture(scope="session")
def cluster(testbed: Testbed) -> Iterator[Cluster]:
    """Give a client and a server on the worker, a server on the control-plane node, a Service before both servers."""
    made = Cluster(media.ensure() / "bin" / "kubectl", testbed.kubeconfig(), "network-tests")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace, "labels": labels}})
    server = ("netexec", "--http-port=8080")
    made.apply(pod("client", "cgc-2", "pause"), pod("near", "cgc-2", *server), pod("far", "cgc-1", *server))
    made.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")
