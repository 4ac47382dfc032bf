"""The one way in which tests wait: until something holds, with a limit that a busy machine keeps too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(ask: Callable[[], T], what: str = "this", seconds: float = 60, *, pause: float = 0.1) -> T:
    """Ask again until the answer is true and return it; fail with the name of what did not come in time."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
    return answer
