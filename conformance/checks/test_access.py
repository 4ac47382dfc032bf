"""Who may ask the API server for what, and over which TLS."""

from __future__ import annotations

import ssl

import pytest

from conformance import tls
from conformance.api import DRY_RUN, TooFewRightsError
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Probes, Tenant


@requirement("GVC-IAM-07")
def test_anonymous_is_refused(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """Who shows no credentials reads nothing but health: the same requests that a tenant's account is granted."""
    own = tenant_a.path("pods")
    answer = tenant_a.api.request("GET", own)
    evidence.add(f"GET {own} as {tenant_a.user}", answer.status)
    if not answer.ok:
        raise TooFewRightsError(f"the tenant may not read its own pods, so a refusal means nothing: {answer}")
    granted = []
    for path in (
        own,
        tenant_a.path("secrets"),
        "/api/v1/namespaces",
        "/api/v1/nodes",
        "/apis",
        "/openapi/v2",
        "/metrics",
    ):
        answer = tenant_a.api.request("GET", path, anonymous=True)
        evidence.add(f"GET {path} without credentials", answer)
        granted += [path] if answer.status not in {401, 403} else []
    assert not granted, f"answered without credentials: {', '.join(granted)}"


@requirement("GVC-IAM-07")
def test_forged_token_is_refused(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """A token that nobody issued is refused."""
    answer = tenant_a.api.request("GET", tenant_a.path("pods"), token="not-a-token")  # noqa: S106  # a forgery
    evidence.add("GET own pods with a made-up token", answer)
    assert answer.status == 401, f"not refused as unauthenticated: {answer}"


@requirement("GVC-HST-02", "GVC-IAM-07")
def test_kubelet_refuses_anonymous(probes: Probes, evidence: EvidenceBook) -> None:
    """Kubelets that can be reached from here refuse who shows no credentials, and serve nothing in plain text."""
    reached, granted = 0, []
    for address in sorted({address for probe in probes.all for address in probe.node_addresses}):
        status = tls.anonymous_status(address, 10250, "/pods")
        evidence.add(f"GET https://[{address}]:10250/pods without credentials", status or "no connection")
        if status is None:
            continue
        reached += 1
        plain = tls.is_open(address, 10255)
        evidence.add(f"connect to [{address}]:10255", "open" if plain else "closed")
        granted += [f"port 10250 of {address} ({status})"] if status not in {401, 403} else []
        granted += [f"port 10255 of {address}"] if plain else []
    if not reached:
        pytest.skip("no kubelet can be reached from where this audit runs")
    assert not granted, f"served without credentials: {', '.join(granted)}"


@requirement("GVC-ISO-01")
@pytest.mark.parametrize(
    "resource", ["pods", "secrets", "configmaps", "services", "events", "persistentvolumeclaims", "pods/exec"]
)
def test_tenants_cannot_touch_each_other(
    tenant_a: Tenant, tenant_b: Tenant, resource: str, evidence: EvidenceBook
) -> None:
    """The API server refuses a tenant the other's namespaces, in both directions; its own are granted."""
    for tenant in (tenant_a, tenant_b):
        answer = tenant.api.request("GET", tenant.path("pods"))
        evidence.add(f"GET own pods as {tenant.user}", answer.status)
        if not answer.ok:
            raise TooFewRightsError(
                f"tenant {tenant.name} may not read its own pods, so a refusal means nothing: {answer}"
            )
    granted = []
    for actor, owner in ((tenant_a, tenant_b), (tenant_b, tenant_a)):
        for namespace in owner.namespaces:
            path = owner.path("pods/any/exec" if resource == "pods/exec" else resource, namespace=namespace)
            method = "POST" if resource == "pods/exec" else "GET"
            answer = actor.api.request(method, path, query={"command": "true"} if method == "POST" else None)
            evidence.add(f"{method} {path} as {actor.user}", answer)
            granted += [f"{actor.user}: {method} {path} ({answer.status})"] if answer.status != 403 else []
    assert not granted, f"not refused: {'; '.join(granted)}"


@requirement("GVC-CRY-02")
@pytest.mark.parametrize("version", tls.OLD, ids=["tls1.0", "tls1.1"])
def test_old_tls_is_refused(tenant_a: Tenant, version: ssl.TLSVersion, evidence: EvidenceBook) -> None:
    """The API server refuses TLS 1.0 and 1.1, whatever the suite."""
    handshake = tls.offer(tenant_a.api.host, tenant_a.api.port, versions=(version, version))
    evidence.add(f"offer {version.name} alone", handshake.detail)
    assert not handshake.accepted, f"accepted: {handshake.detail}"


@requirement("GVC-CRY-02")
def test_weak_suites_are_refused(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """The API server refuses suites without authentication, encryption or forward secrecy."""
    handshake = tls.offer(
        tenant_a.api.host,
        tenant_a.api.port,
        versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        suites=tls.WEAK_SUITES,
    )
    evidence.add(f"offer TLS 1.2 with {tls.WEAK_SUITES}", handshake.detail)
    assert not handshake.accepted, f"accepted: {handshake.detail}"


@requirement("GVC-CRY-01", "GVC-CRY-02")
def test_present_tls_is_trusted(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """The API server speaks TLS 1.2 or 1.3, with a certificate that fits its name and its authority."""
    api = tenant_a.api
    handshake = tls.offer(
        api.host, api.port, versions=tls.PRESENT, suites="DEFAULT", authority=api.authority, verify=True
    )
    evidence.add(f"offer TLS 1.2 and 1.3 to {api.host} port {api.port}, and verify the certificate", handshake.detail)
    assert handshake.accepted, handshake.detail


@requirement("GVC-CRY-01")
def test_plain_http_is_refused(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """The API server's port answers plain HTTP with nothing but a refusal or a way to TLS."""
    line = tls.plain_http(tenant_a.api.host, tenant_a.api.port)
    evidence.add("send a plain HTTP request", line or "the connection was closed")
    status = [*line.split(), "", ""][1]
    assert not status.startswith("2"), f"answered over plain HTTP: {line}"


@requirement("GVC-HST-04")
def test_large_request_is_refused(tenant_a: Tenant, evidence: EvidenceBook) -> None:
    """The API server limits the size of a request, and says which queue limits its rate."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}
    attributes = {"namespace": tenant_a.namespace, "verb": "get", "resource": "pods"}
    small = tenant_a.api.request("POST", path, {**review, "spec": {"resourceAttributes": attributes}}, query=DRY_RUN)
    evidence.add("POST a small access review", small.status)
    assert small.ok, f"a small request is refused as well: {small}"
    queue = next((v for k, v in small.headers.items() if k.lower() == "x-kubernetes-pf-flowschema-uid"), "")
    evidence.add("read which flow schema took it", queue or "none")
    large = {**review, "spec": {"resourceAttributes": {**attributes, "name": "x" * (4 << 20)}}}
    answer = tenant_a.api.request("POST", path, large, query=DRY_RUN)
    evidence.add("POST one of 4 MiB", answer)
    assert answer.status == 413, f"a request of 4 MiB is not refused for its size: {str(answer)[:200]}"
    assert queue, "no flow schema limits the rate of requests (priority and fairness)"
