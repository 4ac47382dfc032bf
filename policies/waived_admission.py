"""Waivers at the API server: conditions in the rendered policies, and what a cluster still holds of old ones.

CEL knows no clock, so a condition cannot end by itself: rendering leaves expired waivers out, every policy says in an
annotation until when its waivers hold, and the audit finds those that outlived their day (docs/adr/0010).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from modules import labels
from policies.admission import render
from policies.admission_groups import grouped
from policies.packs import Entry
from policies.rules import Compiled
from policies.waivers import Waiver

ANNOTATION: Final = f"{labels.PREFIX}/waivers"
_PREFIX: Final = "govcloud-"
_CONTROLLERS: Final = "system:serviceaccount:kube-system:"
_ALL_CONTROLLERS: Final = "system:kube-controller-manager"
"""Where the controller manager has one account for all its controllers."""
_MAKES: Final[Mapping[str, tuple[tuple[str, str, str], ...]]] = {
    "CronJob": (("cronjob-controller", "CronJob", ""), ("job-controller", "Job", "-[0-9]+")),
    "DaemonSet": (("daemon-set-controller", "DaemonSet", ""),),
    "Deployment": (("deployment-controller", "Deployment", ""), ("replicaset-controller", "ReplicaSet", "-[a-z0-9]+")),
    "Job": (("job-controller", "Job", ""),),
    "ReplicaSet": (("replicaset-controller", "ReplicaSet", ""),),
    "ReplicationController": (("replication-controller", "ReplicationController", ""),),
    "StatefulSet": (("statefulset-controller", "StatefulSet", ""),),
}
"""What Kubernetes makes of a workload, and of that again: the controller, the kind of the owner, what it adds to the
workload's name."""


@dataclass(frozen=True)
class InForce:
    """A waiver that a cluster holds."""

    rule: str
    resource: str
    expires: dt.date


def documents(rules: Iterable[Entry], waivers: Sequence[Waiver], today: dt.date) -> list[dict[str, Any]]:
    """Return the admission policies and bindings of all rules over single objects, with what is waived on that day.

    Rules that judge the same objects are joined; one of which something is waived stays a policy of its own.
    """
    rendered = (it for rule in rules if isinstance(rule, Compiled) for it in render(rule))
    return grouped(with_waivers(rendered, waivers, today))


def with_waivers(
    rendered: Iterable[Mapping[str, Any]], waivers: Sequence[Waiver], today: dt.date
) -> list[dict[str, Any]]:
    """Return rendered admission policies and bindings, the policies not holding for what is waived on that day."""
    return [_with_waivers(it, [w for w in waivers if w.holds(today)]) for it in rendered]


def in_force(policies: Iterable[Mapping[str, Any]]) -> Iterator[InForce]:
    """Read the waivers from the admission policies of a cluster. One that cannot be read counts as expired."""
    for policy in policies:
        metadata = policy["metadata"]
        rule = str(metadata["name"]).removeprefix(_PREFIX)
        text = (metadata.get("annotations") or {}).get(ANNOTATION)
        if not text:
            if any(it.get("name") == "not-waived" for it in policy["spec"].get("matchConditions") or ()):
                yield InForce(rule, "(not said)", dt.date.min)
            continue
        try:
            for entry in json.loads(text):
                yield InForce(rule, str(entry["resource"]), dt.date.fromisoformat(entry["expires"]))
        except (ValueError, TypeError, KeyError):
            yield InForce(rule, "(cannot be read)", dt.date.min)


def stale(found: Iterable[InForce], waivers: Sequence[Waiver], today: dt.date) -> Iterator[str]:
    """Say which waivers of a cluster outlived their day, or are not (any more, or so long) in the file."""
    given = {(it.rule, it.resource): it.expires for it in waivers}
    for it in found:
        if it.expires < today:
            yield f"{it.rule} for {it.resource}: expired, and still waived at admission"
        elif given.get((it.rule, it.resource)) != it.expires:
            yield f"{it.rule} for {it.resource}: waived at admission until {it.expires}, and not so in the file"


def _with_waivers(document: Mapping[str, Any], waivers: Sequence[Waiver]) -> dict[str, Any]:
    own = [it for it in waivers if document["metadata"]["name"] == f"{_PREFIX}{it.rule}"]
    if document["kind"] != "ValidatingAdmissionPolicy" or not own:
        return dict(document)
    entries = [it.model_dump(mode="json", include={"resource", "owner", "approver", "expires"}) for it in own]
    metadata = dict(document["metadata"])
    note = json.dumps(entries, ensure_ascii=False)
    metadata["annotations"] = {**(metadata.get("annotations") or {}), ANNOTATION: note}
    freed = " || ".join(_frees(it) for it in own)
    conditions = [*document["spec"].get("matchConditions", ()), {"name": "not-waived", "expression": f"!({freed})"}]
    return {**document, "metadata": metadata, "spec": {**document["spec"], "matchConditions": conditions}}


def _frees(waiver: Waiver) -> str:
    """Tell in CEL whether a request is for the waived object, or for what Kubernetes itself makes of it.

    The text of a waiver is checked when it is read: no quote and no backslash can be in it.
    """
    place = f"request.namespace == '{waiver.namespace}'"
    if not waiver.namespace:
        place = "(!has(request.namespace) || request.namespace == '')"
    itself = f"request.kind.kind == '{waiver.kind}' && has(request.name) && request.name == '{waiver.name}'"
    made = [_made(*it, waiver.name) for it in _MAKES.get(waiver.kind, ())]
    return f"({place} && ({' || '.join([f'({itself})', *made])}))"


def _made(controller: str, kind: str, ending: str, name: str) -> str:
    """Tell whether a controller of Kubernetes makes the object; a tenant can write an owner into it, but not be one."""
    users = f"['{_CONTROLLERS}{controller}', '{_ALL_CONTROLLERS}']"
    named = f"o.name == '{name}'"
    if ending:
        named = f"o.name.matches('^{name.replace('.', '[.]')}{ending}$')"
    return (
        f"(has(request.userInfo.username) && request.userInfo.username in {users} "
        f"&& has(object.metadata.ownerReferences) "
        f"&& object.metadata.ownerReferences.exists(o, o.kind == '{kind}' && {named}))"
    )
