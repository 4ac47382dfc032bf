"""The names that follow from a unit's key and its name: for stacks, namespaces and DNS.

The key alone makes them unique and keeps them stable; the name makes them readable. Diacritics are folded with the
tables of Unicode in the standard library, which hold every Vietnamese letter but ``đ``: the packages that do more
do it for other scripts.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from modules.labels import NAME_LIMIT
from modules.model import SHORT_LIMIT
from modules.units.key import UnitKey

_APART = re.compile(r"[^a-z0-9]+")
_SILENT = str.maketrans({"đ": "d", "'": None, "’": None, "ʼ": None})


def fold(text: str) -> str:
    """Return a text in a-z, 0-9 and single hyphens; '' where nothing can be kept. NFC and NFD give the same."""
    bare = "".join(it for it in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(it))
    return _APART.sub("-", bare.translate(_SILENT)).strip("-")


def short_name(name: str, words: Iterable[str] = ()) -> str:
    """Return a short name of 1 to 20 characters: ``Phường Ba Đình`` gives ``ba-dinh``.

    ``words`` are what names of this kind begin with; the longest that fits is left out, unless only a number follows
    (``Phường 1`` gives ``phuong-1``). A long name loses words at its end; one with no letter that can be kept is
    called ``unit``.
    """
    whole = fold(name)
    begins = sorted((fold(word) for word in words), key=len, reverse=True)
    rest = next((whole.removeprefix(f"{it}-") for it in begins if whole.startswith(f"{it}-")), whole)
    chosen = whole if rest.replace("-", "").isdigit() else rest
    if len(chosen) > SHORT_LIMIT:
        cut = chosen[: SHORT_LIMIT + 1].rpartition("-")[0]
        chosen = cut or chosen[:SHORT_LIMIT]
    return chosen or "unit"


def slug(short: str, key: UnitKey) -> str:
    """Return the name of a unit's stack, its DNS label and the start of its names: 38 characters at most.

    Codes hold no hyphen and dates six digits, so two keys never give one slug, whatever the short names are.
    """
    return f"{short}-{key.code.lower()}-{key.effective:%y%m%d}"


def namespace(unit: str, system: str, zone: str = "") -> str:
    """Return the name of the namespace of a system, or of one of its zones, of the unit with this slug."""
    return fit("-".join(part for part in ("agc", unit, system, zone) if part))


def fit(name: str) -> str:
    """Return a name of 63 characters at most: a longer one keeps its start and ends with a digest of the whole."""
    if len(name) <= NAME_LIMIT:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: NAME_LIMIT - 9].rstrip('-')}-{digest}"
