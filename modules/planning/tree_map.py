"""A map of the tree of units for people: a card for each unit at the top, a tile for each one below it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import jinja2

from modules.planning.national import NationalPlan, PlannedUnit

_TEMPLATES: Final = Path(__file__).parent / "templates"
_COLUMNS: Final = 4
_CARD: Final = 300
"""Width of a card in the SVG, in pixels; as everything here."""
_TILE: Final = 12
_ACROSS: Final = (_CARD - 24) // _TILE
_STYLE: Final = """
text { font: 11px system-ui, sans-serif; fill: var(--dim) } .h { font-size: 22px; font-weight: 600; fill: var(--ink) }
.n { font-size: 13px; font-weight: 600; fill: var(--ink) }
svg { --page: #f5f7f9; --card: #fff; --ink: #1b2430; --dim: #5a6675;
  --dual: #2b6cb0; --single: #38a3a5; --none: #c0262d }
.page { fill: var(--page) } .card { fill: var(--card) }
.dual { fill: var(--dual) } .single { fill: var(--single) } .none { fill: var(--none) }
@media (prefers-color-scheme: dark) { svg { --page: #11161b; --card: #1b222a; --ink: #e6eaee; --dim: #9aa7b4;
  --dual: #6ba6e0; --single: #63c7c4; --none: #f07178 } }
"""
STATES: Final[Mapping[str, str]] = {"dual": "IPv4 and IPv6", "single": "IPv6 alone", "none": "cannot be placed"}


@dataclass(frozen=True)
class Group:
    """Units of a card that stand under the same one."""

    head: PlannedUnit
    tiles: Sequence[PlannedUnit]
    """Those right under it that have none below them."""


@dataclass(frozen=True)
class Card:
    """A unit at the top, and all below it."""

    top: PlannedUnit
    groups: Sequence[Group]

    @property
    def counts(self) -> str:
        """How many of each kind are below it, in words."""
        inner = [group.head for group in self.groups if group.head is not self.top]
        kinds = Counter(unit.kind for unit in [*inner, *(tile for group in self.groups for tile in group.tiles)])
        return ", ".join(f"{count:,} {_many(kind, count)}" for kind, count in kinds.items())


def state(unit: PlannedUnit) -> str:
    """Return which of the states a unit is in."""
    if not unit.cluster:
        return "none"
    return "dual" if unit.ipv4 else "single"


def cards(plan: NationalPlan) -> list[Card]:
    """Return the units as the map shows them, in the order of the plan."""
    known = {unit.key for unit in plan.units}
    below: dict[str | None, list[PlannedUnit]] = {}
    for unit in plan.units:
        below.setdefault(unit.parent if unit.parent in known else None, []).append(unit)

    def groups(head: PlannedUnit) -> Iterator[Group]:
        children = below.get(head.key, [])
        tiles = [unit for unit in children if unit.key not in below]
        if tiles:
            yield Group(head, tiles)
        for unit in children:
            if unit.key in below:
                yield from groups(unit)

    return [Card(top, tuple(groups(top))) for top in below.get(None, [])]


def summary(plan: NationalPlan) -> str:
    """Return what there is in all, in words."""
    kinds = Counter(unit.kind for unit in plan.units)
    namespaces = sum(cluster.namespaces for cluster in plan.clusters)
    parts = [f"{count:,} {_many(kind, count)}" for kind, count in kinds.items()]
    parts += [f"{len(plan.clusters):,} {_many('cluster', len(plan.clusters))}", f"{namespaces:,} namespaces"]
    return ", ".join(parts)


def html(plan: NationalPlan) -> str:
    """Return the map as one page that opens without a network, with a search and the facts of each unit."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["state"] = state
    places = {unit.key: place for place, unit in enumerate(plan.units)}
    template = environment.get_template("tree_map.html.j2")
    load = {cluster.cluster: cluster for cluster in plan.clusters}
    return template.render(
        cards=cards(plan), places=places, summary=summary(plan), states=STATES, load=load, facts=_facts(plan)
    )


def _facts(plan: NationalPlan) -> str:
    """Return what the page tells of each unit, as JSON that cannot end the element it stands in."""
    rows = []
    for it in plan.units:
        addresses = [str(block) for block in (*it.ipv6, *it.ipv4)]
        namespaces = sum(len(system.zones) for system in it.systems)
        rows.append([it.key, it.name, it.kind, it.stack, addresses, it.cluster, it.gateway, namespaces, it.reasons])
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def svg(plan: NationalPlan) -> str:
    """Return the map as one picture; a tile tells its unit when it is pointed at."""
    heights = [96.0] * _COLUMNS
    parts: list[str] = []
    for card in cards(plan):
        column = heights.index(min(heights))
        x, y = 20 + column * (_CARD + 14), heights[column]
        drawn, height = _card(card, x, y)
        parts += drawn
        heights[column] += height + 14
    width, height = 20 + _COLUMNS * (_CARD + 14) + 6, max(heights) + 10
    legend = "".join(
        f'<rect class="{name}" x="{20 + place * 130}" y="66" width="11" height="11" rx="2"/>'
        f'<text x="{36 + place * 130}" y="76">{words}</text>'
        for place, (name, words) in enumerate(STATES.items())
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"><title>Units of the state</title>'
        f'<style>{_STYLE}</style><rect class="page" width="100%" height="100%"/>'
        f'<text class="h" x="20" y="34">Units of the state</text>'
        f'<text x="20" y="54">{escape(summary(plan))}</text>{legend}'
    )
    return "\n".join([head, *parts, "</svg>\n"])


def _card(card: Card, x: float, y: float) -> tuple[list[str], float]:
    """Draw one card; returns the drawing and its height."""
    top, body, at = card.top, list[str](), y + 44.0
    for group in card.groups:
        if group.head is not top:
            body.append(_tile(group.head, x + 12, at))
            body.append(f'<text x="{x + 28:g}" y="{at + 9:g}">{escape(group.head.name)}</text>')
            at += 14
        for place, unit in enumerate(group.tiles):
            row, column = divmod(place, _ACROSS)
            body.append(_tile(unit, x + 12 + column * _TILE, at + row * _TILE))
        at += -(-len(group.tiles) // _ACROSS) * _TILE + 4
    height = at - y + 8
    head = [
        f'<rect class="card" x="{x:g}" y="{y:g}" width="{_CARD}" height="{height:g}" rx="8"/>',
        _tile(top, x + 12, y + 12),
        f'<text class="n" x="{x + 28:g}" y="{y + 22:g}">{escape(top.name)}</text>',
        f'<text x="{x + 12:g}" y="{y + 37:g}">{escape(f"{top.key}  {card.counts}")}</text>',
    ]
    return [*head, *body], height


def _tile(unit: PlannedUnit, x: float, y: float) -> str:
    addresses = ", ".join(str(block) for block in (*unit.ipv6, *unit.ipv4))
    title = escape(f"{unit.name} ({unit.key})\n{addresses}\n{unit.gateway or 'not placed'}")
    return (
        f'<rect class="{state(unit)}" x="{x:g}" y="{y:g}" width="{_TILE - 2}" height="{_TILE - 2}" rx="2">'
        f"<title>{title}</title></rect>"
    )


def _many(kind: str, count: int) -> str:
    if count == 1:
        return kind
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
