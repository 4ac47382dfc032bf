"""The namespaces of an agency's systems, one for each zone or for the whole, and the servers in them."""

from __future__ import annotations

from collections.abc import Mapping

from modules import grants, guards, identity, labels, shares, workloads
from modules.agency import Agency, System
from modules.contract import Gateway
from modules.levels import LEVELS, PROVIDER_LOGS, Quota, Zone
from modules.quantities import Amounts, write


def space(agency: Agency, system: System, zone: Zone | None = None, logs: str = "") -> guards.Space:
    """Return the namespace of a system or of one of its zones, with the facts that policies, tools and people read.

    ``logs`` is the address of the central log store; each system has a place of its own below it.
    """
    facts = {
        labels.AGENCY: agency.slug,
        labels.AGENCY_KEY: str(agency.key),
        labels.SYSTEM: system.name,
        labels.DATA_CLASS: system.data,
        **kept(agency, system),
    }
    notes = {f"{labels.PREFIX}/{what}-name-{language}": name for what, language, name in _names(agency, system)}
    if zone is not None:
        facts[labels.ZONE] = zone
    if zone == system.main:
        facts |= {labels.consumes(service): "true" for service in system.consumes}
        if services := grants.granted(agency, system.name):
            facts[labels.GRANTED] = "true"
            notes[f"{labels.GRANTED}-services"] = ", ".join(services)
    if zone == system.entry:
        facts |= {labels.open_to(gateway): "true" for gateway in gateways(agency, system)}
    if logs:
        notes[labels.LOGS_TO] = f"{logs.rstrip('/')}/{agency.slug}/{system.name}"
    return guards.Space(
        name=agency.namespace(system, zone),
        tier="agc",
        level=system.level,
        quota=quota(system, zone),
        group=identity.group(agency),
        labels=facts,
        annotations=notes,
    )


def quota(system: System, zone: Zone | None) -> Quota:
    """Return what a system has, or one of its zones of that."""
    return system.limits if zone is None else shares.shared(system.limits, system.all_zones)[zone]


def workload(
    agency: Agency, system: System, zone: Zone | None = None, image: str = workloads.DEFAULT_IMAGE
) -> workloads.Workload:
    """Return the server of a system, or of one of its zones."""
    entered = zone == system.entry
    copies = LEVELS[system.level].replicas
    # an update runs one copy more, and all of them have to fit into the quota
    room = Amounts.of(quota(system, zone)).cpu // (copies + 1)
    return workloads.Workload(
        name=system.name,
        namespace=agency.namespace(system, zone),
        replicas=copies,
        image=image,
        pod_labels={labels.EXPOSURE: system.exposure if entered else "none"},
        cpu=write("cpu", min(200, max(room, 20))),
        dns_name=f"{system.name}.{agency.slug}" if entered and system.exposure != "none" else "",
    )


def gateways(agency: Agency, system: System) -> list[Gateway]:
    """Return the gateways of the central cloud that may call a system.

    That of the exchange (``state``) may where the exposure says so or the system answers for a service.
    """
    provides = any(it.system == system.name for it in agency.exchange.provides)
    found: list[Gateway] = ["state"] if system.exposure == "state" or provides else []
    return [*found, "internet"] if system.exposure == "internet" else found


def kept(agency: Agency, system: System) -> Mapping[str, str]:
    """Return what later tools act on, as labels: environment, and how long and how often things are kept."""
    months = system.log_months
    if agency.placement.cluster == "egc":
        months = max(months, PROVIDER_LOGS)
    backup, profile = system.backup, LEVELS[system.level]
    figures = {
        labels.ENVIRONMENT: system.environment,
        labels.LOG_MONTHS: str(months),
        labels.DATA_MONTHS: str(system.retention.data),
        f"{labels.BACKUP}-hours": str(backup.every),
        f"{labels.BACKUP}-days": str(backup.keep),
        f"{labels.BACKUP}-copies": str(backup.copies or profile.copies),
        f"{labels.BACKUP}-test-months": str(backup.test or profile.test),
    }
    return figures | ({f"{labels.BACKUP}-site": backup.site} if backup.site else {})


def _names(agency: Agency, system: System) -> list[tuple[str, str, str]]:
    named = {"agency": agency.name.model_dump(), "system": system.title.model_dump(exclude_none=True)}
    return [(what, language, name) for what, it in named.items() for language, name in it.items()]
