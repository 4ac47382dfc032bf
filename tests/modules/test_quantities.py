"""Quantities are exact, and read as Kubernetes reads them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from modules.levels import LEVELS, Quota
from modules.quantities import Amounts, parse, write


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", Fraction(1, 2)),
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("2", 2),
        ("4Gi", 4 * 2**30),
        ("1.5Ki", 1536),
        ("3k", 3000),
        ("1e3", 1000),
        ("1E", 10**18),
        ("1E2", 100),
        ("1n", Fraction(1, 10**9)),
    ],
)
def test_quantity_is_read_exactly(text: str, number: Fraction | int) -> None:
    """Every form that Kubernetes writes gives its exact number, fractions included."""
    assert parse(text) == number


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "-1", "1gi", "1Gb", "0x1", "1e", "1e999", "²", "1.2.3", "1_000"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """A misspelt unit never passes for a number."""
    with pytest.raises(ValueError, match="is not a quantity"):
        parse(text)


@given(
    st.integers(0, 10**6),
    st.sampled_from(["", "m", "u", "n", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]),
)
def test_quantities_are_read_as_the_official_client_does(number: int, unit: str) -> None:
    """The Kubernetes client for Python gives the same numbers."""
    assert parse(f"{number}{unit}") == Fraction(parse_quantity(f"{number}{unit}"))


@given(st.integers(0, 2**62), st.sampled_from(["cpu", "memory", "storage", "pods"]))
def test_what_is_written_is_read_as_the_same(amount: int, resource: str) -> None:
    """No amount loses a thousandth or a byte when it is written."""
    scale = 1000 if resource == "cpu" else 1
    assert parse(write(resource, amount)) * scale == amount


def test_ten_tenths_are_one() -> None:
    """Sums are exact where floating point numbers are not."""
    tenth = Amounts.of(Quota(cpu="0.1", memory="1Mi", storage="1Mi", pods=1))
    whole = sum([tenth] * 10, Amounts())
    assert whole.texts() == {"cpu": "1", "memory": "10Mi", "storage": "10Mi", "pods": "10"}


def test_quotas_of_levels_are_written_as_they_stand() -> None:
    """What a level gives is shown to people in the form in which it is configured."""
    for profile in LEVELS.values():
        assert Amounts.of(profile.quota).texts() == {
            name: str(value) for name, value in profile.quota.model_dump().items()
        }
