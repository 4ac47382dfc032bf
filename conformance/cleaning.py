"""Removing what an audit left in a tenant's namespaces, with the tenant's own rights."""

from __future__ import annotations

from conformance.probes import Tenant
from conformance.workloads import RUN

_KINDS = (("networkpolicies", "networking.k8s.io/v1"), ("services", ""), ("pods", ""))


def sweep(tenant: Tenant) -> int:
    """Delete every object that a run of the audit has labelled, and return how many there were."""
    count = 0
    for resource, group in _KINDS:
        collection = tenant.path(resource, group)
        for item in tenant.api.must("GET", collection, query={"labelSelector": RUN}).get("items", []):
            tenant.api.remove(f"{collection}/{item['metadata']['name']}")
            count += 1
    return count
