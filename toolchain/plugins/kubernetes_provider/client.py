"""Requests to one API server: pooled connections, retries within bounds, errors that can be told to a person."""

from __future__ import annotations

import json
import os
import random
import ssl
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import urllib3

from toolchain.plugins.kubernetes_provider import kubeconfig
from toolchain.plugins.kubernetes_provider.kubeconfig import Connection, Credential
from toolchain.plugins.kubernetes_provider.pace import Limits, Pace

APPLY: Final = "application/apply-patch+yaml"
FIRST_CONTACT: Final = 5.0
"""Seconds to keep trying a server that has not answered yet: one that is away is told of soon."""
LATER_CONTACT: Final = 60.0
"""Seconds to keep trying a server that has answered before: it may be starting anew."""
STAYS_AWAY: Final = 10.0
"""Seconds for which a server that did not answer is not tried again, so that many resources do not each wait for it."""
OVERLOAD: Final = 300.0
"""Seconds to obey a server that asks to come back later."""
_TRANSIENT: Final = (
    "etcdserver:",
    "leader changed",
    "connection refused",
    "storage is (re)initializing",
    "not yet ready",
)


class UnreachableError(Exception):
    """The API server does not answer."""


class RunCancelledError(Exception):
    """The run was cancelled while this waited."""


