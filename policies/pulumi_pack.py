"""The rules of a pack as Pulumi's policies, and what they say of a resource and of a stack. Nothing is served here.

A rule that holds at the pack's level judges each resource before it is made. One that holds only at higher levels
judges the resources in namespaces to which the same program gives such a level, once all resources are known.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from google.protobuf.struct_pb2 import Struct

from core.errors import KitError
from policies import remediation, waivers
from policies.engine import engine
from policies.judge import Finding, judge_each, place
from policies.levels import judge_at
from policies.packs import Pack
from policies.pulumi_values import PROVIDER, identity, manifest_of, mended
from policies.rules import Compiled, about, shipped
from policies.waivers import Waiver


@dataclass(frozen=True)
class Policy:
    """A rule as Pulumi knows it, or what is to be told of waivers."""

    name: str
    title: str
    enforcement: str
    """``mandatory`` or ``advisory``, unless the user says otherwise."""
    severity: str = ""
    tags: tuple[str, ...] = ()
    of_stack: bool = True
    """True when it speaks once all resources are known; else of each resource before it is made."""

    @property
    def remediates(self) -> bool:
        """Tell whether it can mend what it refuses."""
        return not self.of_stack and self.name in remediation.REMEDIES


@dataclass(frozen=True)
class Said:
    """What a policy has to say; ``undecided`` is neither a violation nor a pass."""

    policy: str
    message: str
    undecided: bool = False
    urn: str = ""
    """The resource of a stack that it speaks of."""


_IN_FORCE = Policy("waivers-in-force", "Violations that somebody answers for", "advisory")
_VALID = Policy("waivers-valid", "No waiver is past its day, and each frees something", "mandatory")


def waived() -> tuple[Waiver, ...]:
    """Read the waivers that the environment names. Raises KitError when they cannot be used."""
    path = Path(os.environ.get(waivers.VARIABLE, ""))
    if path == Path():
        return ()
    if not path.is_absolute():  # the engine starts a pack in the folder of the pack
        raise KitError(
            f"{waivers.VARIABLE}: {path} is not an absolute path", f'export {waivers.VARIABLE}="$PWD/{path}"'
        )
    return waivers.read(path, [about(it).id for it in shipped()])


class Policies:
    """The policies of a pack."""

    def __init__(self, pack: Pack, given: Sequence[Waiver] = ()) -> None:
        self.pack = pack
        self._given = given
        entries = pack.rules(shipped())
        self._single = [it for it in entries if isinstance(it, Compiled) and pack.level in it.rule.levels]
        singles = {it.rule.id for it in self._single}
        self._across = [it for it in entries if about(it).id not in singles]
        self._by_kind: dict[tuple[str, str], list[Compiled]] = {}
        for rule in self._single:
            for kind in rule.kinds:
                self._by_kind.setdefault(kind, []).append(rule)
        rules = [about(it) for it in entries]
        made = [
            Policy(it.id, it.title, it.enforcement, it.severity, it.requirements, it.id not in singles) for it in rules
        ]
        self.by_name = {it.name: it for it in [*made, *((_IN_FORCE, _VALID) if given else ())]}

    def load(self) -> None:
        """Have the engine compile the rules. Raises KitError for a rule that the API server would not take."""
        engine().load(self._single)

    def of_resource(self, resource_type: str, properties: Struct) -> Iterator[Said]:
        """Judge a resource before it is made."""
        api, kind = identity(resource_type)
        if rules := self._by_kind.get((api, kind)):
            (findings,) = judge_each(rules, [manifest_of(resource_type, properties)])
            yield from self._told(findings)
        elif rules := self._by_kind.get((api, kind.removesuffix("Patch"))):
            where = place(manifest_of(resource_type, properties))
            wait = f"{where} changes a part of an object; the whole is judged at admission"
            waiting = [it.rule for it in rules]
            yield from self._told(Finding(it, it.requirements, where, wait, "", "", undecided=True) for it in waiting)

    def of_stack(self, resources: Iterable[tuple[str, str, Struct]]) -> Iterator[Said]:
        """Judge all resources of a stack together, each given by its URN, type and properties."""
        objects = [(urn, manifest_of(kind, inputs)) for urn, kind, inputs in resources if kind.startswith(PROVIDER)]
        manifests = [manifest for _, manifest in objects]
        urns = {place(manifest): urn for urn, manifest in objects}
        yield from self._told(judge_at(self._across, self.pack.level, manifests), urns)
        if self._given:
            yield from self._told_of_waivers(manifests)

    def remedied(self, resource_type: str, properties: Struct, asked: Collection[str]) -> Iterator[tuple[str, Struct]]:
        """Mend a resource by those of the policies that are asked for, one after the other, as far as they apply."""
        for rule in self._by_kind.get(identity(resource_type), ()) if asked else ():
            remedy = remediation.REMEDIES.get(rule.rule.id) if rule.rule.id in asked else None
            if remedy and (changes := list(remedy(manifest_of(resource_type, properties)))):
                properties = mended(properties, changes)
                yield rule.rule.id, properties

    def _told(self, findings: Iterable[Finding], urns: Mapping[str, str] = MappingProxyType({})) -> Iterator[Said]:
        """Tell what nobody waived; whether the waivers are good, another policy says."""
        for it in waivers.apply(self._given, findings, waivers.today()).open if self._given else findings:
            yield Said(it.rule.id, str(it), it.undecided, urns.get(it.place, ""))

    def _told_of_waivers(self, manifests: Sequence[Mapping[str, Any]]) -> Iterator[Said]:
        """Say at every run what is waived, and refuse waivers that do not hold."""
        named = {it.rule for it in self._given}
        entries = [it for it in self.pack.rules(shipped()) if about(it).id in named]
        ids = {about(it).id for it in entries}
        places = {place(it) for it in manifests}
        made = {it["metadata"].get("name") for it in manifests if it["kind"] == "Namespace" and "metadata" in it}

        def concerns(waiver: Waiver) -> bool:
            return waiver.rule in ids and (waiver.resource in places or waiver.namespace in made)

        findings = judge_at(entries, self.pack.level, manifests)
        outcome = waivers.apply(self._given, findings, waivers.today(), concerns)
        freed = list(dict.fromkeys(waiver for waiver, _ in outcome.waived))
        for number, waiver in enumerate(freed, 1):
            yield Said(_IN_FORCE.name, f"{number} of {len(freed)}: {waiver}")
        for mistake in outcome.mistakes:
            yield Said(_VALID.name, str(mistake))
