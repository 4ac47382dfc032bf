"""A picture of the address plan: each national prefix as rows of a page, each block at its place in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from modules.addresses.blocks import BITS, Block
from modules.addresses.ledger import Ledger, Quarantine

_WIDTH: Final = 1024
_MARGIN: Final = 190
_MOST_CELLS: Final = 15
"""A view is divided into 2^15 cells at most; smaller blocks take a part of a cell."""
_HUES: Final = (212, 28, 150, 280, 340, 60, 100, 190)
_STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: var(--ink) } .h { font-size: 20px; font-weight: 600 }
.p { font-size: 15px; font-weight: 600 } .a { font: 10px ui-monospace, monospace; fill: var(--dim) }
svg { --page: #fff; --ink: #1b1f24; --dim: #5b6570; --free: #eef1f4; --line: #fff; --tone: 46% }
.page { fill: var(--page) } .free { fill: var(--free) } .b { stroke: var(--line); stroke-width: .6 }
.q { fill: url(#quarantine); stroke: var(--dim); stroke-width: .4 } .n { font-size: 10px; fill: #fff }
@media (prefers-color-scheme: dark) {
  svg { --page: #14171a; --ink: #e8eaed; --dim: #98a2ad; --free: #23282d; --line: #14171a; --tone: 58% } }
"""


def draw(ledger: Ledger) -> str:
    """Return the diagram as SVG. It opens without a network, in light and dark."""
    lengths = sorted({block.length for family in (6, 4) for block, _ in ledger.blocks(family)})
    colours = {length: _HUES[place % len(_HUES)] for place, length in enumerate(lengths)}
    parts: list[str] = []
    y = 70
    for family in (6, 4):
        for prefix in ledger.prefixes.of(family):
            inside = [(block, unit) for block, unit in ledger.blocks(family) if prefix.holds(block)]
            drawn, height = _section(prefix, inside, ledger, y)
            parts += drawn
            y += height
    style = _STYLE + "".join(f".l{it} {{ fill: hsl({hue} 55% var(--tone)) }}" for it, hue in colours.items())
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_MARGIN + _WIDTH + 30} {y}" role="img">'
        f"<title>Addresses of the state</title><style>{style}</style>"
        '<defs><pattern id="quarantine" width="5" height="5" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="2.5" height="5" fill="#8a939c"/></pattern></defs>'
        f'<rect class="page" width="100%" height="{y}"/>'
        f'<text class="h" x="20" y="36">Addresses of the state: {len(ledger.units):,} units</text>'
    )
    return f"{head}\n" + "\n".join([*parts, "</svg>"]) + "\n"


def _section(prefix: Block, inside: Sequence[tuple[Block, str]], ledger: Ledger, top: int) -> tuple[list[str], int]:
    """Draw one national prefix: a heading, a legend, the rows. Returns the drawing and its height."""
    used = sum(block.size for block, _ in inside)
    view = _view(prefix, [block for block, _ in inside])
    longest = max((block.length for block, _ in inside), default=view.length)
    depth = min(longest - view.length, _MOST_CELLS)
    rows, columns = 1 << depth // 2, 1 << depth - depth // 2
    height = 16 if rows <= 32 else 7
    shown = "" if view == prefix else f"; shown is {view}, outside which all is free"
    parts = [
        _text(20, top, "p", f"IPv{prefix.family} {prefix}: {used / prefix.size:.1%} given out{shown}"),
        *_legend([block for block, _ in inside], ledger.quarantined, top + 22),
        f'<rect class="free" x="{_MARGIN}" y="{top + 36}" width="{_WIDTH}" height="{rows * height}"/>',
    ]
    row_size = view.size // rows
    every = max(1, rows // 16)
    for row in range(0, rows, every):
        address = Block(view.family, view.start + row * row_size, BITS[view.family] - row_size.bit_length() + 1)
        parts.append(_text(20, top + 36 + row * height + min(height, 9), "a", str(address)))
    grid = _Grid(view, row_size, columns, top + 36, height)
    for block, unit in inside:
        parts += grid.block(block, unit, ledger.quarantined.get(block))
    return parts, 36 + rows * height + 50


class _Grid:
    """Where in a section an address is drawn."""

    def __init__(self, view: Block, row_size: int, columns: int, top: int, height: int) -> None:
        self.view, self.row_size, self.columns, self.top, self.height = view, row_size, columns, top, height

    def block(self, block: Block, unit: str, kept: Quarantine | None) -> Iterator[str]:
        """Draw one block: a part of a row, or whole rows."""
        offset = block.start - self.view.start
        row, within = divmod(offset, self.row_size)
        x = _MARGIN + within * _WIDTH / self.row_size
        y = self.top + row * self.height
        width = min(block.size, self.row_size) * _WIDTH / self.row_size
        height = max(block.size // self.row_size, 1) * self.height
        state = f"in quarantine until {kept.until}, last {unit}" if kept else unit
        yield (
            f'<rect class="{"q" if kept else f"b l{block.length}"}" x="{x:g}" y="{y}" width="{width:g}" '
            f'height="{height}"><title>{escape(f"{block} {state}")}</title></rect>'
        )
        if not kept and width > 90 and height >= 12:
            yield _text(x + 4, y + height / 2 + 4, "n", unit)


def _view(prefix: Block, blocks: Sequence[Block]) -> Block:
    """Return the smallest prefix that holds all blocks: most of a national prefix is free."""
    view = prefix
    while blocks and view.length < min(block.length for block in blocks):
        half = Block(view.family, view.start, view.length + 1)
        if not all(half.holds(block) for block in blocks):
            break
        view = half
    return view


def _legend(blocks: Sequence[Block], quarantined: Mapping[Block, object], y: float) -> Iterator[str]:
    x = _MARGIN
    counts = Counter(block.length for block in blocks if block not in quarantined)
    for length, count in sorted(counts.items()):
        yield f'<rect class="b l{length}" x="{x}" y="{y - 10}" width="12" height="12"/>'
        yield _text(x + 17, y, "", f"/{length}: {count:,}")
        x += 110
    if kept := sum(block in quarantined for block in blocks):
        yield f'<rect class="q" x="{x}" y="{y - 10}" width="12" height="12"/>'
        yield _text(x + 17, y, "", f"in quarantine: {kept:,}")


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(text)}</text>'
