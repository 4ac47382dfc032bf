"""How fast requests may go to one API server, when the provider's arguments bound it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

READ_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Limits:
    """Bounds of ``kubeClientSettings``. Without them the API server's own priority and fairness decides."""

    rate: float = 0.0
    """Requests a second in the long run; 0 for no bound."""
    burst: int = 1
    """Requests that may go at once before ``rate`` holds."""
    timeout: float = READ_SECONDS
    """Seconds to wait for the answer to one request."""


class Pace:
    """Tells each request of any thread how long to wait before it goes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._free_at = 0.0

    def reserve(self, now: float | None = None) -> float:
        """Take the next place and return how many seconds it is away; ``now`` is on the monotonic clock."""
        if not self._limits.rate:
            return 0.0
        now = time.monotonic() if now is None else now
        with self._lock:
            earliest = now - (self._limits.burst - 1) / self._limits.rate
            place = max(self._free_at, earliest)
            self._free_at = place + 1 / self._limits.rate
        return max(0.0, place - now)
