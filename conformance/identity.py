"""Signing in with a cloud's identity service (OpenID Connect), and tokens that nobody may take."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from conformance.people import IdentityService, Secrets
from conformance.reach import look_up
from core.errors import KitError

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 15.0
STEP_SECONDS = 30
"""A one-time code stands for so long (RFC 6238)."""
_Claims = dict[str, Any]


class NoAddressError(KitError):
    """The identity service has no address of a family."""


@dataclass(frozen=True)
class Token:
    """An ID token, which is never printed."""

    text: str = field(repr=False)
    claims: _Claims
    session_seconds: int | None = None
    """How long the session lasts that nobody uses, where the service said so."""

    @property
    def seconds(self) -> int:
        """Lifetime from issue to end."""
        return int(self.claims["exp"]) - int(self.claims["iat"])

    def says(self, claim: str, value: str) -> bool:
        """Whether a claim has a value, or has it among others."""
        found = self.claims.get(claim)
        return value in found if isinstance(found, list) else found == value

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {self.claims[name]}" for name in ("aud", "amr", "acr") if name in self.claims)
        return f"a token ({shown}; {self.seconds} s)"


@dataclass(frozen=True)
class Refusal:
    """Why the identity service gave no token, in its own words."""

    status: int
    reason: str

    def __str__(self) -> str:
        return f"no token: {self.status} {self.reason}"


class Codes:
    """One-time codes of a seed; each is handed out once, since a good service takes it once."""

    def __init__(self, seed: str) -> None:
        key = base64.b32decode(seed + "=" * (-len(seed) % 8))
        self._codes = TOTP(key, 6, SHA1(), STEP_SECONDS, enforce_key_length=False)  # noqa: S303  # RFC 6238 has SHA-1
        self._last = -1

    def take(self) -> str:
        """Return a code that was not used yet, waiting for the next one where it has to be.

        A service takes the code before and the one after as well, in case its clock is not in step.
        """
        step = int(time.time()) // STEP_SECONDS
        wanted = max(step - 1, self._last + 1)
        if wanted > step + 1:
            time.sleep((wanted - 1) * STEP_SECONDS - time.time() + 0.5)
        self._last = wanted
        return self._codes.generate(wanted * STEP_SECONDS).decode()


class Issuer:
    """The identity service, seen by one who signs in. Asks over IPv4 or IPv6 as told, else over either."""

    def __init__(self, declared: IdentityService) -> None:
        self.declared = declared
        self._parts = urlsplit(declared.issuer)
        self._codes: dict[str, Codes] = {}
        self._token_endpoint = ""

    def discovery(self, family: str = "") -> dict[str, Any]:
        """Read the discovery document. Raises KitError where it is not one, or names another issuer."""
        url = f"{self.declared.issuer.rstrip('/')}/.well-known/openid-configuration"
        status, document = self._send("GET", url, family=family)
        if status != 200 or document.get("issuer") != self.declared.issuer:
            raise KitError(f"{url}: no discovery document of this issuer: {status} {document.get('issuer', '')}")
        return document

    def keys(self, document: Mapping[str, Any], family: str = "") -> jwt.PyJWKSet:
        """Read the keys that its tokens are signed with."""
        status, found = self._send("GET", str(document.get("jwks_uri")), family=family)
        try:
            return jwt.PyJWKSet.from_dict(found)
        except jwt.PyJWTError as error:
            raise KitError(f"{document.get('jwks_uri')}: {status}, and no keys: {error}") from error

    def sign_in(self, client: str, person: Secrets, *, second_factor: bool = True) -> Token | Refusal:
        """Sign a person in, with the second factor unless told not to."""
        fields = {"grant_type": "password", "client_id": client, "scope": "openid", "username": person.username}
        fields["password"] = person.password
        if second_factor and person.totp:
            fields["totp"] = self._codes.setdefault(person.username, Codes(person.totp)).take()
        self._token_endpoint = self._token_endpoint or str(self.discovery().get("token_endpoint"))
        status, body = self._send("POST", self._token_endpoint, fields)
        if "id_token" not in body:
            if status not in {400, 401, 403}:
                raise KitError(f"{self._token_endpoint}: {status}, which is neither a token nor a refusal of one")
            return Refusal(status, str(body.get("error_description") or body.get("error") or ""))
        lasts = body.get("refresh_expires_in")
        return Token(body["id_token"], claims_of(body["id_token"]), int(lasts) if lasts is not None else None)

    def addresses(self, family: str = "") -> list[str]:
        """Addresses of the issuer's host in a family, or in both."""
        if self.declared.addresses is not None:
            given = {"ipv4": str(self.declared.addresses.ipv4), "ipv6": str(self.declared.addresses.ipv6)}
            return [given[family]] if family else list(given.values())
        return _resolve(self._parts.hostname or "", family)

    def _send(
        self, method: str, url: str, fields: Mapping[str, str] | None = None, *, family: str = ""
    ) -> tuple[int, dict[str, Any]]:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        if parts.scheme != "https":
            raise KitError(f"{url}: the identity service leads to a place without TLS")
        addresses = self.addresses(family) if host == self._parts.hostname else _resolve(host, family)
        if not addresses:
            raise NoAddressError(f"{host} has no address in {family or 'either family'}")
        authority = self.declared.authority
        with urllib3.HTTPSConnectionPool(
            addresses[0],
            port,
            cert_reqs="CERT_REQUIRED",
            ca_certs=str(authority) if authority else None,
            server_hostname=host,
            assert_hostname=host,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
        ) as pool:
            headers = {"Host": parts.netloc, "Accept": "application/json"}
            body = None
            if fields is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                body = urlencode(fields)
            try:
                answer = pool.request(
                    method, parts.path or "/", body=body, headers=headers, retries=False, redirect=False
                )
            except urllib3.exceptions.HTTPError as error:
                reason = str(getattr(error, "reason", error)).splitlines()[0][:300]
                raise KitError(f"{method} {url} at {addresses[0]}: {reason}") from error
        try:
            content = json.loads(answer.data)
        except ValueError:
            content = {}
        return answer.status, content if isinstance(content, dict) else {}


def _resolve(host: str, family: str) -> list[str]:
    try:
        return look_up(host, family)
    except OSError:
        return []


def claims_of(text: str) -> _Claims:
    """Read what a token says, its signature not looked at. Raises KitError where it is no token."""
    try:
        claims: _Claims = jwt.decode(text, options={"verify_signature": False})
        int(claims["exp"]), int(claims["iat"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise KitError(f"the identity service gave something that is no ID token: {error}") from error
    return claims


def forged(token: Token) -> dict[str, str]:
    """Return tokens with the same claims that nobody may take, by what is wrong with them."""
    header = jwt.get_unverified_header(token.text)
    own_key = ec.generate_private_key(ec.SECP256R1())
    head, body, signature = token.text.split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    return {
        "foreign-key": jwt.encode(token.claims, own_key, "ES256", headers={"kid": header.get("kid", "")}),
        "altered-signature": f"{head}.{body}.{flipped}",
        "altered-claims": f"{head}.{_encoded(token.claims | {'exp': token.claims['exp'] + 60})}.{signature}",
        "unsigned": jwt.encode(token.claims, "", "none"),
    }


def _encoded(claims: _Claims) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
