"""The provider's arguments."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.diff import Comparison, Difference
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError
from toolchain.plugins.kubernetes_provider.values import UNKNOWN, Secret, plain

KNOWN: Final = frozenset(
    [
        "kubeconfig",
        "context",
        "cluster",
        "clusterIdentifier",
        "namespace",
        "enableServerSideApply",
        "enableConfigMapMutable",
        "enableSecretMutable",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "deleteUnreachable",
        "skipUpdateUnreachable",
        "kubeClientSettings",
        "helmReleaseSettings",
        "renderYamlToDirectory",
        "version",
        "pluginDownloadURL",
        "alwaysRender",
        "clusterIdentifier",
    ]
)
_PLACE: Final = ("kubeconfig", "context", "cluster", "clusterIdentifier")


class ConfigurationError(Exception):
    """An argument of the provider cannot be honoured."""


@dataclass(frozen=True)
class Configuration:
    """The arguments that change what this provider does; the others only steer what the upstream one does."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    config_map_mutable: bool = False
    secret_mutable: bool = False
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False


def parse(arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the arguments, each of which a variable of the environment may give instead, as upstream."""

    def flag(name: str, variable: str) -> bool:
        value = arguments.get(name)
        return truth(value if value is not None else environment.get(variable, ""))

    return Configuration(
        kubeconfig=_text(arguments.get("kubeconfig")),
        context=_text(arguments.get("context")) or environment.get("PULUMI_K8S_CONTEXT", ""),
        cluster=_text(arguments.get("cluster")) or environment.get("PULUMI_K8S_CLUSTER", ""),
        namespace=_text(arguments.get("namespace")),
        config_map_mutable=flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        secret_mutable=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
    )


def truth(value: Any) -> bool:
    """Return a flag that came as a boolean or as text."""
    return value if isinstance(value, bool) else str(value).lower() in {"true", "1"}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return value if isinstance(value, str) else ""


def check(news: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the arguments to keep, a kubeconfig's content secret, and what is wrong as (argument, reason)."""
    failures = []
    given = plain(dict(news))
    if given.get("renderYamlToDirectory"):
        failures.append(
            ("renderYamlToDirectory", "is not offered by this provider; 'pulumi preview' shows the objects")
        )
    if "enableServerSideApply" in given and not truth(given["enableServerSideApply"]):
        failures.append(("enableServerSideApply", "cannot be false: this provider applies on the server only"))
    failures += [(name, "is no argument of the Kubernetes provider") for name in sorted(given.keys() - KNOWN)]
    checked = dict(news)
    text = given.get("kubeconfig")
    if isinstance(text, str) and ("\n" in text or text.lstrip().startswith("{")):
        checked["kubeconfig"] = Secret(text)
    return checked, failures


def compare(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Comparison:
    """Compare two sets of arguments: only another cluster makes everything anew; other changes take effect in place."""
    changed = sorted(k for k in (olds.keys() | news.keys()) & KNOWN if olds.get(k) != news.get(k))
    moved = bool(set(changed) & set(_PLACE)) and _other_cluster(olds, news)
    return Comparison([Difference((name,), "UPDATE", replaces=moved and name in _PLACE) for name in changed])


def _other_cluster(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    if olds.get("clusterIdentifier") or news.get("clusterIdentifier"):
        return bool(olds.get("clusterIdentifier") != news.get("clusterIdentifier"))
    if any(news.get(name) is UNKNOWN for name in _PLACE):
        return False
    try:
        places = [
            kubeconfig.load(_text(a.get("kubeconfig")), _text(a.get("context")), _text(a.get("cluster"))).server
            for a in (olds, news)
        ]
    except KubeconfigError:
        return False  # the old one may be gone; what cannot be read is no reason to make everything anew
    return places[0] != places[1]
