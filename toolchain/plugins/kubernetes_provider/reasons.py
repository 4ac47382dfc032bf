"""Why an object is not ready, from what belongs to it: its pods, its events, the services that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolchain.plugins.kubernetes_provider import readiness
from toolchain.plugins.kubernetes_provider.client import ApiError, Client, RunCancelledError, UnreachableError


class Reasons:
    """Looks for reasons in one cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, obj: Mapping[str, Any]) -> str:
        """Return what an object that is not ready lacks; nothing if that cannot be found."""
        namespace = obj["metadata"].get("namespace", "")
        if not namespace:
            return ""
        try:
            labels = pod_labels(obj)
            told = self._pods(namespace, labels) if labels else ""
            if obj.get("kind") == "Ingress":
                told = self._backends(namespace, obj)
            return "; ".join(filter(None, (told, self._event(obj))))
        except (ApiError, UnreachableError, RunCancelledError):
            return ""

    def _pods(self, namespace: str, labels: Mapping[str, str]) -> str:
        """Return what the first pod that is not ready lacks."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        found = self._client.members(f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": selector})
        for member in found:
            pod = {**member, "apiVersion": "v1", "kind": "Pod"}
            if not readiness.judge(pod).ready:
                told = "; ".join(filter(None, (readiness.pod_problem(pod), self._event(pod))))
                if told:
                    return f"pod {pod['metadata']['name']}: {told}"
        return "" if found else f"no pod has the labels {selector}"

    def _backends(self, namespace: str, ingress: Mapping[str, Any]) -> str:
        """Return which services an Ingress leads to that are not there."""
        found = self._client.members(f"/api/v1/namespaces/{namespace}/services", {})
        missing = sorted(backends(ingress) - {service["metadata"]["name"] for service in found})
        return f"there is no service {', '.join(missing)}" if missing else ""

    def _event(self, obj: Mapping[str, Any]) -> str:
        """Return the last warning about an object, of a claim also the last event of another type."""
        meta = obj["metadata"]
        query = {"fieldSelector": f"involvedObject.uid={meta.get('uid')}"}
        return last_event(
            self._client.members(f"/api/v1/namespaces/{meta['namespace']}/events", query),
            warnings_only=obj.get("kind") != "PersistentVolumeClaim",
        )


def pod_labels(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels by which an object chooses its pods, nothing if it has none or chooses in another way."""
    selector = (obj.get("spec") or {}).get("selector")
    if not isinstance(selector, dict):
        return {}
    if obj.get("kind") in ("Service", "ReplicationController") and obj.get("apiVersion") == "v1":
        return selector
    labels = selector.get("matchLabels")
    return labels if isinstance(labels, dict) else {}


def backends(ingress: Mapping[str, Any]) -> set[str]:
    """Return the names of the services that an Ingress leads to."""
    spec = ingress.get("spec") or {}
    paths = [path for rule in spec.get("rules") or [] for path in (rule.get("http") or {}).get("paths") or []]
    found = [spec.get("defaultBackend") or {}, *(path.get("backend") or {} for path in paths)]
    return {backend["service"]["name"] for backend in found if backend.get("service")}


def last_event(events: list[dict[str, Any]], *, warnings_only: bool) -> str:
    """Return the message of the last warning, or else of the last event."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    chosen = warnings or ([] if warnings_only else events)
    return str(max(chosen, key=_time).get("message", "")) if chosen else ""


def _time(event: Mapping[str, Any]) -> str:
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event.get("metadata", {}).get("creationTimestamp", "")
    )
