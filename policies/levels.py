"""At which level objects are judged, and judging each at its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modules import labels
from policies.judge import Finding, judge_all, judge_stack, place
from policies.packs import Entry
from policies.rules import StackRule, about
from policies.stack_rules.objects import label, name, namespace, of_kind
from policies.unknown import UNKNOWN


class Levels:
    """The level at which each of some objects is judged: that of its namespace, or the least where it has none."""

    def __init__(self, least: int, manifests: Sequence[Mapping[str, Any]]) -> None:
        spaces = of_kind(manifests, "v1", "Namespace")
        self.least = least
        self.unknown = [it for it in spaces if UNKNOWN in (name(it), label(it, labels.SECURITY_LEVEL))]
        """Namespaces whose name or level is not known before the apply."""
        self._labelled = {name(it): _level(label(it, labels.SECURITY_LEVEL)) for it in spaces}

    def of(self, manifest: Mapping[str, Any]) -> int:
        """Return the level of an object; a namespace lies in itself."""
        own = (manifest.get("apiVersion"), manifest.get("kind")) == ("v1", "Namespace")
        return max(self.least, self._labelled.get(name(manifest) if own else namespace(manifest), 0))


def judge_at(rules: Iterable[Entry], least: int, manifests: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Judge objects, which together are a stack or a cluster, each by the rules that hold at its level.

    Where the level of a namespace is not known yet, a rule that does not hold at the least level is undecided.
    """
    levels, chosen = Levels(least, manifests), list(rules)
    at: dict[int, list[Mapping[str, Any]]] = {}
    for manifest in manifests:
        at.setdefault(levels.of(manifest), []).append(manifest)
    findings: list[Finding] = []
    for level, objects in sorted(at.items()):
        single = [it for it in chosen if not isinstance(it, StackRule) and level in about(it).levels]
        findings += judge_all(single, objects)
    by_place = {place(manifest): level for level, objects in at.items() for manifest in objects}
    for rule in chosen:
        if isinstance(rule, StackRule):
            findings += [it for it in judge_stack(rule, manifests) if by_place[it.place] in rule.levels]
    for entry in chosen:
        known = about(entry)
        for space in levels.unknown if least not in known.levels else ():
            said = "the level of the namespace is not known yet"
            findings.append(Finding(known, known.requirements, place(space), said, "", "", undecided=True))
    return findings


def _level(value: Any) -> int:
    return int(value) if value in ("1", "2", "3", "4", "5") else 0
