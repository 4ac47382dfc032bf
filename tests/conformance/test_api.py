"""Requests to API servers that misbehave: one line that says why, in bounded time, and never a wrong conclusion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conformance import api
from conformance.api import Api, TooFewRightsError
from conformance.declared import UNDECLARED
from conformance.results import Verdict
from conformance.run import audit
from core.errors import KitError
from tests.certificates import Certificate
from tests.conformance import servers
from tests.conformance.servers import Server

Connect = Callable[[Server], Api]


@pytest.fixture
def connect(certificate: Certificate, make_kubeconfig: Callable[..., Path], tmp_path: Path) -> Connect:
    def to(server: Server) -> Api:
        path = tmp_path / "kubeconfig"
        return Api(make_kubeconfig(path, f"https://127.0.0.1:{server.port}", certificate.authority))

    return to


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (servers.hang, "no answer within"),
        (servers.drop, "Remote end closed connection"),
        (servers.garbage, "127.0.0.1 port"),
        (servers.redirect, "with a redirect (302)"),
        (servers.as_json(500, {"message": "etcd is away"}), "could not answer GET /api: 500 etcd is away"),
        (servers.as_json(429, {"message": "later"}), "could not answer GET /api: 429 later"),
    ],
)
def test_a_server_that_decides_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    certificate: Certificate,
    serve: Callable[..., Server],
    connect: Connect,
    *,
    answer: servers.Answer,
    reason: str,
) -> None:
    """A hang, a dropped connection, garbage, a redirect or a server's own error is no refusal and no grant."""
    monkeypatch.setattr(api, "ANSWER_SECONDS", 0.5)
    server = serve(certificate.context(), answer)
    with pytest.raises(KitError) as error:
        connect(server).request("GET", "/api")
    assert reason in error.value.message
    assert "\n" not in error.value.message


def test_a_wrong_certificate_is_an_error(
    serve: Callable[..., Server], connect: Connect, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A server that another authority signed is not talked to."""
    other = Certificate(tmp_path_factory.mktemp("other"))
    server = serve(other.context())
    with pytest.raises(KitError, match="certificate"):
        connect(server).request("GET", "/api")


def test_a_refusal_is_an_answer(certificate: Certificate, serve: Callable[..., Server], connect: Connect) -> None:
    """403 is returned with the server's words; a request that must be granted says that rights are too few."""
    account = connect(serve(certificate.context(), servers.as_json(403, {"message": "not\n you"})))
    answer = account.request("GET", "/api")
    assert not answer.ok
    assert str(answer) == "403 not you"
    with pytest.raises(TooFewRightsError, match="too few rights for the audit to GET /api: 403 not you"):
        account.must("GET", "/api")


def test_credentials_are_sent_only_when_asked(
    certificate: Certificate, serve: Callable[..., Server], connect: Connect
) -> None:
    """An anonymous request carries no credential; one with another's token carries that alone."""
    seen: list[str | None] = []

    def answer(handler: servers.BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers.get("Authorization"))
        servers.as_json(200, {})(handler)

    account = connect(serve(certificate.context(), answer))
    account.request("GET", "/api")
    account.request("GET", "/api", anonymous=True)
    account.request("GET", "/api", token="another")
    assert seen == ["Bearer a-token", None, "Bearer another"]


def test_nothing_there_is_an_error(unused_port: int, make_kubeconfig: Callable[..., Path], tmp_path: Path) -> None:
    """Where nothing listens, the reason is one line with the place."""
    account = Api(make_kubeconfig(tmp_path / "kubeconfig", f"https://127.0.0.1:{unused_port}"))
    with pytest.raises(KitError, match=f"127.0.0.1 port {unused_port}.*refused"):
        account.request("GET", "/api")


def test_a_cloud_out_of_reach_gives_no_pass(unused_port: int, make_target: Callable[..., Path], tmp_path: Path) -> None:
    """With no API server at all, every check is undecided: not one PASS, no FAIL, no traceback in a reason."""
    target = make_target(tmp_path, f"https://127.0.0.1:{unused_port}")
    run = audit(target, tmp_path / "out")
    left = {result.name for result in run.results if result.reason.startswith(UNDECLARED)}
    assert left == {result.name for result in run.results if result.verdict is Verdict.MANUAL}
    undecided = [result for result in run.results if result.verdict is Verdict.ERROR]
    assert {result.name for result in run.results} - {result.name for result in undecided} - left == {
        "dual_stack.every_node_holds_both_families",  # the target has no reader
        "kubernetes.nodes_are_supported",
    }
    assert {result.reason.rpartition(": ")[2] for result in undecided} == {"[Errno 111] Connection refused"}
    assert run.exit_code == 2
