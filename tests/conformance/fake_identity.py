"""An identity service and an API server that trusts it, on loopback, with flaws to choose."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conformance.servers import as_json

PEOPLE = {"an": True, "no-second-factor": False, "to-lock": True}
"""Who can sign in, and whether with a second factor."""
PASSWORD = "right"
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
TENANT_TOKEN = "a-token"


class FakeCloud:
    """Answers as a good cloud does, but for its flaws."""

    def __init__(self, *flaws: str) -> None:
        self.flaws = set(flaws)
        self.issuer = ""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._failures = dict.fromkeys(PEOPLE, 0)

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        bearer = (handler.headers.get("Authorization") or "").removeprefix("Bearer ")
        routes: Mapping[str, Callable[[], tuple[int, object]]] = {
            "/realms/x/.well-known/openid-configuration": self._discovery,
            "/keys": self._keys,
            "/token": lambda: self._token({name: values[0] for name, values in parse_qs(body).items()}),
            "/apis/authentication.k8s.io/v1/selfsubjectreviews": lambda: self._review(bearer),
            "/apis/certificates.k8s.io/v1/certificatesigningrequests": self._certificates,
        }
        route = routes.get(handler.path.split("?")[0], lambda: (404, {}))
        as_json(*route())(handler)

    def _discovery(self) -> tuple[int, object]:
        root = self.issuer.removesuffix("/realms/x")
        issuer = "https://elsewhere.test" if "other-issuer" in self.flaws else self.issuer
        return 200, {"issuer": issuer, "jwks_uri": f"{root}/keys", "token_endpoint": f"{root}/token"}

    def _keys(self) -> tuple[int, object]:
        shown = ec.generate_private_key(ec.SECP256R1()) if "foreign-keys" in self.flaws else self._key
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(shown.public_key()))
        return 200, {"keys": [key | {"kid": "one", "alg": "ES256", "use": "sig"}]}

    def _token(self, form: dict[str, str]) -> tuple[int, object]:
        name, client = form["username"], form["client_id"]
        asked = PEOPLE[name] and "password-alone" not in self.flaws
        locked = self._failures[name] >= 5 and "no-lock" not in self.flaws
        if locked or form["password"] != PASSWORD or (asked and len(form.get("totp", "")) != 6):
            self._failures[name] += 1
            return 401, {"error": "invalid_grant", "error_description": "Invalid user credentials"}
        now = int(time.time())
        lasts = 1 if client == "brief" else 36000 if "long-tokens" in self.flaws else 300
        claims = {
            "iss": self.issuer,
            "aud": "other" if client == "other" else "kubernetes",
            "iat": now,
            "exp": now + lasts,
            "preferred_username": name,
            "amr": ["pwd", "otp"] if "totp" in form else ["pwd"],
        }
        text = jwt.encode(claims, self._key, "ES256", headers={"kid": "one"})
        return 200, {"id_token": text, "refresh_expires_in": 300}

    def _review(self, bearer: str) -> tuple[int, object]:
        if bearer == TENANT_TOKEN:
            return 201, {"status": {"userInfo": {"username": "tenant"}}}
        try:
            claims = self._accepted(bearer)
        except jwt.PyJWTError:
            return 401, {"message": "Unauthorized"}
        rules_off = {"password-alone", "no-second-factor-rule"} & self.flaws
        if "otp" not in claims["amr"] and not rules_off:
            return 401, {"message": "Unauthorized"}
        prefix = "" if "other-name" in self.flaws else "x:"
        return 201, {"status": {"userInfo": {"username": f"{prefix}{claims['preferred_username']}"}}}

    def _accepted(self, bearer: str) -> dict[str, Any]:
        unsigned = jwt.get_unverified_header(bearer)["alg"] == "none"
        looks = not ("any-signature" in self.flaws or (unsigned and "takes-unsigned" in self.flaws))
        options: Any = {
            "verify_signature": looks,
            "verify_aud": "any-audience" not in self.flaws,
            "verify_exp": "no-end" not in self.flaws,
            "verify_iat": False,
        }
        audience = None if "any-audience" in self.flaws else "kubernetes"
        claims: dict[str, Any] = jwt.decode(
            bearer, self._key.public_key(), ["ES256"], audience=audience, options=options
        )
        return claims

    def _certificates(self) -> tuple[int, object]:
        return (201, {}) if "certificates" in self.flaws else (403, {"message": "forbidden"})
