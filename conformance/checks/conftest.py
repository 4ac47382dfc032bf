"""What the checks share: the tenants' accounts, and probe pods that start while other checks run."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from conformance import cleaning, rights, store_cleaning, workloads
from conformance.api import DRY_RUN, Api
from conformance.declared import Alerts, Logs, ObjectStore, declared
from conformance.object_store import Account, way
from conformance.probes import Probes, Tenant
from conformance.probes import start as start_probes
from conformance.public import Endpoint, Exposed
from conformance.store_cleaning import LOCK_SECONDS, Buckets, Owned
from conformance.surface import Surface
from conformance.target import Target, TenantAccess
from core.errors import KitError


def _tenant(name: str, access: TenantAccess) -> Tenant:
    api = Api(access.kubeconfig)
    review = rights.who_am_i(api)
    if not review.ok:
        raise KitError(f"tenant {name}: the credentials are not accepted: {review}")
    return Tenant(name, api, access.namespaces, rights.name_of(review), access.account)


@pytest.fixture(scope="session")
def tenant_a(audit_target: Target) -> Tenant:
    """Return the tenant that owns what is to be protected."""
    return _tenant("a", audit_target.tenants.a)


@pytest.fixture(scope="session")
def tenant_b(audit_target: Target, tenant_a: Tenant) -> Tenant:
    """Return the other tenant, from whom it is to be protected."""
    tenant = _tenant("b", audit_target.tenants.b)
    if tenant.user and tenant.user == tenant_a.user:
        raise KitError(f"tenants a and b are the same account ({tenant.user}), so isolation cannot be shown")
    return tenant


@pytest.fixture(scope="session")
def reader(audit_target: Target) -> Api:
    """Return the account that may read the platform's nodes."""
    if audit_target.reader is None:
        pytest.skip("the target names no reader of the platform")
    return Api(audit_target.reader.kubeconfig)


@pytest.fixture(scope="session")
def surface(audit_target: Target) -> Surface:
    """Return what the public sees of the cloud."""
    return Surface(audit_target)


@pytest.fixture(scope="session")
def endpoints(surface: Surface) -> tuple[Endpoint, ...]:
    """Return what the public reaches over TLS."""
    return surface.endpoints


@pytest.fixture(scope="session")
def exposure(surface: Surface) -> tuple[Exposed, ...]:
    """Return the public addresses, and which ports may be open there."""
    return surface.exposure


@pytest.fixture(scope="session")
def run_id(request: pytest.FixtureRequest) -> str:
    """Label value of everything that this process of the run creates."""
    return request.config.getoption("--run-id") or secrets.token_hex(4)


@pytest.fixture(scope="session", autouse=True)
def _early(request: pytest.FixtureRequest) -> None:
    """Start the probe pods before the first check where any check of this run needs them."""
    if any("probes" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("_probing")


@pytest.fixture(scope="session")
def _probing(audit_target: Target, run_id: str, request: pytest.FixtureRequest) -> Iterator[Future[Probes]]:
    """Start the probe pods in the background, and remove all that was created here at the end."""
    tenants: list[Tenant] = []
    alone = not request.config.getoption("--run-id")

    def start() -> Probes:
        tenants.extend((_tenant("a", audit_target.tenants.a), _tenant("b", audit_target.tenants.b)))
        for tenant in tenants if alone else ():
            cleaning.sweep(tenant)
        return start_probes(tenants[0], tenants[1], audit_target.probe_image, run_id)

    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(start)
        yield future
        future.exception()
        for tenant in tenants:
            cleaning.sweep(tenant, run_id)


@pytest.fixture(scope="session")
def probes(_probing: Future[Probes]) -> Probes:
    """Return the probe pods, running."""
    return _probing.result()


@pytest.fixture(scope="session")
def family_policy(tenant_a: Tenant, run_id: str) -> str:
    """Return the strictest wish for address families that this cloud grants a Service, found by asking."""
    for policy in ("RequireDualStack", "PreferDualStack"):
        manifest = workloads.service(f"audit-{run_id}-sample", run=run_id, policy=policy)
        answer = tenant_a.api.request("POST", tenant_a.path("services"), manifest, query=DRY_RUN)
        if answer.ok:
            return policy
    raise KitError(f"the cloud accepts no Service, neither with RequireDualStack nor with PreferDualStack: {answer}")


@pytest.fixture(scope="session")
def service(tenant_a: Tenant, run_id: str, family_policy: str) -> dict[str, Any]:
    """Return a Service that asks for both families as strictly as the cloud lets it."""
    manifest = workloads.service(f"audit-{run_id}", run=run_id, policy=family_policy)
    return tenant_a.api.create(tenant_a.path("services"), manifest)


@pytest.fixture
def good_pod(audit_target: Target, run_id: str) -> workloads.Manifest:
    """Return a pod of tenant a that every cloud has to accept."""
    account = audit_target.tenants.a.account
    return workloads.pod(f"audit-{run_id}-pod", audit_target.probe_image, run=run_id, role="sample", account=account)


@pytest.fixture(scope="session")
def object_store(audit_target: Target) -> ObjectStore:
    """Return the cloud's object store as it is declared."""
    return declared(audit_target.object_store, "object store")


@pytest.fixture(scope="session")
def account_a(object_store: ObjectStore) -> Account:
    """Return the account of tenant a on the object store."""
    return Account("tenant a", object_store, object_store.accounts.a, way(object_store))


@pytest.fixture(scope="session")
def account_b(object_store: ObjectStore, account_a: Account) -> Account:
    """Return the account of tenant b, which has to be another than that of tenant a."""
    account = Account("tenant b", object_store, object_store.accounts.b, way(object_store))
    if account.is_same_as(account_a):
        raise KitError("tenants a and b have the same account of the object store, so isolation cannot be shown")
    return account


@pytest.fixture(scope="session")
def nobody(object_store: ObjectStore) -> Account:
    """Return requests to the object store without credentials."""
    return Account("nobody", object_store, None, way(object_store))


@pytest.fixture(scope="session")
def buckets(account_a: Account, account_b: Account, run_id: str, request: pytest.FixtureRequest) -> Iterator[Buckets]:
    """Make buckets that are removed at the end, when their locks have run out; remove what broken runs left."""
    if not request.config.getoption("--run-id", None):
        for account in (account_a, account_b):
            store_cleaning.sweep(account)
    made = Buckets(run_id)
    yield made
    made.remove(wait=LOCK_SECONDS)


@pytest.fixture(scope="session")
def bucket_a(account_a: Account, buckets: Buckets) -> Owned:
    """Return a bucket of tenant a."""
    return buckets.make(account_a, "a")


@pytest.fixture(scope="session")
def bucket_b(account_b: Account, buckets: Buckets) -> Owned:
    """Return a bucket of tenant b."""
    return buckets.make(account_b, "b")


@pytest.fixture(scope="session")
def logs(audit_target: Target) -> Logs:
    """Return where the tenants' logs are."""
    return declared(audit_target.logs, "store of logs (logs)")


@pytest.fixture(scope="session")
def alerts(audit_target: Target) -> Alerts:
    """Return where the tenants' alerts are, and at which thresholds they are sent."""
    return declared(audit_target.alerts, "way to a tenant's alerts (alerts)")
