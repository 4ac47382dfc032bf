"""The provider's arguments."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.diff import Comparison, Difference
from toolchain.plugins.kubernetes_provider.kubeconfig import KubeconfigError
from toolchain.plugins.kubernetes_provider.pace import READ_SECONDS, Limits
from toolchain.plugins.kubernetes_provider.values import UNKNOWN, Secret, plain

KNOWN: Final = frozenset(
    [
        "alwaysRender",
        "cluster",
        "clusterIdentifier",
        "context",
        "deleteUnreachable",
        "enableConfigMapMutable",
        "enablePatchForce",
        "enableSecretMutable",
        "enableServerSideApply",
        "helmReleaseSettings",
        "kubeClientSettings",
        "kubeconfig",
        "namespace",
        "pluginDownloadURL",
        "renderYamlToDirectory",
        "skipUpdateUnreachable",
        "strictMode",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "upsertExistingObjects",
        "version",
    ]
)
_PLACE: Final = ("kubeconfig", "context", "cluster")
_UPSTREAM_RATE: Final = 50.0
_UPSTREAM_BURST: Final = 120


class ConfigurationError(Exception):
    """An argument of the provider cannot be honoured."""


@dataclass(frozen=True)
class Configuration:
    """The arguments that change what this provider does; the others only steer what the upstream one does."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    server_side_apply: bool = True
    patch_force: bool = False
    config_map_mutable: bool = False
    secret_mutable: bool = False
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    suppress_deprecation_warnings: bool = False
    render_directory: str = ""
    always_render: bool = False
    upsert_existing: bool = False
    limits: Limits = field(default_factory=Limits)


def parse(arguments: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Configuration:
    """Read the arguments, most of which a variable of the environment may give instead, as upstream.

    Raises ConfigurationError for settings of the client that are no numbers.
    """

    def flag(name: str, variable: str, *, usual: bool = False) -> bool:
        value = arguments.get(name)
        value = environment.get(variable, "") if value in (None, "") else value
        return usual if value == "" else truth(value)

    return Configuration(
        kubeconfig=_text(arguments.get("kubeconfig")),
        context=_text(arguments.get("context")) or environment.get("PULUMI_K8S_CONTEXT", ""),
        cluster=_text(arguments.get("cluster")) or environment.get("PULUMI_K8S_CLUSTER", ""),
        namespace=_text(arguments.get("namespace")),
        server_side_apply=flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", usual=True),
        patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        config_map_mutable=flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
        secret_mutable=flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
        suppress_deprecation_warnings=flag("suppressDeprecationWarnings", "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS"),
        render_directory=_text(arguments.get("renderYamlToDirectory")),
        always_render=truth(arguments.get("alwaysRender")),
        upsert_existing=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        limits=_limits(arguments.get("kubeClientSettings"), environment),
    )


def _limits(settings: Any, environment: Mapping[str, str]) -> Limits:
    """Return the bounds on requests; with only one of rate and burst given, the other is the upstream provider's."""
    given = _settings(settings)

    def number(name: str, convert: Callable[[Any], float]) -> float | None:
        variable = f"PULUMI_K8S_CLIENT_{name.upper()}"
        source, value = f"kubeClientSettings.{name}", given.get(name)
        if value is None:
            source, value = variable, environment.get(variable) or None
        try:
            found = None if value is None else convert(value)
        except (TypeError, ValueError):
            raise ConfigurationError(f"{source} must be a number, not {value!r}") from None
        if found is not None and found <= 0:
            raise ConfigurationError(f"{source} must be above 0, not {value!r}")
        return found

    rate, burst, timeout = number("qps", float), number("burst", int), number("timeout", float)
    if rate is None and burst is None:
        return Limits(timeout=timeout or READ_SECONDS)
    return Limits(rate or _UPSTREAM_RATE, int(burst or _UPSTREAM_BURST), timeout or READ_SECONDS)


def _settings(value: Any) -> Mapping[str, Any]:
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise ConfigurationError("kubeClientSettings is neither a map nor JSON") from None
    return value if isinstance(value, dict) else {}


def truth(value: Any) -> bool:
    """Return a flag that came as a boolean or as text."""
    return value if isinstance(value, bool) else str(value).lower() in {"true", "1"}


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return value if isinstance(value, str) else ""


def check(news: Mapping[str, Any], urn: str = "") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the arguments to keep, a kubeconfig's content secret, and what is wrong as (argument, reason)."""
    given = plain(dict(news))
    failures = [(name, "is no argument of the Kubernetes provider") for name in sorted(given.keys() - KNOWN)]
    if truth(given.get("strictMode")):
        if urn.rpartition("::")[2].startswith("default"):
            failures.append(("", "strict mode allows no default provider: give each resource a provider"))
        failures += [
            (name, "strict mode wants this argument") for name in ("kubeconfig", "context") if not given.get(name)
        ]
    if given.get("renderYamlToDirectory"):
        why = "goes with no cluster: renderYamlToDirectory asks for manifests in a folder"
        failures += [(name, why) for name in ("cluster", "context") if given.get(name)]
    checked = dict(news)
    text = given.get("kubeconfig")
    if isinstance(text, str) and ("\n" in text or text.lstrip().startswith("{")):
        checked["kubeconfig"] = Secret(text)
    return checked, failures


def compare(olds: Mapping[str, Any], news: Mapping[str, Any]) -> Comparison:
    """Compare two sets of arguments: another cluster or folder makes everything anew, the rest takes effect in place.

    ``clusterIdentifier``, where both have it, alone decides which cluster it is. A place that is not known yet may be
    another one.
    """
    changed = sorted(k for k in (olds.keys() | news.keys()) & KNOWN if olds.get(k) != news.get(k))
    decisive = _decisive(olds, news)
    return Comparison([Difference((name,), "UPDATE", replaces=name in decisive) for name in changed])


def _decisive(olds: Mapping[str, Any], news: Mapping[str, Any]) -> set[str]:
    """Return the changed arguments that make everything anew."""
    was, now = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    if was and now:
        return {"clusterIdentifier"} if was != now else set()
    found = {"renderYamlToDirectory"}
    unknown = {name for name in _PLACE if news.get(name) is UNKNOWN}
    if unknown:
        return found | unknown
    return found | set(_PLACE) if _other_cluster(olds, news) else found


def _other_cluster(olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    try:
        places = [
            kubeconfig.load(_text(a.get("kubeconfig")), _text(a.get("context")), _text(a.get("cluster"))).server
            for a in (olds, news)
        ]
    except KubeconfigError:
        return False  # the old one may be gone; what cannot be read is no reason to make everything anew
    return places[0] != places[1]
