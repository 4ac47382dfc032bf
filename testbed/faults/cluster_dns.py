"""The cluster's own name service, with another configuration."""

from __future__ import annotations

import time

from core.errors import KitError
from testbed.faults.cloud import Cloud, Phase
from testbed.faults.fault import Change
from testbed.faults.objects import changed

_CONFIGURATION = "/api/v1/namespaces/kube-system/configmaps/coredns"
_DEPLOYMENT = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
_BACK_WITHIN = 90.0


def without_records(kind: str) -> Change:
    """Have the name service answer that there are no records of a kind (``A``, ``AAAA``), whatever the name."""
    anew = changed(_DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": {"govcloud.local/fault": kind}}}}})

    def on(cloud: Cloud) -> None:
        found = cloud.api.get(_CONFIGURATION) or {}
        cloud.record.keep("corefile", found["data"]["Corefile"])
        whole = cloud.record.kept("corefile")
        answer = f"    template IN {kind} {{\n        rcode NOERROR\n    }}\n"
        wrong = whole.replace("    errors\n", f"    errors\n{answer}", 1)
        cloud.api.patch(_CONFIGURATION, {"data": {"Corefile": wrong}})
        anew.on(cloud)
        cloud.later("name service", _wait, Phase.SETTLE)

    def off(cloud: Cloud) -> None:
        if (text := cloud.record.kept("corefile")) is not None:
            cloud.api.patch(_CONFIGURATION, {"data": {"Corefile": text}})
        anew.off(cloud)
        cloud.later("name service", _wait, Phase.SETTLE)

    return Change(on, off)


def _wait(cloud: Cloud) -> None:
    """Wait until every pod of the name service is of the present configuration."""
    deadline = time.monotonic() + _BACK_WITHIN
    while True:
        found = cloud.api.get(_DEPLOYMENT) or {}
        status, wanted = found["status"], found["spec"]["replicas"]
        seen = found["metadata"]["generation"] == status.get("observedGeneration")
        counts = {status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")}
        if seen and counts == {wanted}:
            return
        if time.monotonic() > deadline:
            raise KitError("the cluster's name service did not come back", "kubectl -n kube-system get pods")
        time.sleep(0.5)
