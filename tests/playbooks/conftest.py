"""Pods on the tests' cluster: two servers and a client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.playbooks.live_cluster import NAMESPACE, Cluster
from toolchain import media

if TYPE_CHECKING:
    from tests.conftest import Testbed


@pytest.fixture(scope="session")
def cluster(testbed: Testbed) -> Iterator[Cluster]:
    """Give a client and a server on the worker, a server on the control-plane node, a Service before both servers."""
    made = Cluster(media.ensure() / "bin" / "kubectl", testbed.kubeconfig(), NAMESPACE)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace, "labels": labels}})
    made.start_pods()
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")
