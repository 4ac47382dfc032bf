"""The contract between the central cloud's stack and the agencies' stacks."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import KitError
from modules import contract

SERVICE: dict[str, Any] = {
    "name": "exchange",
    "namespace": "cgc-exchange",
    "dns_name": "exchange.cgc-exchange.svc",
    "ipv4": "10.0.0.7",
    "ipv6": "fd00::7",
    "port": 80.0,  # Pulumi carries every number as a float
    "pod_port": 8080.0,
    "pod_labels": {"app": "exchange"},
}


def value(**changes: Any) -> dict[str, Any]:
    return {"version": 1.0, "services": {"exchange": {**SERVICE, **changes}}}


def test_contract_is_read() -> None:
    """What the central stack exports is read into typed values."""
    service = contract.parse(value(), "cgc").service("exchange")
    assert (service.port, service.pod_port) == (80, 8080)
    assert (service.ipv4.version, service.ipv6.version) == (4, 6)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "has no output 'contract'"),
        ("text", "has no output 'contract'"),
        ({"version": 2, "services": {}}, "version 2, and this kit reads version 1"),
        ({"services": {}}, "version None"),
        (value(ipv6="10.0.0.8"), r"services\.exchange\.ipv6"),
        (value(ipv4=None), r"services\.exchange\.ipv4"),
        (value(port=0), r"services\.exchange\.port"),
        (value(more=1), r"services\.exchange\.more"),
    ],
)
def test_other_contract_is_refused(given: object, said: str) -> None:
    """What cannot be relied on is refused, with the stack, the field and the way out."""
    with pytest.raises(KitError, match=said) as caught:
        contract.parse(given, "organization/cgc/demo")
    assert "organization/cgc/demo" in caught.value.message
    assert caught.value.hint


def test_gateways_are_services_of_the_contract() -> None:
    """A gateway is found by what it is for; one that is not promised is none, and one without a service no contract."""
    found = contract.parse({**value(), "gateways": {"state": "exchange"}}, "cgc")
    assert found.gateway("state") == found.exchange() == found.service("exchange")
    assert found.gateway("internet") is None
    with pytest.raises(KitError, match="no gateway of the exchange"):
        contract.parse(value(), "cgc").exchange()
    with pytest.raises(KitError, match="gateways: no service 'other'"):
        contract.parse({**value(), "gateways": {"state": "other"}}, "cgc")


def test_unknown_service_names_those_there_are() -> None:
    """An agency that consumes what is not offered learns what is."""
    with pytest.raises(KitError, match="no service 'identity'; it offers: exchange"):
        contract.parse(value(), "cgc").service("identity")


def test_single_family_service_is_no_contract() -> None:
    """A Service that got one address only cannot be promised."""
    single = {key: item for key, item in SERVICE.items() if key != "ipv6"} | contract.by_family(["10.0.0.7"])
    with pytest.raises(KitError, match=r"ipv6"):
        contract.parse({"version": 1, "services": {"exchange": single}}, "cgc")