class ApiError(Exception):
    """The API server refused a request; ``message`` is its own explanation."""

    def __init__(self, code: int, reason: str, message: str, causes: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.causes = causes or []


class Client:
    """Talks to one API server for any number of threads."""

    def __init__(self, connection: Connection, cancelled: threading.Event, limits: Limits | None = None) -> None:
        self.connection = connection
        self._cancelled = cancelled
        self._limits = limits or Limits()
        self._pace = Pace(self._limits)
        self._lock = threading.Lock()
        self._credential: Credential | None = None
        self._pool: urllib3.PoolManager | None = None
        self._answered = False
        self._away: tuple[float, str] | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content: str = "application/json",
        warnings: list[str] | None = None,
    ) -> dict[str, Any]:
        """Send a request and return the object it answers with; ``warnings`` is filled with the server's.

        Raises ApiError for what the server refuses, UnreachableError when it does not answer, RunCancelledError when
        the run was cancelled. A server that is busy, or that is gone for a moment, is asked again.
        """
        target = f"{self.connection.server}{path}" + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        began = time.monotonic()
        if self._away and began - self._away[0] < STAYS_AWAY:
            raise UnreachableError(self._away[1])
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = self._send(method, target, data, content)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                patience = LATER_CONTACT if self._answered else FIRST_CONTACT
                if _is_final(error) or time.monotonic() - began > patience:
                    message = f"{self.connection.server} does not answer: {_reason(error)}"
                    self._away = (time.monotonic(), message)
                    raise UnreachableError(message) from error
                self._pause(min(0.1 * 2**attempt, 2.0))
                continue
            self._answered, self._away = True, None
            if answer.status < 400:
                if warnings is not None:
                    warnings.extend(_warnings(answer.headers.getlist("Warning")))
                return dict(json.loads(answer.data)) if answer.data else {}
            refused = _api_error(answer.status, answer.data)
            if answer.status == 401 and attempt == 1 and self.connection.command:
                self._forget_credential()
                continue
            wait = _retry_after(answer.status, refused, answer.headers.get("Retry-After"), attempt)
            if wait is None or time.monotonic() - began > (OVERLOAD if answer.status == 429 else LATER_CONTACT):
                raise refused
            self._pause(wait)

    def members(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the members of a collection; they do not tell their kind."""
        return list(self.request("GET", path, query=query).get("items") or [])

    def _pause(self, seconds: float) -> None:
        if self._cancelled.wait(seconds * random.uniform(0.8, 1.2)):  # noqa: S311 - only to spread the retries
            raise RunCancelledError

    def _send(self, method: str, target: str, data: bytes | None, content: str) -> urllib3.BaseHTTPResponse:
        if self._cancelled.wait(self._pace.reserve()):
            raise RunCancelledError
        headers = {"Accept": "application/json", **self._authorization()}
        if data is not None:
            headers["Content-Type"] = content
        return self._connections().request(
            method,
            target,
            body=data,
            headers=headers,
            retries=False,
            timeout=urllib3.Timeout(connect=3.0, read=self._limits.timeout),
        )

    def _authorization(self) -> dict[str, str]:
        connection = self.connection
        token = connection.token
        if connection.token_file:
            token = Path(connection.token_file).read_text(encoding="utf-8").strip()
        elif connection.command:
            with self._lock:
                if self._credential is None or not self._credential.fresh():
                    self._credential = kubeconfig.run_command(connection.command, connection.folder)
                    self._pool = None
                token = self._credential.token
        if token:
            return {"Authorization": f"Bearer {token}"}
        return {"Authorization": f"Basic {connection.basic}"} if connection.basic else {}

    def _forget_credential(self) -> None:
        with self._lock:
            self._credential = None

    def _connections(self) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None:
                self._pool = self._open()
            return self._pool

    def _open(self) -> urllib3.PoolManager:
        connection = self.connection
        options: dict[str, Any] = {"maxsize": 64, "block": False}
        if connection.server.startswith("https"):
            options["ssl_context"] = _tls(connection, self._credential)
            if connection.server_name:
                options["server_hostname"] = connection.server_name
        if connection.proxy:
            return urllib3.ProxyManager(connection.proxy, **options)
        return urllib3.PoolManager(**options)


def _tls(connection: Connection, credential: Credential | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=connection.authority or None)
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate = credential.certificate if credential and credential.certificate else connection.certificate
    key = credential.key if credential and credential.key else connection.key
    if certificate:
        # The module takes files only; these are in memory and gone when closed.
        with _memory_file(f"{certificate}\n{key}") as file:
            context.load_cert_chain(f"/proc/self/fd/{file}")
    return context


class _memory_file:  # noqa: N801 - used like a function
    def __init__(self, text: str) -> None:
        self._file = os.memfd_create("certificate")
        os.write(self._file, text.encode())

    def __enter__(self) -> int:
        return self._file

    def __exit__(self, *_: object) -> None:
        os.close(self._file)


def _is_final(error: BaseException) -> bool:
    """Whether asking again cannot help: the other side is not who it should be."""
    return "CERTIFICATE_VERIFY_FAILED" in str(error) or "certificate required" in str(error)


def _reason(error: BaseException) -> str:
    text = str(getattr(error, "reason", None) or error)
    for known in ("Connection refused", "timed out", "No route to host", "Network is unreachable", "Connection reset"):
        if known.lower() in text.lower():
            return known.lower()
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not signed by the authority in the kubeconfig, or is for another name"
    if "Name or service not known" in text or "NameResolutionError" in text:
        return "its name cannot be resolved"
    return text


def _api_error(code: int, data: bytes) -> ApiError:
    try:
        status = json.loads(data)
    except ValueError:
        return ApiError(code, "", data.decode(errors="replace")[:500].strip() or f"HTTP status {code}")
    if not isinstance(status, dict):
        return ApiError(code, "", str(status)[:500])
    causes = (status.get("details") or {}).get("causes") or []
    return ApiError(code, status.get("reason") or "", status.get("message") or f"HTTP status {code}", causes)


def _retry_after(code: int, refused: ApiError, header: str | None, attempt: int) -> float | None:
    """Return how many seconds to wait before asking again, or None if that would not help."""
    backoff = min(0.1 * 2.0**attempt, 5.0)
    if code == 429:
        return min(float(header), OVERLOAD) if header and header.isdigit() else backoff
    if code in (500, 503, 504) and (code == 503 or any(text in refused.message for text in _TRANSIENT)):
        return backoff
    if (
        code == 409
        and refused.reason == "Conflict"
        and not refused.causes
        and "the object has been modified" in refused.message
    ):
        return backoff
    return None


def _warnings(headers: list[str]) -> list[str]:
    """Return the texts of ``Warning: 299 - "text"`` headers."""
    return [header.partition('"')[2].rpartition('"')[0].replace('\\"', '"') for header in headers if '"' in header]
