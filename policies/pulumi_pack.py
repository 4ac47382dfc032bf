"""The rules as policies of Pulumi. The folders ``level-1`` and so on start them; here nothing starts.

A rule that holds at the pack's level judges each resource before it is made. One that holds only at higher levels
judges the resources in namespaces to which the same program gives such a level, once all resources are known.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
    proxy,
)

from core.errors import KitError
from policies import packs, pulumi_once, remediation, waivers
from policies.judge import Finding, Gate, place
from policies.levels import judge_at
from policies.packs import Entry, Pack
from policies.pulumi_values import PROVIDER, identity, manifest_of, raw
from policies.rules import Compiled, about, shipped
from policies.waivers import Waiver


class UndecidedError(proxy.UnknownValueError):  # type: ignore[misc] # the SDK is untyped
    """Tells the engine that a rule has to wait for the apply; it shows the message as a warning, never as a pass."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(proxy.UNKNOWN_OBJECT_VALUE, [])
        self.message = "; ".join(str(finding) for finding in findings)


def serve(name: str, provide: Callable[[], object]) -> None:
    """Serve a pack until the engine ends it; ``provide`` makes the rules' own engine known to this process.

    An error that a person can mend is shown as its message.
    """
    try:
        provide()
        made = policies(packs.find(name), waived())
    except KitError as error:
        sys.exit(f"policy pack {name}: {error}")
    pulumi_once.install()
    PolicyPack(f"government-cloud-{name}", made)


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


def policies(pack: Pack, given: Sequence[Waiver] = ()) -> list[Policy]:
    """Return the rules of a pack, each as one policy, and with waivers the two that speak of them.

    Raises KitError for a rule that the API server would not take.
    """
    entries = pack.rules(shipped())
    single = {id(it): it for it in entries if isinstance(it, Compiled) and pack.level in it.rule.levels}
    gate = Gate(list(single.values()))
    made: list[Policy] = [
        _resource_policy(single[id(it)], gate, given) if id(it) in single else _stack_policy(it, pack, given)
        for it in entries
    ]
    return [*made, *(_waiver_policies(pack, given) if given else ())]


def _resource_policy(compiled: Compiled, gate: Gate, given: Sequence[Waiver]) -> Policy:
    rule = compiled.rule
    remedy = remediation.REMEDIES.get(rule.id)

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        api, kind = identity(args.resource_type)
        if (api, kind) in compiled.kinds:
            _tell(gate.findings(compiled, manifest_of(args.resource_type, args.props)), given, report)
        elif (api, kind.removesuffix("Patch")) in compiled.kinds:
            where = place(manifest_of(args.resource_type, args.props))
            wait = f"{where} changes a part of an object; the whole is judged at admission"
            raise UndecidedError([Finding(rule, rule.requirements, where, wait, "", "", undecided=True)])

    def remediate(args: ResourceValidationArgs) -> Mapping[str, Any] | None:
        manifest = manifest_of(args.resource_type, args.props)
        changes = list(remedy(manifest)) if remedy and identity(args.resource_type) in compiled.kinds else []
        return remediation.remedied(raw(args.props), changes) if changes else None

    return ResourceValidationPolicy(validate=validate, remediate=remediate if remedy else None, **_about(rule))


def _stack_policy(entry: Entry, pack: Pack, given: Sequence[Waiver]) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        _tell(judge_at([entry], pack.level, _manifests(args)), given, report)

    return StackValidationPolicy(validate=validate, **_about(about(entry)))


def _waiver_policies(pack: Pack, given: Sequence[Waiver]) -> list[Policy]:
    """Return a policy that says at every run what is waived, and one that refuses waivers that do not hold."""
    named = {it.rule for it in given}
    entries = [it for it in pack.rules(shipped()) if about(it).id in named]
    ids = {about(it).id for it in entries}

    def outcome(args: StackValidationArgs) -> waivers.Outcome[Finding]:
        manifests = _manifests(args)
        findings = judge_at(entries, pack.level, manifests)
        places = {place(it) for it in manifests}
        made = {it["metadata"].get("name") for it in manifests if it["kind"] == "Namespace" and "metadata" in it}

        def concerns(waiver: Waiver) -> bool:
            return waiver.rule in ids and (waiver.resource in places or waiver.namespace in made)

        return waivers.apply(given, findings, waivers.today(), concerns)

    def show(args: StackValidationArgs, report: ReportViolation) -> None:
        freed = list(dict.fromkeys(waiver for waiver, _ in outcome(args).waived))
        for number, waiver in enumerate(freed, 1):
            report(f"{number} of {len(freed)}: {waiver}", None)

    def refuse(args: StackValidationArgs, report: ReportViolation) -> None:
        for mistake in outcome(args).mistakes:
            report(str(mistake), None)

    return [
        StackValidationPolicy(
            name="waivers-in-force",
            description="Violations that somebody answers for",
            validate=show,
            enforcement_level=EnforcementLevel.ADVISORY,
        ),
        StackValidationPolicy(
            name="waivers-valid",
            description="No waiver is past its day, and each frees something",
            validate=refuse,
            enforcement_level=EnforcementLevel.MANDATORY,
        ),
    ]


def _manifests(args: StackValidationArgs) -> list[dict[str, Any]]:
    objects = [it for it in args.resources if it.resource_type.startswith(PROVIDER)]
    return [manifest_of(it.resource_type, it.props) for it in objects]


def _tell(findings: Iterable[Finding], given: Sequence[Waiver], report: ReportViolation) -> None:
    """Report what nobody waived; whether the waivers are good, another policy says."""
    open_ones = waivers.apply(given, findings, waivers.today()).open
    for finding in open_ones:
        if not finding.undecided:
            report(str(finding), None)
    if undecided := [it for it in open_ones if it.undecided]:
        raise UndecidedError(undecided)


def _about(rule: Any) -> dict[str, Any]:
    return {
        "name": rule.id,
        "description": rule.title,
        "enforcement_level": EnforcementLevel(rule.enforcement),
        "severity": Severity(rule.severity),
        "tags": list(rule.requirements),
    }
