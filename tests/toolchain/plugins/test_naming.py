"""Names that are made for objects."""

from __future__ import annotations

import re

import pytest

from toolchain.plugins.kubernetes_provider import naming
from toolchain.plugins.kubernetes_provider.naming import UnnamedError
from toolchain.plugins.kubernetes_provider.values import UNKNOWN


def test_object_without_a_name_gets_one_with_a_suffix() -> None:
    """The resource's name and eight digits; the same seed gives the same, and the object is marked."""
    made = naming.named({"data": {}}, {}, "settings", seed=b"seed")
    again = naming.named({"data": {}}, {}, "settings", seed=b"seed")
    assert re.fullmatch(r"settings-[0-9a-f]{8}", made["metadata"]["name"])
    assert made == again
    assert naming.is_autonamed(made)
    assert naming.named({}, {}, "settings") != naming.named({}, {}, "settings")


def test_name_is_kept_from_run_to_run() -> None:
    """A name that was made before stays."""
    before = naming.named({}, {}, "settings")
    assert naming.named({}, before, "settings") == before


@pytest.mark.parametrize("meta", [{"name": "own"}, {"name": UNKNOWN}, {"generateName": "own-"}, UNKNOWN])
def test_programs_own_name_stays(meta: object) -> None:
    """A name that the program gives, or will give, is left alone."""
    inputs = {"metadata": meta}
    assert naming.named(inputs, naming.named({}, {}, "x"), "settings") is inputs


def test_project_may_forbid_or_prescribe_names() -> None:
    """The project's naming configuration is followed."""
    assert naming.named({}, {}, "settings", proposed="given", mode="ENFORCE")["metadata"]["name"] == "given"
    with pytest.raises(UnnamedError, match=r"metadata\.name"):
        naming.named({}, {}, "settings", mode="DISABLE")


def test_field_manager_is_the_resources_own_for_good() -> None:
    """Two resources have two managers; one resource has the same in every run."""
    assert naming.field_manager("urn:a") == naming.field_manager("urn:a") != naming.field_manager("urn:b")


def test_identity_is_read_as_it_is_written() -> None:
    """Objects with and without a namespace are found again by their id."""
    assert naming.parse_identity(naming.identity({"metadata": {"namespace": "n", "name": "x"}})) == ("n", "x")
    assert naming.parse_identity(naming.identity({"metadata": {"name": "x"}})) == ("", "x")


def test_repeated_run_makes_the_same_names_and_a_successor_gets_another() -> None:
    """A name follows from the provider, the resource and the name before; without a provider's id it is random."""
    urn = "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::settings"

    def name(owner: str = "p1", resource: str = urn, before: str = "") -> str:
        names = naming.Names(owner)
        if before:
            names.remember(resource, before)
        return naming.suffix(names.seed(resource, b""))

    assert name() == name()
    assert name(before="settings-1") == name(before="settings-1")
    assert (
        len({name(), name("p2"), name(resource=f"{urn}2"), name(before="settings-1"), name(before="settings-2")}) == 5
    )
    assert name("") != name("")


def test_generated_name_is_made_here() -> None:
    """A request that makes a name can be repeated; a name that is given stays."""
    made = naming.generated({"metadata": {"generateName": "web-"}}, b"seed")["metadata"]
    assert made == {"generateName": "web-", "name": f"web-{naming.suffix(b'seed')}"}
    for inputs in ({"metadata": {"generateName": "web-", "name": "web-1"}}, {"metadata": {"name": "web"}}):
        assert naming.generated(inputs, b"seed") == inputs
