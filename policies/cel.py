"""CEL expressions, compiled and evaluated so that the answer is the API server's.

The engine here is the C++ one, in this process. What is known to differ from Kubernetes' own is refused when a rule
is loaded (see docs/adr/0007-policy-rules.md), and what an expression may read is known from its text, so that a
value which is unknown during a preview is never mistaken for one that is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from cel_expr_python import cel  # type: ignore[import-untyped] # its stubs lack the marker py.typed
from cel_expr_python.ext import ext_strings  # type: ignore[import-untyped] # the same

_AGREED: Final = frozenset(
    {"all", "contains", "dyn", "endsWith", "exists", "exists_one", "filter", "has", "in", "int", "join", "map"}
    | {"matches", "size", "startsWith", "string"}
)
"""Functions and macros for which both engines were compared and agree."""
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_OPEN_MAPS: Final = frozenset(
    {"annotations", "data", "hard", "labels", "limits", "matchLabels", "nodeSelector", "requests", "selector"}
    | {"stringData"}
)
"""Fields whose members any name may have: an expression can read these without naming them."""

_ENVIRONMENT: Final = cel.NewEnv(variables={"object": cel.Type.DYN}, extensions=[ext_strings.ExtStrings()])

Path = tuple[str, ...]


class ExpressionError(ValueError):
    """An expression that cannot be used in a rule."""


@dataclass(frozen=True)
class Answer:
    """What an expression gave: ``value``, or ``error`` when it could not be evaluated."""

    value: Any = None
    error: str = ""


class Expression:
    """A compiled expression over ``object``.

    ``variables`` are earlier expressions that the text may use as ``variables.NAME``. Raises ExpressionError.
    """

    def __init__(self, text: str, variables: Mapping[str, str] | None = None) -> None:
        self.text = expand(text, variables or {})
        bare = _TEXT.sub("''", self.text)
        if strange := sorted(set(_CALL.findall(bare)) - _AGREED):
            agreed = ", ".join(sorted(_AGREED))
            raise ExpressionError(f"uses {', '.join(strange)}(), not shown to agree with Kubernetes; shown: {agreed}")
        try:
            self._compiled = _ENVIRONMENT.compile(self.text)
        except RuntimeError as error:
            raise ExpressionError(str(error).removeprefix("INVALID_ARGUMENT: ERROR: <input>:").strip()) from error

    def evaluate(self, manifest: Mapping[str, Any]) -> Answer:
        """Evaluate it on a normalised manifest. An error of the evaluation is an answer, never a pass."""
        result = self._compiled.eval(data={"object": manifest})
        if result.type() == cel.Type.ERROR:
            return Answer(error=str(result.value()))
        return Answer(value=result.plain_value())

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_WORD.findall(self.text))

    def may_read(self, path: Path) -> bool:
        """Tell whether its answer could depend on the value at ``path`` (names only, without list positions).

        To read a value an expression must name every field on the way to it, save inside maps with free names.
        """
        for name in path:
            if name not in self._words:
                return False
            if name in _OPEN_MAPS:
                return True
        return True


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Put each variable's own expression in the place of ``variables.NAME``."""

    def expression(match: re.Match[str]) -> str:
        try:
            return f"({variables[match[1]].strip()})"
        except KeyError:
            raise ExpressionError(f"uses variables.{match[1]}, which is not defined above it") from None

    return re.sub(r"\bvariables\.([A-Za-z_][A-Za-z0-9_]*)", expression, text.strip())


def normalise(value: Any) -> Any:
    """Bring a manifest into the form the API server judges: no nulls, and whole numbers as integers."""
    if isinstance(value, Mapping):
        return {str(key): normalise(item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [normalise(item) for item in value if item is not None]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class Unknown:
    """Stands in a manifest for a value that is not known before the apply."""


UNKNOWN: Final = Unknown()


def unknown_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Find the places of unknown values: names of fields only, without list positions."""
    if value is UNKNOWN:
        yield path
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from unknown_paths(item, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from unknown_paths(item, path)


def without_unknowns(value: Any) -> Any:
    """Leave unknown values out, for an expression that cannot read them."""
    if isinstance(value, Mapping):
        return {key: without_unknowns(item) for key, item in value.items() if item is not UNKNOWN}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [without_unknowns(item) for item in value if item is not UNKNOWN]
    return value
