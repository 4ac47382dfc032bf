"""People and their tokens: who is let in, under which name, how long, and who is not."""

from __future__ import annotations

import base64
import time

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.api import DRY_RUN
from conformance.declared import declared
from conformance.identity import Issuer, NoAddressError, Refusal, Token, forged
from conformance.people import IdentityService, Person
from conformance.plugin import EvidenceBook, requirement
from conformance.probes import Tenant
from conformance.rights import name_of, who_am_i
from conformance.target import Target
from core.errors import KitError

CERTIFICATES = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
IDLE_SECONDS = 300
"""Five minutes of administration (TCVN 14423:2026, 5.12.2.4 c)."""
TRIES = 10
"""An account is locked after five to ten tries (the same)."""
BRIEF_SECONDS = 60
CACHED_SECONDS = 15
"""An API server may take a token for some seconds longer, which it has just looked at (Kubernetes: 10)."""
LOCKED_BEFORE_SECONDS = 65


@pytest.fixture(scope="module")
def identity(audit_target: Target) -> IdentityService:
    """Return what the target file says of the identity service."""
    return declared(audit_target.identity, "identity service")


@pytest.fixture(scope="module")
def issuer(identity: IdentityService) -> Issuer:
    """Return the identity service."""
    return Issuer(identity)


@pytest.fixture(scope="module")
def token(issuer: Issuer, identity: IdentityService) -> Token:
    """Return the token of the person of the audit, signed in with both factors."""
    return must_sign_in(issuer, identity.client, identity.user)


def must_sign_in(issuer: Issuer, client: str, person: Person) -> Token:
    """Sign in someone who has to be let in; a code that another run has used is tried anew, with the next one."""
    for _ in range(3):
        found = issuer.sign_in(client, person.secrets())
        if isinstance(found, Token):
            return found
    raise KitError(f"{person.secrets().username} cannot sign in to {client}: {found}", "check the credentials")


def must_be_let_in(tenant: Tenant, token: Token, evidence: EvidenceBook) -> None:
    """See that a whole token is taken, without which a refusal means nothing."""
    answer = who_am_i(tenant.api, token.text)
    evidence.add(f"ask the API server who bears {token}", f"{answer.status} {name_of(answer)}")
    if not answer.ok:
        raise KitError(f"the API server refuses whole tokens too, so a refusal means nothing: {answer}")


@requirement("GVC-IAM-02")
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_issuer_publishes_its_keys(issuer: Issuer, token: Token, family: str, evidence: EvidenceBook) -> None:
    """The identity service answers over verified TLS, and its tokens are signed with a key that it publishes."""
    try:
        document = issuer.discovery(family)
        keys = issuer.keys(document, family)
    except NoAddressError as error:
        evidence.add(f"look for an address in {family}", error.message)
        pytest.fail(error.message)
    except KitError as error:
        evidence.add(f"ask for the discovery document and the keys in {family}", error.message)
        pytest.fail(f"not to be had in {family}: {error.message}")
    evidence.add(f"GET the discovery document and the keys at {issuer.addresses(family)[0]}", f"{len(keys.keys)} keys")
    header = jwt.get_unverified_header(token.text)
    fitting = [key for key in keys.keys if key.key_id == header.get("kid")]
    assert fitting, "the key that a token names is not among the keys that are published"
    try:
        jwt.decode(token.text, fitting[0], [header["alg"]], options={"verify_aud": False})
    except jwt.InvalidTokenError as error:
        pytest.fail(f"a token's signature does not fit the key that is published: {error}")


@requirement("GVC-IAM-02")
def test_person_is_known_by_a_name_of_the_issuer(
    tenant_a: Tenant, token: Token, identity: IdentityService, evidence: EvidenceBook
) -> None:
    """The API server lets in who signed in with the identity service, under the name that was agreed on."""
    answer = who_am_i(tenant_a.api, token.text)
    evidence.add(f"ask the API server who bears {token}", f"{answer.status} {name_of(answer)}")
    assert answer.ok, f"refused: {answer}"
    assert name_of(answer) == identity.user.name, f"known as {name_of(answer)}, not as {identity.user.name}"


@requirement("GVC-IAM-01")
def test_password_alone_opens_nothing(
    tenant_a: Tenant, issuer: Issuer, token: Token, identity: IdentityService, evidence: EvidenceBook
) -> None:
    """Who has a second factor and shows the password alone gets no token, or one that the API server refuses."""
    must_be_let_in(tenant_a, token, evidence)
    factor = identity.second_factor
    assert token.says(factor.claim, factor.value), f"a token does not say in {factor.claim} that a code was shown"
    refuse_without_second_factor(tenant_a, issuer, identity, identity.user, evidence)


@requirement("GVC-IAM-01")
def test_person_without_second_factor_is_refused(
    tenant_a: Tenant, issuer: Issuer, token: Token, identity: IdentityService, evidence: EvidenceBook
) -> None:
    """Who has no second factor gets no token, or one that the API server refuses."""
    person = declared(identity.user_without_second_factor, "user without second factor")
    must_be_let_in(tenant_a, token, evidence)
    refuse_without_second_factor(tenant_a, issuer, identity, person, evidence)


def refuse_without_second_factor(
    tenant: Tenant, issuer: Issuer, identity: IdentityService, person: Person, evidence: EvidenceBook
) -> None:
    """Sign in with a password alone, and try what comes of it."""
    found = issuer.sign_in(identity.client, person.secrets(), second_factor=False)
    evidence.add(f"sign in as {person.secrets().username} with the password alone", found)
    if isinstance(found, Refusal):
        return
    answer = who_am_i(tenant.api, found.text)
    evidence.add("ask the API server who bears that token", answer)
    assert answer.status == 401, f"let in with a password alone: {answer.status} {name_of(answer)}"


