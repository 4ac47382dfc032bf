"""Services of others are used on a grant, or not at all."""

from __future__ import annotations

import datetime as dt

import pytest

from core.errors import KitError
from modules import grants
from tests.modules.agencies import GRANT, USE, agency


def test_grant_holds_from_its_first_to_its_last_day() -> None:
    """On each of its days a grant opens the way; one without an end holds on."""
    unit = agency({}, exchange={"consumes": [USE]})
    for day in (dt.date(2026, 1, 1), dt.date(2026, 12, 31)):
        grants.check(unit, day)
    endless = {key: it for key, it in GRANT.items() if key != "until"}
    grants.check(agency({}, exchange={"consumes": [{**USE, "grant": endless}]}), dt.date(2050, 1, 1))
    grants.check(agency({}), dt.date(2026, 1, 1))


@pytest.mark.parametrize(
    ("day", "said"),
    [(dt.date(2025, 12, 31), "does not hold before 2026-01-01"), (dt.date(2027, 1, 1), "ended on 2026-12-31")],
)
def test_use_without_a_grant_is_refused(day: dt.date, said: str) -> None:
    """Before and after its days nothing is opened; field, document and service are named."""
    unit = agency({}, exchange={"consumes": [USE]})
    with pytest.raises(KitError, match=rf"exchange\.consumes\[0\]\.grant: 1/QĐ-BTP for 'civil-status' {said}"):
        grants.check(unit, day)


def test_services_are_told_by_system() -> None:
    """Each system has the services that are granted for it."""
    unit = agency({}, {}, exchange={"consumes": [USE, {**USE, "service": "births"}]})
    assert grants.granted(unit, "s0") == ["births@BTP.2025-03-01", "civil-status@BTP.2025-03-01"]
    assert grants.granted(unit, "s1") == []
