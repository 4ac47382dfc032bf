"""What a deny by packets rests on: first they pass, then they do not, and both are noted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conformance import network
from conformance.network import Path
from conformance.plugin import EvidenceBook
from core.errors import KitError


def prove_open(paths: Sequence[Path], why: str, evidence: EvidenceBook) -> None:
    """Show that the paths carry packets; without that, a deny on them would mean nothing."""
    answers = network.settle(paths, is_open=True, within=network.OPEN_WITHIN)
    evidence.add(why, network.summary(answers, "\n"))
    if any(answer != "open" for answer in answers.values()):
        raise KitError(f"no packet passed while allowed, so a deny proves nothing: {network.summary(answers)}")


def prove_closed(paths: Sequence[Path], why: str, evidence: EvidenceBook) -> None:
    """Show that the paths carry nothing, all of them at the same time."""
    answers = network.settle(paths, is_open=False, within=network.CLOSED_WITHIN)
    evidence.add(why, network.summary(answers, "\n"))
    passed = [str(path) for path, answer in answers.items() if answer == "open"]
    if passed:
        pytest.fail(f"{why}, and packets pass: {'; '.join(passed)}", pytrace=False)
