"""The provider's arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from toolchain.plugins.kubernetes_provider import configuration
from toolchain.plugins.kubernetes_provider.configuration import ConfigurationError
from toolchain.plugins.kubernetes_provider.pace import Limits
from toolchain.plugins.kubernetes_provider.values import UNKNOWN, Secret


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
    """An argument that nobody knows, or that goes with no other, is not silently ignored."""
    _, failures = configuration.check({"renderYamlToDirectory": "out", "context": "x", "typo": 1})
    assert [name for name, _ in failures] == ["typo", "context"]
    assert configuration.check({"enableServerSideApply": "true", "kubeClientSettings": {"qps": 50}})[1] == []


def test_strict_mode_wants_a_provider_that_names_its_cluster() -> None:
    """In strict mode the default provider and a provider without kubeconfig or context are refused."""
    default, named = ("urn:pulumi:s::p::pulumi:providers:kubernetes::" + name for name in ("default_4_34_2", "mine"))
    strict = {"strictMode": "true", "kubeconfig": "/k", "context": "x"}
    assert [name for name, _ in configuration.check(strict, default)[1]] == [""]
    assert [name for name, _ in configuration.check({"strictMode": "true"}, named)[1]] == ["kubeconfig", "context"]
    assert configuration.check(strict, named)[1] == []


def test_another_folder_of_manifests_makes_everything_anew() -> None:
    """Manifests in another folder are other manifests; a place that is not known yet may be another."""
    assert replaced({"renderYamlToDirectory": "a"}, {"renderYamlToDirectory": "b"}) == ["renderYamlToDirectory"]
    assert replaced({"kubeconfig": "/a"}, {"kubeconfig": UNKNOWN}) == ["kubeconfig"]
    assert replaced({"clusterIdentifier": "one"}, {"clusterIdentifier": "one", "kubeconfig": UNKNOWN}) == []
    assert replaced({}, {"clusterIdentifier": "one"}) == []


def test_flags_come_as_text_or_from_the_environment() -> None:
    """The engine sends flags as text; a variable of the environment stands in for a missing one, as upstream."""
    variables = {
        "PULUMI_K8S_DELETE_UNREACHABLE": "true",
        "PULUMI_K8S_ENABLE_SECRET_MUTABLE": "true",
        "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "false",
    }
    given = configuration.parse({"enableConfigMapMutable": "true", "enableSecretMutable": False}, variables)
    assert given.config_map_mutable
    assert not given.secret_mutable
    assert given.delete_unreachable
    assert not given.server_side_apply
    assert configuration.parse({}, {}).server_side_apply


def test_requests_are_bounded_only_when_asked() -> None:
    """Without settings nothing is held back; the arguments come before the environment, and one bound brings both."""
    assert configuration.parse({}, {}).limits == Limits()
    given = configuration.parse({"kubeClientSettings": '{"qps": 5}'}, {"PULUMI_K8S_CLIENT_QPS": "7"}).limits
    assert given == Limits(rate=5, burst=120)
    variables = {"PULUMI_K8S_CLIENT_BURST": "3", "PULUMI_K8S_CLIENT_TIMEOUT": "9"}
    assert configuration.parse({}, variables).limits == Limits(rate=50, burst=3, timeout=9)


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ({"kubeClientSettings": {"burst": 0}}, {}, r"kubeClientSettings\.burst must be above 0"),
        ({"kubeClientSettings": "{"}, {}, "neither a map nor JSON"),
        ({}, {"PULUMI_K8S_CLIENT_QPS": "fast"}, "PULUMI_K8S_CLIENT_QPS must be a number, not 'fast'"),
    ],
)
def test_bound_that_is_no_number_is_told(arguments: dict[str, Any], variables: dict[str, str], told: str) -> None:
    """A setting of the client that cannot be used is named."""
    with pytest.raises(ConfigurationError, match=told):
        configuration.parse(arguments, variables)
