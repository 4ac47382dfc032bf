"""Before a run: what of a target can be reached, with which rights, and which requirements it could decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel

from conformance import catalogue, reach, rights
from conformance.api import Api, granted
from conformance.catalogue import Kind
from conformance.lanes import PROBES
from conformance.outcomes import Outcomes
from conformance.reach import Finding, Place
from conformance.rights import Right
from conformance.target import Target
from core.errors import KitError

ANSWER_SECONDS = 5.0
By = Literal["checks", "person", "nobody"]


@dataclass(frozen=True)
class Outlook:
    """Whether a run with this target could decide a requirement."""

    requirement: str
    title: str
    by: By
    """``nobody``: it has checks, and some of them cannot be made; ``person``: checks decide none of it or a part."""
    why: str
    """What stands in the way, or what a person has to look at."""


@dataclass(frozen=True)
class Diagnosis:
    """What was found before a run."""

    findings: tuple[Finding, ...]
    outlooks: tuple[Outlook, ...]

    @property
    def ok(self) -> bool:
        """Whether all that the target file declares works."""
        return all(finding.ok for finding in self.findings)


@dataclass(frozen=True)
class _Account:
    """What became of an attempt with one account."""

    name: str
    findings: tuple[Finding, ...]
    works: bool
    missing: tuple[Right, ...] = ()


def examine(target: Target, plan: Outcomes) -> Diagnosis:
    """Try all that a target file names, at the same time, each attempt limited; ``plan`` has the checks of a run."""
    tenants = {"tenant a": target.tenants.a, "tenant b": target.tenants.b}
    tries: list[Callable[[], _Account]] = [
        partial(_account, name, access.kubeconfig, access.namespaces[0], rights.of_tenant())
        for name, access in tenants.items()
    ]
    if target.reader:
        tries.append(partial(_account, "reader", target.reader.kubeconfig, "", rights.of_reader()))
    declared = sections(target)
    places = [(name, place) for name, section in declared.items() for place in reach.places(name, section)]
    with ThreadPoolExecutor(max_workers=len(tries) + len(places)) as pool:
        asked = [pool.submit(attempt) for attempt in tries]
        reached = [(name, pool.submit(reach.attempt, place)) for name, place in places]
        accounts = [future.result() for future in asked]
        services = [(name, finding) for name, future in reached for finding in future.result()]
    reasons = {name: f"the target file declares no {name.replace('_', ' ')}" for name in declared if not declared[name]}
    reasons |= {name: f"{finding.what}: {finding.detail}" for name, finding in services if not finding.ok}
    broken = {key: reason for name, reason in reasons.items() for key in (name, _type_of(name))}
    broken |= {_FIXTURE[account.name]: f"{account.name} cannot be used" for account in accounts if not account.works}
    missing = {right for account in accounts for right in account.missing}
    findings = [
        *(finding for account in accounts for finding in account.findings),
        *(finding for _, finding in services),
    ]
    return Diagnosis(tuple(findings), tuple(outlooks(target.kind, target.level, plan, broken, missing)))


_FIXTURE = {"tenant a": "tenant_a", "tenant b": "tenant_b", "reader": "reader"}
_OWNERS = {PROBES: ("tenant_a", "tenant_b")}
"""Fixtures that rest on others without naming them."""


def outlooks(
    kind: Kind, level: int, plan: Outcomes, broken: Mapping[str, str], missing: AbstractSet[Right]
) -> Iterator[Outlook]:
    """Say of each requirement that applies whether checks could decide it, given what does not work.

    ``broken`` has fixtures, or the types that they return, that cannot be had, with the reason; ``missing`` the rights
    that accounts lack.
    """
    known = catalogue.load()
    for requirement in known.applicable(kind, level):
        checks = [name for name, check in plan.planned.items() if requirement.id in check.requirements]
        if not checks:
            how = "; ".join(method.how for method in requirement.check)
            why = f"by documents: {how}" if requirement.for_a_person else known.unchecked.get(requirement.id, how)
            yield Outlook(requirement.id, requirement.title, "person", why)
            continue
        reasons = {name: why for name in checks if (why := _obstacle(name, plan.needs[name], broken, missing))}
        why = (
            f"{len(reasons)} of {len(checks)} checks cannot be made: {next(iter(reasons.values()))}" if reasons else ""
        )
        rest = known.partly.get(requirement.id, "")
        by: By = "nobody" if reasons else "person" if rest else "checks"
        yield Outlook(requirement.id, requirement.title, by, why or rest)


def _obstacle(check: str, fixtures: Sequence[str], broken: Mapping[str, str], missing: AbstractSet[Right]) -> str:
    """Say why a check cannot be made, empty where nothing stands in the way."""
    used = [*fixtures, *(owner for fixture in fixtures for owner in _OWNERS.get(fixture, ()))]
    if reason := next((broken[fixture] for fixture in used if fixture in broken), None):
        return reason
    lacking = sorted(map(str, rights.of_check(check, fixtures) & missing))
    return f"too few rights: {', '.join(lacking)}" if lacking else ""


def sections(target: Target) -> Mapping[str, BaseModel | Sequence[BaseModel] | None]:
    """Return the optional parts of a target file by name; checks have them by a fixture of that name or type."""
    return {
        name: getattr(target, name)
        for name, field in type(target).model_fields.items()
        if not field.is_required() and field.default in {None, ()}
    }


def _type_of(section: str) -> str:
    """Name the type of a section, without the None of its absence."""
    annotation = Target.model_fields[section].annotation
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)] or [annotation]
    return str(getattr(kinds[0], "__name__", kinds[0]))


def _account(name: str, kubeconfig: Path, namespace: str, wanted: Sequence[Right]) -> _Account:
    try:
        api = Api(kubeconfig, answer_seconds=ANSWER_SECONDS)
        place = Place(f"{name}: API server", api.host, api.port, Path(api.authority) if api.authority else None)
        findings = reach.attempt(place)
        if not any(finding.ok for finding in findings):
            return _Account(name, tuple(findings), works=False)
        user = rights.name_of(granted(rights.who_am_i(api)))
        findings.append(Finding(f"{name}: credentials", bool(user), user or "the server does not say whose they are"))
        if not user:
            return _Account(name, tuple(findings), works=False)
        lacking = rights.missing(api, namespace, wanted)
    except KitError as error:
        return _Account(name, (*findings, Finding(f"{name}: account", ok=False, detail=error.message)), works=False)
    detail = f"{len(wanted) - len(lacking)} of {len(wanted)}" + (
        f"; not: {', '.join(map(str, lacking))}" if lacking else ""
    )
    findings.append(Finding(f"{name}: rights", not lacking, detail))
    return _Account(name, tuple(findings), works=True, missing=tuple(lacking))
