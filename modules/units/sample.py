"""Made-up lists of units with the shape of the real ones: as many of each kind, as uneven, with names that repeat.

For tests, benchmarks and trials on machines that do not have the real lists.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from typing import Final

from modules.units.era import Era, KindRule

FIRST: Final = (  # noqa: SIM905
    "An Bình Cẩm Châu Đại Đắk Điện Đông Đồng Đức Gia Giao Hà Hải Hòa Hoàng Hồng Hưng Khánh Kim Krông Lạc Long Lương "
    "Minh Mỹ Nam Nga Nghĩa Ngọc Nhơn Ninh Phú Phước Quảng Sơn Tam Tân Tây Thạch Thanh Thạnh Thiện Thọ Thuận Thượng "
    "Tiên Trà Trung Tường Văn Vạn Việt Vĩnh Xuân Yên Ea Ia Mường Nậm"
).split()
"""What names of places begin with."""
LAST: Final = (  # noqa: SIM905
    "An Bắc Bình Cường Châu Chính Đạo Điền Định Đông Giang Hà Hải Hạnh Hậu Hiệp Hoà Hội Hùng Hưng Khê Lâm Lập Lễ Lĩnh "
    "Lộc Lợi Long Lũng Lương Mai Mỹ Nam Nghĩa Ngãi Nguyên Nhân Ninh Phong Phú Phước Quang Quế Sơn Tâm Tân Tây Tiến "
    "Thạch Thái Thành Thắng Thịnh Thọ Thủy Trạch Trung Trường Tú Vân Viên Vinh Xá Xuân Ý Yên M'gar Đrăng H'leo 1 2 3"
).split()
"""What they end with."""


def listing(era: Era, seed: int = 0) -> str:
    """Return a list of units in CSV with the counts of the era; the same seed gives the same text."""
    chance = random.Random(seed)  # noqa: S311
    written = io.StringIO(newline="")
    columns = era.columns
    table = csv.writer(written, lineterminator="\n")
    table.writerow([columns.code, columns.name, columns.kind, columns.parent])
    codes: dict[str, list[str]] = {}
    for rule in era.kinds:
        above = [code for kind in rule.under for code in codes.get(kind, [])]
        parents = [""] * rule.count if rule.top else _parents(above, rule, chance)
        codes[rule.kind] = [f"{number:0{rule.digits or 1}}" for number in range(1, len(parents) + 1)]
        for code, parent in zip(codes[rule.kind], parents, strict=True):
            table.writerow([code, _name(rule, chance), rule.kind, parent])
    return written.getvalue()


def _parents(above: Sequence[str], rule: KindRule, chance: random.Random) -> list[str]:
    """Give each unit of a kind a unit above it: one of these has the most, each of the others one at least."""
    if not above:
        return []
    largest = chance.choice(above)
    room = {code: rule.most if code == largest else 1 for code in above}
    others = [code for code in above if code != largest]
    weights = [chance.uniform(1, 3) for _ in others]
    while (left := rule.count - sum(room.values())) > 0 and others:
        for code in chance.choices(others, weights, k=left):
            room[code] = min(room[code] + 1, rule.most)
        if all(room[code] == rule.most for code in others):
            break
    return [code for code in above for _ in range(room[code])]


def _name(rule: KindRule, chance: random.Random) -> str:
    word = chance.choice(rule.words) if rule.words else ""
    return f"{word} {chance.choice(FIRST)} {chance.choice(LAST)}".strip()
