"""Requests to a cloud's API server that are bounded in time and answer with what the server said, refusals included."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
import websocket
from kubernetes.client import ApiClient, ApiException
from kubernetes.config import new_client_from_config
from kubernetes.config.config_exception import ConfigException
from kubernetes.stream.ws_client import ERROR_CHANNEL, WSClient, portforward_call

from core.errors import KitError

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 12.0
DRY_RUN: Mapping[str, str] = {"dryRun": "All"}
"""Query that takes a request through authorisation and admission and stores nothing."""

MERGE_PATCH = "application/merge-patch+json"


class TooFewRightsError(KitError):
    """The account of the audit may not do what a check needs, so that the check cannot be decided."""


@dataclass(frozen=True)
class Answer:
    """What the API server said to one request."""

    asked: str
    """Method and path, without credentials."""
    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = field(default=b"", repr=False)
    """The whole answer as it came."""

    @property
    def ok(self) -> bool:
        """Whether the request was granted."""
        return 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether it was refused on principle, by rights or at admission, with words that say so."""
        return self.status in {403, 422} and bool(self.message)

    @property
    def message(self) -> str:
        """The server's own words where it refused."""
        return " ".join(str(self.body.get("message") or "").split())

    def __str__(self) -> str:
        return f"{self.status} {self.message}".strip()


@dataclass(frozen=True)
class Done:
    """How a program that ran in a pod ended."""

    code: int
    output: str


