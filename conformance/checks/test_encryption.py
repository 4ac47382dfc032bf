"""What is stored is encrypted: shown by what the API server counts while a tenant stores a Secret."""

from __future__ import annotations

from collections import Counter

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conformance import workloads
from conformance.api import Api, TooFewRightsError
from conformance.declared import NotDeclaredError, declared
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Tenant
from conformance.target import Target
from core.errors import KitError

COUNTED = "apiserver_storage_transformation_operations_total"
"""The API server's count of what it put into its store and took out, by kind and by the provider that encrypted it."""
ENCRYPTED = "k8s:enc:"
"""What every provider that encrypts puts before what it stores."""
TRIES = 5
"""Where several API servers share the work, a count may come from another one than the write."""


@pytest.fixture(scope="session")
def metrics(audit_target: Target) -> Api:
    """Return an account that may read what the API server counts."""
    return Api(declared(audit_target.reader, "account that may read /metrics of the API server (reader)").kubeconfig)


def stored(api: Api) -> Counter[str]:
    """Return how many Secrets were stored, by the provider that encrypted them, empty for none.

    Raises NotDeclaredError where the account may not read it, KitError where an API server's counts are not there.
    """
    try:
        text = api.text("/metrics")
    except TooFewRightsError as error:
        raise NotDeclaredError(f"reader that may read /metrics of the API server: {error.message}") from error
    if "apiserver_request_total" not in text:
        raise KitError("/metrics of the API server does not hold what an API server counts")
    lines = [line for line in text.splitlines() if line.startswith(COUNTED)]
    samples = [
        sample for family in text_string_to_metric_families("\n".join(lines) + "\n") for sample in family.samples
    ]
    counts: Counter[str] = Counter()
    for sample in samples:
        said: dict[str, str] = sample.labels
        provider = said.get("transformer_prefix", "")
        written = said.get("transformation_type") == "to_storage" and said.get("resource", "secrets") == "secrets"
        if written and (not provider or provider.startswith(ENCRYPTED)):  # others are the keys of a provider
            counts[provider] += int(sample.value)
    return counts


@requirement("GVC-CRY-03")
def test_secret_is_stored_encrypted(tenant_a: Tenant, metrics: Api, run_id: str, evidence: EvidenceBook) -> None:
    """The API server encrypts a tenant's Secret before it stores it, by its own count."""
    metadata = {"name": workloads.STORED, "labels": workloads.labels(run_id)}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    path, before, rose = tenant_a.path("secrets"), Counter[str](), Counter[str]()
    for _ in range(TRIES):
        before = stored(metrics)
        tenant_a.api.create(path, {**manifest, "stringData": {"what": "nothing"}})
        tenant_a.api.remove(f"{path}/{workloads.STORED}")
        if rose := stored(metrics) - before:
            break
    told = ", ".join(f"{count} by {prefix or 'nothing'}" for prefix, count in sorted(rose.items()))
    evidence.add("store a Secret, and read how many the API server has encrypted", told or "it counts none")
    if before and not rose:
        raise KitError(f"the count of what is encrypted does not rise in {TRIES} tries, so nothing can be said of it")
    assert rose, "the API server encrypts nothing that it stores"
    assert not rose[""], f"the API server stored a Secret as it is, unencrypted: {told}"