@requirement("GVC-IAM-02")
@pytest.mark.parametrize("what", ["foreign-key", "altered-signature", "altered-claims", "unsigned"])
def test_forged_token_of_a_person_is_refused(tenant_a: Tenant, token: Token, what: str, evidence: EvidenceBook) -> None:
    """A token with a person's claims that the identity service did not sign is refused."""
    must_be_let_in(tenant_a, token, evidence)
    answer = who_am_i(tenant_a.api, forged(token)[what])
    evidence.add(f"show the API server the same claims: {what}", answer)
    assert answer.status == 401, f"not refused as unauthenticated: {answer.status} {name_of(answer)}"


@requirement("GVC-IAM-02")
def test_token_for_another_client_is_refused(
    tenant_a: Tenant, issuer: Issuer, token: Token, identity: IdentityService, evidence: EvidenceBook
) -> None:
    """A token that a person got for another program is of no use with the API server."""
    client = declared(identity.other_client, "client whose tokens are not meant for the API server")
    must_be_let_in(tenant_a, token, evidence)
    other = must_sign_in(issuer, client, identity.user)
    answer = who_am_i(tenant_a.api, other.text)
    evidence.add(f"ask the API server who bears {other}", answer)
    assert answer.status == 401, f"not refused as unauthenticated: {answer.status} {name_of(answer)}"


@requirement("GVC-IAM-02")
def test_tenant_gets_no_certificate_of_a_person(tenant_a: Tenant, token: Token, evidence: EvidenceBook) -> None:
    """Neither a tenant's account nor a person may ask for a client certificate, which would go round the sign-in."""
    must_be_let_in(tenant_a, token, evidence)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "govcloud-audit")])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "govcloud-audit-"},
        "spec": {
            "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }
    granted = []
    for who, credential in ((tenant_a.user, ""), ("the person", token.text)):
        answer = tenant_a.api.request("POST", CERTIFICATES, body, query=DRY_RUN, token=credential)
        evidence.add(f"ask for a client certificate as {who} (dry run)", answer)
        granted += [who] if answer.status != 403 else []
    assert not granted, f"may ask for a client certificate: {', '.join(granted)}"


@requirement("GVC-IAM-08")
def test_tokens_and_idle_sessions_end_soon(token: Token, evidence: EvidenceBook) -> None:
    """A token, and a session that nobody uses, end within five minutes."""
    evidence.add(f"read when {token} ends", f"after {token.seconds} s; idle session: {token.session_seconds} s")
    assert token.seconds <= IDLE_SECONDS, f"a token lives for {token.seconds} s; at most {IDLE_SECONDS} s"
    assert (token.session_seconds or 0) <= IDLE_SECONDS, f"an idle session lives for {token.session_seconds} s"


@requirement("GVC-IAM-08")
def test_account_is_locked_after_wrong_passwords(
    issuer: Issuer, identity: IdentityService, evidence: EvidenceBook
) -> None:
    """After ten wrong passwords the right one, with a code, is refused."""
    secrets = declared(identity.user_to_lock, "user that may be locked").secrets()
    deadline = time.monotonic() + LOCKED_BEFORE_SECONDS
    while isinstance(found := issuer.sign_in(identity.client, secrets), Refusal):
        evidence.add(f"sign in as {secrets.username}", found)
        if time.monotonic() > deadline:
            raise KitError(f"{secrets.username} cannot sign in, so a refusal means nothing: {found}")
        time.sleep(5)
    evidence.add(f"sign in as {secrets.username}", found)
    wrong = secrets.model_copy(update={"password": f"not-{secrets.password}"})
    for _ in range(TRIES):
        refused = issuer.sign_in(identity.client, wrong, second_factor=False)
        assert isinstance(refused, Refusal), "a wrong password is taken"
    evidence.add(f"sign in with a wrong password, {TRIES} times", refused)
    for _ in range(2):  # two codes, so that it is not for the code
        found = issuer.sign_in(identity.client, secrets)
        evidence.add("sign in with the right one and a code", found)
        assert isinstance(found, Refusal), f"not locked after {TRIES} wrong passwords"


@requirement("GVC-IAM-08")
def test_token_that_has_ended_is_refused(
    tenant_a: Tenant, issuer: Issuer, identity: IdentityService, evidence: EvidenceBook
) -> None:
    """A token that was taken is refused as soon as its time is over."""
    client = declared(identity.brief_client, "client whose tokens end within seconds")
    brief = must_sign_in(issuer, client, identity.user)
    must_be_let_in(tenant_a, brief, evidence)
    if brief.seconds > BRIEF_SECONDS:
        raise KitError(f"tokens of {client} live for {brief.seconds} s; at most {BRIEF_SECONDS} s")
    time.sleep(max(0.0, brief.claims["exp"] - time.time()))
    deadline = time.monotonic() + CACHED_SECONDS
    while (answer := who_am_i(tenant_a.api, brief.text)).ok and time.monotonic() < deadline:
        time.sleep(1)
    late = time.time() - brief.claims["exp"]
    evidence.add(f"ask again {late:.0f} s after its end", answer)
    assert answer.status == 401, f"not refused as unauthenticated: {answer.status} {name_of(answer)}"
