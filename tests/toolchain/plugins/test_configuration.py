"""The provider's arguments."""

from __future__ import annotations

import json
from typing import Any

from toolchain.plugins.kubernetes_provider import configuration
from toolchain.plugins.kubernetes_provider.values import Secret


def kubeconfig(server: str, user: str = "u") -> str:
    return json.dumps(
        {
            "current-context": "x",
            "clusters": [{"name": "x", "cluster": {"server": server}}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": user}}],
            "users": [{"name": user, "user": {"token": user}}],
        }
    )


def replaced(olds: dict[str, Any], news: dict[str, Any]) -> list[str]:
    return configuration.compare(olds, news).replaces


def test_another_cluster_makes_everything_anew() -> None:
    """Objects of one cluster are not those of another."""
    assert replaced({"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": kubeconfig("https://b")}) == ["kubeconfig"]


def test_other_credentials_for_the_same_cluster_change_nothing() -> None:
    """A new token or user is used from then on, and no object is touched."""
    found = configuration.compare({"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": kubeconfig("https://a", "v")})
    assert [d.text for d in found.differences] == ["kubeconfig"]
    assert found.replaces == []


def test_identifier_decides_if_there_is_one() -> None:
    """A cluster that moved to another address keeps its objects if its identifier stays."""
    olds = {"kubeconfig": kubeconfig("https://a"), "clusterIdentifier": "one"}
    assert replaced(olds, {"kubeconfig": kubeconfig("https://b"), "clusterIdentifier": "one"}) == []
    assert replaced(olds, {"kubeconfig": kubeconfig("https://a"), "clusterIdentifier": "two"}) == ["clusterIdentifier"]


def test_a_kubeconfig_that_is_gone_makes_nothing_anew() -> None:
    """An old path that cannot be read is no proof of another cluster."""
    assert replaced({"kubeconfig": "/gone"}, {"kubeconfig": kubeconfig("https://a")}) == []


def test_content_of_a_kubeconfig_is_kept_secret() -> None:
    """Credentials that are given as content are encrypted in the state; a path is not."""
    content, failures = configuration.check({"kubeconfig": kubeconfig("https://a")})
    path, _ = configuration.check({"kubeconfig": "/etc/kubeconfig"})
    assert isinstance(content["kubeconfig"], Secret)
    assert path["kubeconfig"] == "/etc/kubeconfig"
    assert failures == []


def test_what_cannot_be_honoured_is_refused() -> None:
    """An argument with another meaning upstream is not silently ignored."""
    _, failures = configuration.check({"renderYamlToDirectory": "out", "enableServerSideApply": "false", "typo": 1})
    assert [name for name, _ in failures] == ["renderYamlToDirectory", "enableServerSideApply", "typo"]
    assert configuration.check({"enableServerSideApply": "true", "kubeClientSettings": {"qps": 50}})[1] == []


def test_flags_come_as_text_or_from_the_environment() -> None:
    """The engine sends flags as text; a variable of the environment stands in for a missing one, as upstream."""
    variables = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
    given = configuration.parse({"enableConfigMapMutable": "true", "enableSecretMutable": False}, variables)
    assert given.config_map_mutable
    assert not given.secret_mutable
    assert given.delete_unreachable
