"""Reading from a cluster what the rules judge: page by page, and nothing is ever written."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import urllib3
from kubernetes.client import ApiClient, ApiException
from kubernetes.config import new_client_from_config
from kubernetes.config.config_exception import ConfigException

from core.errors import KitError
from policies.packs import Entry
from policies.rules import Compiled
from policies.stack_rules import KINDS

PAGE: Final = 500
"""Objects that are asked for at once, as kubectl does."""
_SECONDS: Final = (5, 60)
"""How long to wait for a connection, and for an answer."""
_OWN: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Namespaces of Kubernetes itself: the kit's own playbooks and the conformance suite answer for these."""

Resource = tuple[str, str, str]
"""apiVersion, kind, plural name."""


class RefusedError(Exception):
    """The API server's refusal to show something."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {' '.join(message.split())}")
        self.status = status


@dataclass
class Snapshot:
    """What a cluster holds of the kinds that rules judge."""

    manifests: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """Namespaces that were not asked for."""
    absent: list[str] = field(default_factory=list)
    """Kinds that this cluster does not know."""
    refused: list[str] = field(default_factory=list)
    """What could not be read, and why: nothing can be said of it."""
    policies: list[dict[str, Any]] = field(default_factory=list)
    """The kit's admission policies on the cluster."""

    @property
    def namespaces(self) -> list[str]:
        """Names of the namespaces that are judged."""
        return sorted(it["metadata"]["name"] for it in self.manifests if it["kind"] == "Namespace")


def resources(rules: Iterable[Entry]) -> list[Resource]:
    """Return what has to be read for these rules."""
    found = set(KINDS)
    for entry in rules:
        if isinstance(entry, Compiled):
            found |= {(kind.api_version, kind.kind, kind.resource) for kind in entry.rule.kinds}
    return sorted(found)


class Cluster:
    """A cluster, with the rights of a kubeconfig; only ``get`` on lists is asked for."""

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        """Read the kubeconfig. Raises KitError when it cannot be used."""
        try:
            self._client: ApiClient = new_client_from_config(config_file=str(kubeconfig), context=context)
        except (ConfigException, OSError, ValueError, KeyError, TypeError, ssl.SSLError) as error:
            said = " ".join(str(error).split())
            raise KitError(f"{kubeconfig}: not a usable kubeconfig: {said}", "give --kubeconfig, --context") from error

    def read(self, wanted: Iterable[Resource], only: Iterable[str], progress: Callable[[str, int], None]) -> Snapshot:
        """Read every object of these kinds, of the namespaces ``only`` where any are named.

        ``progress`` hears of each page: the kind, and how many objects it held. Raises KitError where the cluster
        cannot be asked at all, or has no such namespace.
        """
        found, chosen = Snapshot(), set(only)
        for resource in wanted:
            api, kind, plural = resource
            try:
                for page in self._pages(resource):
                    progress(kind, len(page))
                    found.manifests += page
            except RefusedError as error:
                if error.status == 404:
                    found.absent.append(f"{api} {kind}")
                else:
                    found.refused.append(f"{plural} ({api}): {error}")
        _choose(found, chosen)
        try:
            query = {"labelSelector": "app.kubernetes.io/managed-by=govcloud"}
            policies = ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies")
            found.policies = [it for page in self._pages(policies, query) for it in page]
        except RefusedError as error:
            found.refused.append(f"validatingadmissionpolicies, so that waivers in force are not known: {error}")
        return found

    def _pages(self, resource: Resource, query: dict[str, str] | None = None) -> Iterator[list[dict[str, Any]]]:
        api, kind, plural = resource
        base = "/apis" if "/" in api else "/api"
        more = ""
        while True:
            asked = {"limit": str(PAGE), **(query or {}), **({"continue": more} if more else {})}
            body = self._get(f"{base}/{api}/{plural}", asked)
            items = body.get("items") or []
            for item in items:
                item |= {"apiVersion": api, "kind": kind}
                item["metadata"].pop("managedFields", None)
            yield items
            if not (more := body.get("metadata", {}).get("continue") or ""):
                return

    def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """Ask for one page. Raises RefusedError for an answer that is none, KitError where there is no answer."""
        request = self._client.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._client.call_api(*request, _request_timeout=_SECONDS)
            text = answer.read()
            if answer.status != 200:
                raise RefusedError(answer.status, _message(text) or str(answer.reason))
            body: dict[str, Any] = json.loads(text)
        except (urllib3.exceptions.HTTPError, ApiException, OSError, ValueError) as error:
            said = " ".join(str(error).split())
            raise KitError(
                f"the cluster does not answer: {said}", "look at the kubeconfig and the API server"
            ) from error
        return body


def _message(text: bytes) -> str:
    """Return the server's words; of a group that it does not have it says so in plain text."""
    try:
        return str(json.loads(text).get("message", ""))
    except (ValueError, AttributeError):
        return text.decode(errors="replace")


def _choose(found: Snapshot, only: set[str]) -> None:
    """Keep the objects of the namespaces that are judged, and those of the whole cluster."""
    there = {it["metadata"]["name"] for it in found.manifests if it["kind"] == "Namespace"}
    if missing := sorted(only - there):
        raise KitError(f"no such namespace: {', '.join(missing)}", f"there are: {', '.join(sorted(there))}")
    judged = only or there - _OWN
    found.skipped = sorted(there - judged)

    def chosen(manifest: dict[str, Any]) -> bool:
        metadata = manifest["metadata"]
        place = metadata["name"] if manifest["kind"] == "Namespace" else metadata.get("namespace")
        made_by_itself = (manifest["kind"], place, metadata["name"]) == ("Service", "default", "kubernetes")
        return (place is None or place in judged) and not made_by_itself

    found.manifests = [it for it in found.manifests if chosen(it)]
