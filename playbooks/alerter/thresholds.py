"""From what quotas say to alerts: which thresholds are crossed, and what is to be told of it. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

Key = tuple[str, str, int]
"""A namespace, a resource as its quota names it, and a threshold in per cent."""

FIRING, RESOLVED = "firing", "resolved"
RECEIVER = "tenant"
SEVERITIES = ("info", "warning", "critical")
"""From the lowest threshold up; whatever is above is as bad as the last."""
NOT_ENDED = "0001-01-01T00:00:00Z"
"""What Alertmanager gives as the end of an alert that goes on."""
_QUANTITY = re.compile(r"^([+-]?[0-9.]+)(?:([eE][+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)$")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


@dataclass(frozen=True)
class Standing:
    """A threshold that is crossed: since when, and whether that was told."""

    since: datetime
    told: bool


def quantity(text: str) -> Decimal:
    """Return a quantity of Kubernetes as a number. Raises ValueError."""
    found = _QUANTITY.match(text)
    if not found:
        raise ValueError(f"not a quantity: {text!r}")
    number, exponent, suffix = found.groups()
    if exponent:
        return Decimal(number + exponent)
    if suffix in _BINARY:
        return Decimal(number) * (1 << 10 * (_BINARY.index(suffix) + 1))
    return Decimal(number).scaleb(_DECIMAL[suffix or ""])


def shares(quotas: Iterable[Mapping[str, Any]], namespaces: Iterable[str]) -> dict[tuple[str, str], Decimal]:
    """Return how many per cent of a resource a namespace uses: where several quotas bound it, of the tightest."""
    wanted, found = set(namespaces), dict[tuple[str, str], Decimal]()
    for quota in quotas:
        namespace, status = quota["metadata"]["namespace"], quota.get("status") or {}
        if namespace not in wanted:
            continue
        for resource, text in (status.get("hard") or {}).items():
            hard, used = quantity(text), quantity((status.get("used") or {}).get(resource, "0"))
            if hard > 0:
                share = used * 100 / hard
                found[namespace, resource] = max(share, found.get((namespace, resource), share))
    return found


def crossed(found: Mapping[tuple[str, str], Decimal], thresholds: Sequence[int]) -> dict[Key, Decimal]:
    """Return every threshold that is reached, with how many per cent are in use."""
    return {
        (namespace, resource, threshold): share
        for (namespace, resource), share in sorted(found.items())
        for threshold in thresholds
        if share >= threshold
    }


def judge(
    known: Mapping[Key, Standing], over: Mapping[Key, Decimal], thresholds: Sequence[int], now: datetime, hold: float
) -> tuple[dict[Key, Standing], dict[Key, dict[str, Any]]]:
    """Return what is crossed from now on, and the alerts to tell.

    A threshold is told once, when it has been crossed for ``hold`` seconds, and once more when it no longer is.
    """
    standing: dict[Key, Standing] = {}
    told: dict[Key, dict[str, Any]] = {}
    for key, share in over.items():
        entry = known.get(key, Standing(now, told=False))
        if not entry.told and now - entry.since >= timedelta(seconds=hold):
            entry = replace(entry, told=True)
            told[key] = alert(key, thresholds, FIRING, entry.since, text=f"{share:.0f}% of it is in use")
        standing[key] = entry
    for key, entry in known.items():
        if key not in over and entry.told:
            told[key] = alert(key, thresholds, RESOLVED, entry.since, now, text="less than that is in use")
    return standing, told


def alert(
    key: Key, thresholds: Sequence[int], status: str, since: datetime, until: datetime | None = None, *, text: str
) -> dict[str, Any]:
    """Return an alert as Alertmanager's webhook has it."""
    namespace, resource, threshold = key
    return {
        "status": status,
        "labels": {
            "alertname": "QuotaInUse",
            "severity": SEVERITIES[min(sorted(thresholds).index(threshold), len(SEVERITIES) - 1)],
            "namespace": namespace,
            "resource": resource,
            "threshold": str(threshold),
        },
        "annotations": {"summary": f"{resource} of namespace {namespace}, {threshold}% of its quota: {text}"},
        "startsAt": since.isoformat(),
        "endsAt": until.isoformat() if until else NOT_ENDED,
        "generatorURL": "",
    }


def message(alerts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what Alertmanager's webhook sends (version 4) for some alerts."""
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "receiver": RECEIVER,
        "status": FIRING if any(it["status"] == FIRING for it in alerts) else RESOLVED,
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }
