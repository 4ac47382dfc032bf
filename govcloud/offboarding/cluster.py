"""What an agency has on its cluster, and stopping all of it: nothing here deletes what holds data."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from conformance.api import MERGE_PATCH, Api
from core.errors import KitError
from govcloud.offboarding import volumes
from modules import labels
from modules.leaving.models import Volume

COPIES: Final = f"{labels.PREFIX}/copies-before-leaving"
"""Annotation on what was scaled down: how many copies it had; for what was suspended, ``resume``."""
_PATIENCE: Final = 180
_FLEETING: Final = frozenset({"events", "endpoints", "endpointslices", "leases", "controllerrevisions"})
"""Kinds that follow from others or tell of a moment, and are not archived."""
_SCALED: Final = (("apps/v1", "deployments"), ("apps/v1", "statefulsets"), ("v1", "replicationcontrollers"))
_PAUSED: Final = ("batch/v1", "cronjobs"), ("batch/v1", "jobs")


class Cluster:
    """A cluster, with an administrator's rights. Every method raises KitError with what the API server said."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.api = Api(kubeconfig)

    def namespaces(self, slug: str) -> tuple[str, ...]:
        """Return the names of the agency's namespaces; those that it took over in a reform are among them."""
        found = self._get(f"/api/v1/namespaces?labelSelector={labels.AGENCY}%3D{slug}")
        return tuple(sorted(it["metadata"]["name"] for it in found["items"]))

    def volumes(self, namespaces: Iterable[str]) -> tuple[Volume, ...]:
        """Return all claims for volumes, with whose eyes each is to be read."""
        return tuple(volume for namespace in namespaces for volume in self._volumes(namespace))

    def _volumes(self, namespace: str) -> Iterator[Volume]:
        readers: dict[str, Mapping[str, Any]] = {}
        for claims, spec in self._pod_specs(namespace):
            readers |= dict.fromkeys(claims, volumes.security(spec))
        for it in self._list("v1", "persistentvolumeclaims", namespace):
            name = it["metadata"]["name"]
            yield Volume(
                namespace=namespace,
                claim=name,
                uid=it["metadata"]["uid"],
                size=it["spec"]["resources"]["requests"]["storage"],
                bound=it["status"].get("phase") != "Pending",
                reader=readers.get(name, {}),
            )

    def _pod_specs(self, namespace: str) -> Iterator[tuple[Sequence[str], Mapping[str, Any]]]:
        """Return what runs or would run, with the claims that it mounts."""
        for version, kind in (*_SCALED, *_PAUSED, ("v1", "pods")):
            for it in self._list(version, kind, namespace):
                if volumes.ROLE in it["metadata"].get("labels", {}):
                    continue
                spec = it["spec"].get("jobTemplate", it)["spec"].get("template", it)["spec"]
                claims = [v["persistentVolumeClaim"]["claimName"] for v in spec.get("volumes", ()) if _is_claim(v)]
                own = it["spec"].get("volumeClaimTemplates", ())
                copies = range(max(int(it["spec"].get("replicas") or 0), _copies(it) or 0))
                yield (
                    [*claims, *(f"{t['metadata']['name']}-{it['metadata']['name']}-{n}" for t in own for n in copies)],
                    spec,
                )

    def manifests(self, namespace: str) -> bytes:
        """Return all objects of a namespace, and itself, as a List; of Secrets the names of their keys alone."""
        objects = [self._get(f"/api/v1/namespaces/{namespace}")]
        for version, resources in self._kinds():
            for kind in resources:
                objects += map(_without_secrets, self._list(version, kind, namespace))
        whole = {"apiVersion": "v1", "kind": "List", "items": objects}
        return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False).encode()

    def stop(self, namespaces: Sequence[str]) -> None:
        """Take away every right, every way and every running pod; what had copies keeps their number to come back."""
        for namespace in namespaces:
            self._shut(namespace)
            for version, kind in _SCALED:
                for it in self._list(version, kind, namespace):
                    if it["spec"].get("replicas", 1):
                        self._annotated(version, kind, it, str(it["spec"].get("replicas", 1)), {"replicas": 0})
            for version, kind in _PAUSED:
                for it in self._list(version, kind, namespace):
                    if not it["spec"].get("suspend") and not _finished(it):
                        self._annotated(version, kind, it, "resume", {"suspend": True})
        self._wait_until_still(namespaces)

    def _shut(self, namespace: str) -> None:
        for it in self._list("networking.k8s.io/v1", "networkpolicies", namespace):
            if it["metadata"]["name"] != "default-deny":
                self._delete("networking.k8s.io/v1", "networkpolicies", it)
        for it in self._list("rbac.authorization.k8s.io/v1", "rolebindings", namespace):
            self._delete("rbac.authorization.k8s.io/v1", "rolebindings", it)

    def resume(self, namespaces: Sequence[str]) -> None:
        """Give back what ``stop`` scaled down and suspended; ways and rights come with an apply of the stack."""
        for namespace in namespaces:
            for version, kind in (*_SCALED, *_PAUSED):
                for it in self._list(version, kind, namespace):
                    if (before := it["metadata"].get("annotations", {}).get(COPIES)) is not None:
                        spec = {"suspend": False} if before == "resume" else {"replicas": int(before)}
                        self._annotated(version, kind, it, None, spec)

    def running(self, namespaces: Sequence[str]) -> list[str]:
        """Return the pods that still run, those that read volumes left out."""
        return [f"{ns}/{it['metadata']['name']}" for ns in namespaces for it in self._pods(ns)]

    def retained(self, namespaces: Sequence[str]) -> list[str]:
        """Return the volumes of these namespaces that outlive their claims, with all that is on them."""
        return [
            it["metadata"]["name"]
            for it in self._get("/api/v1/persistentvolumes")["items"]
            if it["spec"].get("claimRef", {}).get("namespace") in namespaces
            and it["spec"].get("persistentVolumeReclaimPolicy") == "Retain"
        ]

    def _pods(self, namespace: str) -> list[dict[str, Any]]:
        return [
            it
            for it in self._list("v1", "pods", namespace)
            if volumes.ROLE not in it["metadata"].get("labels", {})
            and it["status"].get("phase") not in {"Succeeded", "Failed"}
        ]

    def _wait_until_still(self, namespaces: Sequence[str]) -> None:
        until = time.monotonic() + _PATIENCE
        while pods := [it for namespace in namespaces for it in self._pods(namespace)]:
            for it in pods:
                if not it["metadata"].get("ownerReferences") and "deletionTimestamp" not in it["metadata"]:
                    self._delete("v1", "pods", it)
            if time.monotonic() > until:
                left = f"{pods[0]['metadata']['namespace']}/{pods[0]['metadata']['name']}"
                raise KitError(
                    f"{left} still runs, and so may write to its volumes", "end it; the same command goes on"
                )
            time.sleep(1)

    def _kinds(self) -> Iterator[tuple[str, list[str]]]:
        """Return all kinds of objects that stand in namespaces and can be listed, by version."""
        yield "v1", _listable(self._get("/api/v1"))
        for group in self._get("/apis")["groups"]:
            version = group["preferredVersion"]["groupVersion"]
            yield version, _listable(self._get(f"/apis/{version}"))

    def _list(self, version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        found = self._get(f"{_base(version)}/namespaces/{namespace}/{kind}")
        singular = found["kind"].removesuffix("List")
        return [{"apiVersion": version, "kind": singular, **it} for it in found["items"]]

    def _annotated(
        self, version: str, kind: str, it: Mapping[str, Any], note: str | None, spec: Mapping[str, Any]
    ) -> None:
        place = f"{_base(version)}/namespaces/{it['metadata']['namespace']}/{kind}/{it['metadata']['name']}"
        patch = {"metadata": {"annotations": {COPIES: note}}, "spec": spec}
        self._call("PATCH", place, patch, MERGE_PATCH)

    def _delete(self, version: str, kind: str, it: Mapping[str, Any]) -> None:
        place = f"{_base(version)}/namespaces/{it['metadata']['namespace']}/{kind}/{it['metadata']['name']}"
        self._call("DELETE", place, {"preconditions": {"uid": it["metadata"]["uid"]}})

    def _get(self, path: str) -> Any:
        return self._call("GET", path)

    def _call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        answer = self.api.request(method, path, body, content_type=kind)
        if answer.ok or (method == "DELETE" and answer.status == 404):
            return answer.body
        hint = "see the rights of the kubeconfig" if answer.status == 403 else "the same command goes on from here"
        raise KitError(f"the API server refuses {answer.asked}: {answer}", hint)


def _base(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _listable(found: Mapping[str, Any]) -> list[str]:
    return [
        it["name"]
        for it in found["resources"]
        if it["namespaced"] and "list" in it["verbs"] and "/" not in it["name"] and it["name"] not in _FLEETING
    ]


def _is_claim(volume: Mapping[str, Any]) -> bool:
    return "persistentVolumeClaim" in volume


def _copies(it: Mapping[str, Any]) -> int | None:
    before = it["metadata"].get("annotations", {}).get(COPIES, "")
    return int(before) if before.isdigit() else None


def _finished(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions", ())
    return any(it["type"] in {"Complete", "Failed"} and it["status"] == "True" for it in conditions)


def _without_secrets(it: dict[str, Any]) -> dict[str, Any]:
    it["metadata"].pop("managedFields", None)
    if it["kind"] == "Secret":
        it["data"] = dict.fromkeys(it.get("data") or {}, "")
        it["metadata"].get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return it
