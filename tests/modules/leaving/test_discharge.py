"""A unit that has left gives what it had of the budgets above it back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from modules.onboarding import register
from modules.onboarding.budgets import Share
from modules.onboarding.register import Entry
from modules.quantities import Amounts

ONE = Amounts(1000, 2**30, 2**30, 10)


def entry(key: str, parent: str | None, share: Share) -> Entry:
    return Entry(
        key=key,
        stack=key,
        kind="other",
        parent=parent,
        file="f",
        state="applied",
        cluster="c",
        kubeconfig="k",
        share=share,
    )


def test_budget_above_has_room_again(tmp_path: Path) -> None:
    """Up to the nearest unit with a budget, nobody counts the leaver any more; others' shares stay."""
    top = Share(needs=ONE, budget=ONE + ONE + ONE, below={"mid": ONE + ONE})
    mid = Share(below={"leaver": ONE, "stays": ONE})
    for made in (
        entry("top", None, top),
        entry("mid", "top", mid),
        entry("leaver", "mid", Share(needs=ONE)),
        entry("stays", "mid", Share(needs=ONE)),
    ):
        register.write(tmp_path, made)
    register.discharge(tmp_path, "leaver")
    shares = {it.key: it.share for it in register.every(tmp_path)}
    assert set(shares) == {"top", "mid", "stays"}
    assert dict(shares["mid"].below) == {"stays": ONE}
    assert dict(shares["top"].below) == {"mid": ONE}
    register.discharge(tmp_path, "leaver")
    assert {it.key: it.share for it in register.every(tmp_path)} == shares


def test_what_others_record_meanwhile_is_kept(tmp_path: Path) -> None:
    """Units leave while the one above them is applied: neither loses what the other wrote."""
    leavers = [f"leaver-{number}" for number in range(30)]
    register.write(tmp_path, entry("top", None, Share(below=dict.fromkeys([*leavers, "stays"], ONE))))
    for key in leavers:
        register.write(tmp_path, entry(key, "top", Share(needs=ONE)))

    def leave() -> None:
        for key in leavers:
            register.discharge(tmp_path, key)

    def work() -> None:
        for number in range(1, 61):
            register.update(tmp_path, "top", resources=number)
            known = register.read(tmp_path, "top")
            assert known
            assert known.resources == number

    with ThreadPoolExecutor(max_workers=2) as pool:
        for run in [pool.submit(leave), pool.submit(work)]:
            run.result()
    (top,) = register.every(tmp_path)
    assert dict(top.share.below) == {"stays": ONE}
