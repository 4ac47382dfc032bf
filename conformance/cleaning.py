"""What audits left in a cloud: found by its label or prefix, and removed, with the rights of the target's accounts.

Every kind of thing that a check creates stands here: objects of Kubernetes in ``KINDS``, anything else as a function in
``SOURCES``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance import store_cleaning
from conformance.api import Api, granted
from conformance.declared import S3Account, S3Accounts
from conformance.object_store import Account, way
from conformance.probes import Tenant
from conformance.target import Target, TenantAccess
from conformance.workloads import RUN, STORED
from core.errors import KitError

KINDS = (("networkpolicies", "networking.k8s.io/v1"), ("services", ""), ("secrets", ""), ("pods", ""))
"""Kinds of Kubernetes that checks create in the tenants' namespaces, with group and version, in order of removal."""
NAMED = {"secrets": STORED}
"""Kinds of which there is one object, with its name: to list Secrets would be to read all of them."""
GONE_SECONDS = 60.0
"""How long what was removed may take to be gone."""
_LOOK_AGAIN = 0.3


@dataclass(frozen=True)
class Leftover:
    """One thing that an audit created and that is still there."""

    owner: str
    """Whose account sees it: ``tenant a``."""
    kind: str
    name: str
    run: str
    """The run that created it."""
    created: str
    remove: Callable[[], None] = field(repr=False, compare=False)
    """Remove it, or ask for it. Raises KitError."""
    there: Callable[[], bool] = field(repr=False, compare=False, default=lambda: False)
    """Whether it is still there although it was removed: a pod takes its time."""


@dataclass(frozen=True)
class Found:
    """What is left, and where nobody could look."""

    left: tuple[Leftover, ...]
    unseen: tuple[str, ...]
    """One line for each place that could not be looked at, with the reason."""


Source = Callable[[Target], Iterable[Leftover]]
"""Lists what is left of one sort; what it cannot look at raises KitError."""


def in_tenant(tenant: Tenant, run: str = "") -> Iterator[Leftover]:
    """List what runs of the audit (or one of them) left in a tenant's namespaces."""
    for namespace in tenant.namespaces:
        for resource, group in KINDS:
            collection = tenant.path(resource, group, namespace)
            for metadata in _listed(tenant.api, collection, run):
                yield Leftover(
                    owner=f"tenant {tenant.name}",
                    kind=resource,
                    name=f"{namespace}/{metadata['name']}",
                    run=metadata["labels"][RUN],
                    created=str(metadata.get("creationTimestamp", "")),
                    remove=partial(tenant.api.remove, f"{collection}/{metadata['name']}"),
                    there=partial(_there, tenant.api, collection, metadata["name"]),
                )


def _listed(api: Api, collection: str, run: str = "") -> list[dict[str, Any]]:
    """Return the metadata of what runs of the audit (or one of them) left in a collection."""
    if name := NAMED.get(collection.rpartition("/")[2]):
        found = api.request("GET", f"{collection}/{name}")
        metadata = {} if found.status == 404 else granted(found).body.get("metadata", {})
        made_by = metadata.get("labels", {}).get(RUN)
        return [metadata] if made_by and run in {"", made_by} else []
    selector = f"{RUN}={run}" if run else RUN
    items = api.must("GET", collection, query={"labelSelector": selector}).get("items", [])
    return [item["metadata"] for item in items]


def _there(api: Api, collection: str, name: str) -> bool:
    try:
        return any(metadata["name"] == name for metadata in _listed(api, collection))
    except KitError:
        return True


def _tenant_source(name: str, access: Callable[[Target], TenantAccess]) -> Source:
    def source(target: Target) -> Iterable[Leftover]:
        given = access(target)
        return in_tenant(Tenant(name, Api(given.kubeconfig), given.namespaces))

    return source


def _store_source(name: str, choose: Callable[[S3Accounts], S3Account]) -> Source:
    def look(target: Target) -> Iterable[Leftover]:
        store = target.object_store
        if store is None:
            return
        account = Account(f"tenant {name}", store, choose(store.accounts), way(store))
        for bucket in store_cleaning.left_in(account):
            yield Leftover(
                owner=account.name,
                kind="buckets",
                name=bucket.name,
                run=bucket.run,
                created=bucket.created,
                remove=partial(store_cleaning.remove_bucket, account, bucket.name, wait=store_cleaning.LOCK_SECONDS),
            )
        if target.backup and name == "a":
            source = target.backup.source
            for key, run, created in store_cleaning.canaries_in(account, source):
                gone = partial(store_cleaning.remove_object, account, source, key)
                yield Leftover(account.name, "objects", f"{source}/{key}", run, created, gone)

    return look


SOURCES: tuple[tuple[str, Source], ...] = (
    ("tenant a", _tenant_source("a", lambda target: target.tenants.a)),
    ("tenant b", _tenant_source("b", lambda target: target.tenants.b)),
    ("object store of tenant a", _store_source("a", lambda accounts: accounts.a)),
    ("object store of tenant b", _store_source("b", lambda accounts: accounts.b)),
)
"""Everywhere that audits leave things, each looked at apart and at the same time."""


def find(target: Target) -> Found:
    """List whatever any audit left in the cloud of a target."""

    def look(source: Source) -> tuple[list[Leftover], str]:
        listed: list[Leftover] = []
        try:
            listed.extend(source(target))
        except KitError as error:
            return listed, error.message
        return listed, ""

    with ThreadPoolExecutor(max_workers=len(SOURCES)) as pool:
        looked = list(pool.map(look, (source for _, source in SOURCES)))
    unseen = [f"{place}: {why}" for (place, _), (_, why) in zip(SOURCES, looked, strict=True) if why]
    return Found(tuple(item for listed, _ in looked for item in listed), tuple(unseen))


def remove(left: Sequence[Leftover]) -> list[str]:
    """Remove what was left and see it gone; return a line for each thing that could not be removed."""
    going, failed = [], []
    for item in left:
        try:
            item.remove()
            going.append(item)
        except KitError as error:
            failed.append(f"{item.kind} {item.name}: {error.message}")
    deadline = time.monotonic() + GONE_SECONDS
    while going := [item for item in going if item.there()]:
        if time.monotonic() > deadline:
            return [*failed, *(f"{item.kind} {item.name}: still there after {GONE_SECONDS:.0f} s" for item in going)]
        time.sleep(_LOOK_AGAIN)
    return failed


def sweep(tenant: Tenant, run: str = "") -> None:
    """Remove whatever runs of the audit (or one of them) left with a tenant. Raises KitError where something stays."""
    if failed := remove(list(in_tenant(tenant, run))):
        raise KitError("; ".join(failed))


def sweep_all(target: Target, run: str = "") -> list[str]:
    """Remove whatever audits (or one run) left in a cloud; return a line for each place or thing that would not go."""
    found = find(target)
    return [*found.unseen, *remove([item for item in found.left if run in {"", item.run}])]
