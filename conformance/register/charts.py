"""The register's charts as inline SVG. Each stands beside a table with the same figures, for who cannot see it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from markupsafe import Markup

from conformance.register.entries import Cloud, Holding
from conformance.results import WORST_FIRST

WIDTH, NAMES, ROW = 960, 260, 30
COLOURS = {"valid": "#1a7040", "ended": "#4d5866", "revoked": "#b3202a", "upcoming": "#2b5f9e"}
_AXIS = 26
_BAR_HEIGHT = 160
_YEAR = Markup(
    '<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" stroke="#d3dae2"/><text x="{0:.1f}" y="14">{3}</text>'
)
_NAME = Markup('<text x="0" y="{}">{}</text>')
_SPAN = Markup('<rect x="{:.1f}" y="{}" width="{:.1f}" height="{}" rx="3" fill="{}"/>')
_TODAY = Markup('<line x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}" stroke="#1b2430" stroke-dasharray="4 3"/>')
_BAR = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" style="fill: var(--{})"/>')
_LABEL = Markup('<text x="{:.1f}" y="{}">{}</text>')
_SVG = Markup('<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-labelledby="{2}">{3}</svg>')
_COLOUR_NAMES = {"NOT_APPLICABLE": "na"}


def timeline(held: Sequence[tuple[Cloud, Holding]], today: dt.date, name: Markup) -> Markup:
    """Draw a line a certificate, from its first day to its last, and the day of the register."""
    first = min([today, *(holding.certificate.start for _, holding in held)]) - dt.timedelta(days=10)
    last = max([today, *(holding.certificate.until for _, holding in held)]) + dt.timedelta(days=10)

    def x(day: dt.date) -> float:
        return NAMES + (WIDTH - NAMES) * (day - first).days / (last - first).days

    height = _AXIS + ROW * len(held)
    parts = [
        _YEAR.format(x(dt.date(year, 1, 1)), _AXIS - 6, height, year) for year in range(first.year + 1, last.year + 1)
    ]
    for index, (cloud, holding) in enumerate(held):
        y, shown = _AXIS + ROW * index, holding.certificate
        begin, end = x(shown.start), x(shown.until)
        parts += [
            _NAME.format(y + ROW * 0.6, _short(f"{cloud.name} · {shown.level}")),
            _SPAN.format(begin, y + 6, max(end - begin, 2), ROW - 14, COLOURS[holding.state]),
        ]
    parts.append(_TODAY.format(x(today), _AXIS - 6, height))
    return _svg(WIDTH, height, name, parts)


def history(cloud: Cloud, name: Markup) -> Markup:
    """Draw a bar a run: the requirements by verdict, the worst at the top."""
    step = min(70, (WIDTH - 20) / max(len(cloud.entries), 1))
    parts = []
    for index, entry in enumerate(cloud.entries):
        run, left = entry.held.run, 10 + step * index
        total, y = max(len(run.requirements), 1), 8.0
        for verdict in WORST_FIRST:
            height = _BAR_HEIGHT * run.requirement_counts[verdict] / total
            if height:
                colour = _COLOUR_NAMES.get(verdict, verdict.lower())
                parts.append(_BAR.format(left, y, step * 0.7, height, colour))
            y += height
        parts.append(_LABEL.format(left, _BAR_HEIGHT + 26, f"{run.started:%d/%m/%y}" if step > 50 else index + 1))
    return _svg(int(20 + step * len(cloud.entries)), _BAR_HEIGHT + 36, name, parts)


def _svg(width: int, height: int, name: Markup, parts: Sequence[Markup]) -> Markup:
    return _SVG.format(width, height, name, Markup("").join(parts))


def _short(text: str) -> str:
    return text if len(text) <= 36 else text[:35] + "…"
