"""The rules as policies of Pulumi. The folder ``pack`` starts them; here nothing starts, so tests can import it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
    StackValidationArgs,
    StackValidationPolicy,
    proxy,
)

from modules.levels import Level
from policies.judge import Finding, Gate, judge_stack, place
from policies.pulumi_once import once
from policies.rules import Compiled, StackRule, at_level
from policies.unknown import UNKNOWN

_PROVIDER: Final = "kubernetes:"
_UNKNOWN_TEXTS: Final = frozenset(
    value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and isinstance(value, str)
)
"""What the SDK passes for a value that a preview does not know."""


class UndecidedError(proxy.UnknownValueError):  # type: ignore[misc] # the SDK is untyped
    """Tells the engine that a rule has to wait for the apply; it shows the message as a warning, never as a pass."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(proxy.UNKNOWN_OBJECT_VALUE, [])
        self.message = "; ".join(str(finding) for finding in findings)


def policies(level: Level = 1) -> list[Policy]:
    """Return the kit's rules that hold at a level, each as one policy. Those of level 1 hold everywhere.

    Raises KitError for a rule that the API server would not take.
    """
    rules = at_level(level)
    single = Gate([rule for rule in rules if isinstance(rule, Compiled)])
    return [_stack_policy(rule) if isinstance(rule, StackRule) else _resource_policy(rule, single) for rule in rules]


@once
def manifest_of(resource_type: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a resource of the Kubernetes provider into the manifest it stands for, unknown values marked.

    A resource that only patches an object has ``Patch`` at the end of its kind, as in the provider.
    """
    api_version, kind = _kind_of(resource_type)
    return {**plain(properties), "apiVersion": api_version, "kind": kind}


def _kind_of(resource_type: str) -> tuple[str, str]:
    _, api, kind = resource_type.split(":")
    return api.removeprefix("core/"), kind


def plain(value: Any) -> Any:
    """Take a value out of the SDK's proxies, which raise when an unknown part of it is touched."""
    if isinstance(value, Mapping):
        members = value if isinstance(value, dict) else value["__target"]
        return {key: plain(item) for key, item in members.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = value if isinstance(value, list) else value["__target"]  # type: ignore[call-overload] # SDK's own key
        return [plain(item) for item in items]
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWN_TEXTS else value


def _resource_policy(compiled: Compiled, gate: Gate) -> Policy:
    rule = compiled.rule

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not args.resource_type.startswith(_PROVIDER):
            return
        api_version, kind = _kind_of(args.resource_type)
        if (api_version, kind) in compiled.kinds:
            _tell(gate.findings(compiled, manifest_of(args.resource_type, args.props)), report)
        elif (api_version, kind.removesuffix("Patch")) in compiled.kinds:
            where = place(manifest_of(args.resource_type, args.props))
            wait = f"{where} changes a part of an object; the whole is judged at admission"
            raise UndecidedError([Finding(rule, rule.requirements, where, wait, "", "", undecided=True)])

    return ResourceValidationPolicy(validate=validate, **_about(rule, rule.requirements))


def _stack_policy(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        objects = [it for it in args.resources if it.resource_type.startswith(_PROVIDER)]
        _tell(judge_stack(rule, [manifest_of(it.resource_type, it.props) for it in objects]), report)

    return StackValidationPolicy(validate=validate, **_about(rule, rule.requirements))


def _tell(findings: Iterable[Finding], report: ReportViolation) -> None:
    undecided = []
    for finding in findings:
        if finding.undecided:
            undecided.append(finding)
        else:
            report(str(finding), None)
    if undecided:
        raise UndecidedError(undecided)


def _about(rule: Any, requirements: Sequence[str]) -> dict[str, Any]:
    return {
        "name": rule.id,
        "description": rule.title,
        "enforcement_level": EnforcementLevel(rule.enforcement),
        "severity": Severity(rule.severity),
        "tags": list(requirements),
    }
