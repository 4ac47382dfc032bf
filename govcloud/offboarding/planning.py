"""What an offboarding will do, read from the agency's file and its cluster; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from core.errors import KitError
from govcloud.agency_stacks import AgencyStacks
from govcloud.offboarding.cluster import Cluster
from govcloud.onboarding import NAMESPACE
from modules import agency_file
from modules.agency import Agency
from modules.leaving.models import LeavingPlan, Place
from modules.leaving.settings import ArchiveSettings
from modules.mistakes import FileError


def find(target: str, folder: Path) -> Path:
    """Return the file of the agency that is meant: its path, or the one in ``folder`` by code, key or slug."""
    path = Path(target)
    if path.suffix == ".yaml" or path.is_file():
        return path
    found = [file for file, it in _readable(folder) if target in {it.code, str(it.key), it.slug}]
    if len(found) != 1:
        what = f"{len(found)} agencies are" if found else "no agency is"
        raise KitError(
            f"{what} called {target} in {folder}", "give its file, or code and date such as 06688.2025-07-01"
        )
    return found[0]


def plan(
    agency: Agency, stacks: AgencyStacks, cluster: Cluster, archive: ArchiveSettings, days: int, others: Path
) -> LeavingPlan:
    """Return what leaves. Raises KitError where the cluster does not have all that the agency's stack made."""
    namespaces = cluster.namespaces(agency.slug)
    if elsewhere := sorted(_made_by(stacks, agency.slug) - set(namespaces)):
        raise KitError(
            f"{elsewhere[0]} of {agency.slug} is not on this cluster, and would be deleted without an archive",
            "name the agency's cluster with --kubeconfig; what stands on a cluster alone is archived by hand first",
        )
    return LeavingPlan(
        unit=str(agency.key),
        slug=agency.slug,
        production=any(it.environment == "production" for it in agency.systems),
        namespaces=namespaces,
        volumes=cluster.volumes(namespaces),
        archive=Place(endpoint=archive.endpoint, bucket=archive.bucket, prefix=archive.prefix),
        archive_months=max(it.retention.data for it in agency.systems),
        quarantine_days=days,
        users=users_of(agency, (it for _, it in _readable(others))),
    )


def _made_by(stacks: AgencyStacks, slug: str) -> set[str]:
    """Return the namespaces that a stack has made. Raises KitError where there is no such stack."""
    engine = stacks.engine(slug)
    if not engine.exists():
        raise KitError(f"there is no stack {slug}", "see govcloud agency status; govcloud env names the state")
    return {it["outputs"]["metadata"]["name"] for it in engine.resources() if it["type"] == NAMESPACE}


def users_of(agency: Agency, others: Iterable[Agency]) -> tuple[str, ...]:
    """Return the agencies that use services of this one, by key."""
    return tuple(
        sorted(str(it.key) for it in others if any(use.provider == agency.key for use in it.exchange.consumes))
    )


def _readable(folder: Path) -> list[tuple[Path, Agency]]:
    """Return the good files of a folder: a mistake in another agency's file keeps nobody from leaving."""
    found = []
    for file in sorted(folder.glob("*.yaml")):
        try:
            found.append((file, agency_file.load(file)))
        except (FileError, KitError):
            continue
    return found
