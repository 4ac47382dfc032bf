"""Waiting until an object is truly there, or truly gone, and telling what is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import criteria, naming
from toolchain.plugins.kubernetes_provider.client import ApiError, Client, RunCancelledError, UnreachableError
from toolchain.plugins.kubernetes_provider.discovery import Location
from toolchain.plugins.kubernetes_provider.readiness import READY, Verdict
from toolchain.plugins.kubernetes_provider.reasons import Reasons

DEFAULT_SECONDS: Final = 600.0
EXPLAIN_AFTER: Final = 3.0
"""Seconds after which the pods of an object that is not ready are looked at for the reason."""

Tell = Callable[[str], None]


class NotReadyError(Exception):
    """An object was made or changed, but is not what it should be; ``obj`` is its last state."""

    def __init__(self, message: str, obj: dict[str, Any]) -> None:
        super().__init__(message)
        self.obj = obj


def seconds(obj: Mapping[str, Any], requested: float) -> float:
    """Return how long to wait: the resource's own time-out, its annotation, or ten minutes."""
    if requested:
        return requested
    try:
        return int(naming.marks(obj)["pulumi.com/timeoutSeconds"])
    except (KeyError, TypeError, ValueError):
        return DEFAULT_SECONDS


def skipped(inputs: Mapping[str, Any]) -> bool:
    """Whether the program asked not to wait for this object."""
    return naming.marks(inputs).get("pulumi.com/skipAwait") == "true"


class Waiter:
    """Waits for objects of one cluster."""

    def __init__(self, client: Client, cancelled: threading.Event) -> None:
        self._client = client
        self._cancelled = cancelled
        self._reasons = Reasons(client)

    def until_ready(self, obj: dict[str, Any], where: Location, limit: float, tell: Tell) -> dict[str, Any]:
        """Return the object once it is ready.

        Raises NotReadyError if it fails, if the time is over, if the run is cancelled or the API server is gone.
        """
        namespace, name = naming.parse_identity(naming.identity(obj))
        path = where.path(namespace, name)
        began, told, missing, pause = time.monotonic(), "", "", 0.1
        while True:
            with _in_sight(obj, missing):
                verdict = self.judge(obj)
            if verdict.ready:
                break
            waited, missing = time.monotonic() - began, verdict.missing
            if waited > min(EXPLAIN_AFTER, limit) or verdict.failed:
                missing = "; ".join(filter(None, (missing, self._reasons.of(obj))))
            if verdict.failed:
                raise NotReadyError(missing, obj)
            if waited > limit:
                raise NotReadyError(f"not ready after {limit:.0f} s: {missing}", obj)
            if missing != told:
                tell(told := missing)
            if self._cancelled.wait(pause):
                raise NotReadyError(f"cancelled while waiting: {missing}", obj)
            pause = min(pause * 1.5, 2.0)
            with _in_sight(obj, missing):
                obj = self._client.request("GET", path)
        if told:
            tell("")
        return obj

    def until_gone(self, path: str, uid: str, limit: float, tell: Tell) -> None:
        """Return once the object with this uid is gone; raise NotReadyError when the time is over."""
        began, told, pause = time.monotonic(), "", 0.05
        while True:
            try:
                obj = self._client.request("GET", path)
            except ApiError as error:
                if error.code == 404:
                    break
                raise
            if uid and obj.get("metadata", {}).get("uid") != uid:
                break  # somebody has made another object with this name since
            missing = _held_by(obj)
            if time.monotonic() - began > limit:
                raise NotReadyError(f"not gone after {limit:.0f} s: {missing}", obj)
            if missing != told and time.monotonic() - began > 1:
                tell(told := missing)
            if self._cancelled.wait(pause):
                raise NotReadyError(f"cancelled while waiting for it to go: {missing}", obj)
            pause = min(pause * 1.5, 1.0)
        if told:
            tell("")

    def unready(self, obj: dict[str, Any]) -> str:
        """Return what an object lacks at this moment; nothing if it is ready."""
        verdict = self.judge(obj)
        return "" if verdict.ready else "; ".join(filter(None, (verdict.missing, self._reasons.of(obj))))

    def judge(self, obj: dict[str, Any]) -> Verdict:
        """Judge an object as it is now, and what belongs to it."""
        verdict = criteria.judge(obj)
        kind = obj.get("kind")
        if criteria.of(obj):
            return verdict
        if verdict.ready and kind == "Service" and obj.get("apiVersion") == "v1":
            return self._endpoints(obj)
        if not verdict.ready and kind == "PersistentVolumeClaim" and self._binds_late(obj):
            return READY
        return verdict

    def _endpoints(self, service: Mapping[str, Any]) -> Verdict:
        spec = service.get("spec") or {}
        if not spec.get("selector") or spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
            return READY
        meta = service["metadata"]
        try:
            found = self._client.members(
                f"/apis/discovery.k8s.io/v1/namespaces/{meta['namespace']}/endpointslices",
                {"labelSelector": f"kubernetes.io/service-name={meta['name']}"},
            )
        except ApiError as error:
            if error.code == 403:
                return READY  # who may not look cannot wait
            raise
        ready = any(
            endpoint.get("conditions", {}).get("ready", True)
            for part in found
            for endpoint in part.get("endpoints") or []
        )
        return READY if ready else Verdict(ready=False, missing="none of its pods is ready to serve")

    def _binds_late(self, claim: Mapping[str, Any]) -> bool:
        name = (claim.get("spec") or {}).get("storageClassName")
        if not name:
            return False
        try:
            found = self._client.request("GET", f"/apis/storage.k8s.io/v1/storageclasses/{name}")
        except ApiError:
            return False
        return found.get("volumeBindingMode") == "WaitForFirstConsumer"


@contextmanager
def _in_sight(last: dict[str, Any], missing: str) -> Iterator[None]:
    """Tell of an object that cannot be looked at any more as one that is not ready, so that its state is kept."""
    try:
        yield
    except RunCancelledError:
        raise NotReadyError(f"cancelled while waiting: {missing}", last) from None
    except (UnreachableError, ApiError) as error:
        raise NotReadyError(f"lost sight of it: {error}", last) from error


def _held_by(obj: Mapping[str, Any]) -> str:
    """Return what keeps an object that is being deleted."""
    for found in (obj.get("status") or {}).get("conditions") or []:
        if found.get("status") == "True" and "Remaining" in str(found.get("type")):
            return str(found.get("message"))
    finalizers = obj.get("metadata", {}).get("finalizers") or (obj.get("spec") or {}).get("finalizers") or []
    return f"finalizers {', '.join(finalizers)}" if finalizers else "the API server still has it"