class Api:
    """One account's way to an API server. Safe to use from several threads."""

    def __init__(self, kubeconfig: Path, *, answer_seconds: float | None = None) -> None:
        self._answer_seconds = answer_seconds
        try:
            self._client: ApiClient = new_client_from_config(config_file=str(kubeconfig))
        except (ConfigException, OSError, ValueError, KeyError, TypeError, ssl.SSLError) as error:
            raise KitError(f"{kubeconfig}: not a usable kubeconfig: {_first_line(error)}") from error
        self._settings = self._client.configuration
        self.server: str = str(self._settings.host).rstrip("/")
        self.host: str = urlsplit(self.server).hostname or ""
        self.port: int = urlsplit(self.server).port or 443
        self.authority: str | None = self._settings.ssl_ca_cert
        """File with the certificates that sign the server's, where the kubeconfig names one."""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        anonymous: bool = False,
        token: str = "",
    ) -> Answer:
        """Send one request, follow no redirect, and return the answer whatever its status.

        Raises KitError when there is no answer in time, when the connection cannot be trusted, or when the answer
        is not one of an API server (a redirect, or a server error that decides nothing). With ``anonymous`` no
        credential goes along; with ``token`` that one does instead of the account's.
        """
        headers = {"Accept": "application/json", "Content-Type": content_type}
        bare = anonymous or bool(token)
        if credential := f"Bearer {token}" if token else None if anonymous else self._token():
            headers["Authorization"] = credential
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        asked = f"{method} {path}"
        seconds = self._answer_seconds or ANSWER_SECONDS
        pool = self._bare_pool() if bare else self._client.rest_client.pool_manager
        try:
            raw = pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise KitError(f"{self.host} port {self.port}, {asked}: {_why(error, seconds)}") from error
        answer = Answer(asked, raw.status, _parse(raw.data), dict(raw.headers), raw.data)
        if 300 <= answer.status < 400:
            raise KitError(f"{self.host} answered {asked} with a redirect ({answer.status}), as no API server does")
        if answer.status >= 500 or answer.status == 429:
            raise KitError(f"{self.host} could not answer {asked}: {answer}")
        return answer

    def must(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """Send a request that has to be granted, and return the object. Raises KitError with the server's reason."""
        return granted(self.request(method, path, body, **options)).body

    def text(self, path: str) -> str:
        """Return what is no JSON, such as the counts under /metrics. Raises KitError where it is not granted."""
        return granted(self.request("GET", path)).raw.decode(errors="replace")

    def create(self, path: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object in a collection."""
        return self.must("POST", path, manifest)

    def remove(self, path: str) -> None:
        """Delete an object at once; one that is gone already is no mistake."""
        answer = self.request("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 1})
        if answer.status != 404:
            granted(answer)

    def execute(self, namespace: str, pod: str, command: Sequence[str], *, seconds: float) -> Done:
        """Run a program in a pod to its end, ``seconds`` at most."""
        url = f"{self.server}/api/v1/namespaces/{namespace}/pods/{pod}/exec"
        query = [("command", word) for word in command] + [("stdout", "true"), ("stderr", "true")]
        websocket.setdefaulttimeout(CONNECT_SECONDS + seconds)
        headers = {"authorization": token} if (token := self._token()) else {}
        try:
            stream = WSClient(
                self._settings, f"wss{url.removeprefix('https')}?{urlencode(query)}", headers, capture_all=True
            )
            stream.run_forever(timeout=seconds)
        except websocket.WebSocketBadStatusException as error:
            reason = f"exec in pod {pod} of {namespace}: {error.status_code}"
            if error.status_code in {401, 403}:
                raise TooFewRightsError(
                    f"the account of the audit may not run programs in its pods: {reason}"
                ) from error
            raise KitError(f"{reason} {_first_line(error)}") from error
        except (websocket.WebSocketException, OSError) as error:
            raise KitError(f"exec in pod {pod} of {namespace}: {_first_line(error)}") from error
        if stream.is_open():
            stream.close()
            raise KitError(f"exec in pod {pod} of {namespace}: '{' '.join(command)}' did not end in {seconds:.0f} s")
        return _ended(stream)

    def fetch(self, namespace: str, pod: str, port: int, path: str, *, seconds: float) -> str:
        """GET a path from a port inside a pod by port forwarding, which no network policy stands in the way of."""
        url = f"{self.server}/api/v1/namespaces/{namespace}/pods/{pod}/portforward"
        websocket.setdefaulttimeout(CONNECT_SECONDS + seconds)
        headers = {"authorization": token} if (token := self._token()) else {}
        try:
            forward = portforward_call(self._settings, "GET", url, query_params=[("ports", str(port))], headers=headers)
            with closing(forward.socket(port)) as connection:
                connection.settimeout(seconds)
                connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                received = b"".join(iter(lambda: connection.recv(65536), b""))
        except (ApiException, OSError) as error:
            reason = _first_line(getattr(error, "reason", None) or error)
            if "Handshake status 403" in reason:
                raise TooFewRightsError("too few rights for the audit to forward ports of its own pods") from error
            raise KitError(f"port forwarding to pod {pod} of {namespace}: {reason}") from error
        head, _, body = received.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.0 200") and not head.startswith(b"HTTP/1.1 200"):
            raise KitError(f"pod {pod} of {namespace} did not answer through port forwarding: {head[:80]!r}")
        return body.decode(errors="replace")

    def _token(self) -> str | None:
        token: str | None = self._settings.get_api_key_with_prefix("BearerToken", alias="authorization")
        return token

    def _bare_pool(self) -> urllib3.PoolManager:
        """Return connections that carry no client certificate either."""
        return urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=self.authority)


def granted(answer: Answer) -> Answer:
    """Return the answer to a request that has to be granted. Raises KitError with the server's reason."""
    if answer.status in {401, 403}:
        raise TooFewRightsError(f"too few rights for the audit to {answer.asked}: {answer}")
    if not answer.ok:
        raise KitError(f"{answer.asked}: {answer}")
    return answer


def _ended(stream: Any) -> Done:
    status = json.loads(stream.read_channel(ERROR_CHANNEL) or "{}")
    output = str(stream.read_all()).strip()
    if status.get("status") == "Success":
        return Done(0, output)
    causes = (status.get("details") or {}).get("causes") or []
    code = next((cause["message"] for cause in causes if cause.get("reason") == "ExitCode"), None)
    if code is None:
        raise KitError(f"a program in a pod could not be run: {status.get('message') or output or 'no reason given'}")
    return Done(int(code), output)


def _parse(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        return {"message": data[:200].decode(errors="replace")}
    return value if isinstance(value, dict) else {"items": value}


def _why(error: urllib3.exceptions.HTTPError, seconds: float) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "no connection: " + _first_line(reason).rpartition(": ")[2]
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return f"no answer within {seconds:.0f} s"
    if isinstance(error, urllib3.exceptions.SSLError):
        return f"its certificate or TLS is not what the kubeconfig expects: {_first_line(reason)}"
    return _first_line(reason)


def _first_line(error: object) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
