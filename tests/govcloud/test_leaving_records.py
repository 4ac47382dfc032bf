"""What becomes of the records when an agency leaves, while others are being applied."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from govcloud.offboarding.run import Offboarding
from modules.addresses import prefixes
from modules.leaving import journals
from modules.leaving.models import Journal, LeavingPlan, Place
from modules.onboarding import register
from modules.onboarding.budgets import Share
from modules.onboarding.register import Entry
from modules.planning import records
from modules.quantities import Amounts

ONE = Amounts(1000, 2**30, 2**30, 10)
LEAVER, ABOVE = "06688.2025-07-01", "22.2025-07-01"
TODAY = dt.date(2026, 3, 1)


class Gone:
    """Stacks and a cluster on which nothing of the leaver is left."""

    def exists(self, _stack: str) -> bool:
        """Tell that there is no stack."""
        return False

    def namespaces(self, _slug: str) -> list[str]:
        """Tell that there is no namespace."""
        return []


def entry(key: str, parent: str | None, share: Share) -> Entry:
    facts: dict[str, Any] = {"stack": key, "kind": "other", "file": "f", "cluster": "c", "kubeconfig": "k"}
    return Entry.model_validate({**facts, "key": key, "parent": parent, "state": "applied", "share": share})


def test_share_that_is_given_out_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A leave ends while another agency is being reserved: the leaver's share is gone, and the other's is there."""
    plan = LeavingPlan(
        unit=LEAVER,
        slug="leaver",
        production=False,
        namespaces=(),
        volumes=(),
        archive=Place(endpoint="", bucket="b", prefix="p"),
        archive_months=1,
        quarantine_days=0,
        users=(),
    )
    begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    journal = journals.write(tmp_path, Journal(plan=plan, phase="deleting", begun=begun, approved_by=("An", "Bình")))
    register.write(tmp_path, entry(ABOVE, None, Share(below={LEAVER: ONE})))
    register.write(tmp_path, entry(LEAVER, ABOVE, Share(needs=ONE)))
    tools = cast("Any", Gone())
    plans = prefixes.load()
    leave = Offboarding(tools, tools, tools, tools, tmp_path, plans)
    looked, left = Event(), Event()
    discharge = register.discharge

    def reserve() -> None:
        with records.changing(tmp_path, plans):
            above = register.read(tmp_path, ABOVE)
            assert above
            looked.set()
            left.wait(10)
            register.update(tmp_path, ABOVE, share=above.share.with_below("new", ONE))

    with ThreadPoolExecutor(max_workers=1) as pool:

        def discharge_meanwhile(folder: Path, key: str) -> None:
            runs.append(pool.submit(reserve))
            looked.wait(0.5)
            discharge(folder, key)
            left.set()

        runs: list[Future[None]] = []
        monkeypatch.setattr(register, "discharge", discharge_meanwhile)
        assert leave.delete(journal, TODAY).phase == "gone"
        runs[0].result()
    (above,) = register.every(tmp_path)
    assert dict(above.share.below) == {"new": ONE}
