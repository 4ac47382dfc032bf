"""The address plan: what the platform team may configure, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import KitError
from modules.addresses import prefixes

GOOD = """\
quarantine-days: 90
ipv6:
  prefixes: ["2001:db8::/32", "3fff::/20"]
  agency: {province: 44}
  otherwise: 48
ipv4:
  prefixes: ["198.18.0.0/16", "198.19.0.0/16"]
  zone: 28
  kinds: [province]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "addresses.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_good_plan_is_read(tmp_path: Path) -> None:
    """Sizes are given by kind, with one for all others."""
    plan = prefixes.load(write(tmp_path, GOOD))
    assert (plan.ipv6.length("province"), plan.ipv6.length("commune"), plan.quarantine_days) == (44, 48, 90)


def test_shipped_plan_uses_no_real_addresses() -> None:
    """What ships with the kit are prefixes that belong to nobody."""
    plan = prefixes.load()
    assert [str(block) for block in (*plan.of(6), *plan.of(4))] == ["2001:db8::/32", "198.18.0.0/15"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("3fff::/20", "2001:db8:1::/48", "ipv6.prefixes: 2001:db8:1::/48 overlaps 2001:db8::/32"),
        ("198.19.0.0/16", "198.18.128.0/24", "ipv4.prefixes: 198.18.128.0/24 overlaps 198.18.0.0/16"),
        ("3fff::/20", "198.51.100.0/24", "ipv6.prefixes: 198.51.100.0/24 is not of IPv6"),
        ("198.19.0.0/16", "198.19.0.1/16", "ipv4.prefixes.1: 198.19.0.1/16 has address bits"),
        ("198.19.0.0/16", "198.19.0/16", "ipv4.prefixes.1: '198.19.0/16' is not a prefix"),
        ("province: 44", "province: 16", "ipv6: province: a /16 does not fit"),
        ("province: 44", "province: 64", "ipv6.agency.province: 64 cannot be used"),
        ("otherwise: 48", "other: 48", "ipv6.other: is not a field"),
        ("zone: 28", "zone: 40", "ipv4.zone: 40 cannot be used"),
        ("quarantine-days: 90", "quarantine-days: -1", "quarantine-days: -1 cannot be used"),
    ],
)
def test_wrong_plan_is_refused_by_field(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each mistake is named by its field, with what is wrong; overlapping prefixes among them."""
    assert old in GOOD
    with pytest.raises(KitError) as caught:
        prefixes.load(write(tmp_path, GOOD.replace(old, new, 1)))
    assert said in caught.value.message


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    """A person mends the file in one go."""
    text = GOOD.replace("zone: 28", "zone: 40").replace("quarantine-days: 90", "quarantine-days: soon")
    with pytest.raises(KitError) as caught:
        prefixes.load(write(tmp_path, text))
    assert len(caught.value.message.splitlines()) == 2
