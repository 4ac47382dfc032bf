"""Which number on the backbone is whose, and the address that a number gives in each family."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

ROUTER = 1
"""Number of the backbone's router in both families; hosts have it as their gateway."""
MACHINE = 2
"""Number of the machine itself on the backbone."""
CLIENT = 3
"""Number of the client that has IPv6 alone, where a topology asks for clients."""
FIRST_HOST = 11
"""Number of the first host whose addresses the topology does not give."""


def address4(network: IPv4Network, number: int) -> IPv4Address:
    """Address number ``number`` of a range."""
    return network.network_address + number


def address6(network: IPv6Network, number: int) -> IPv6Address:
    """Address whose last digits read like ``number``, so that 10.201.0.11 and ...::11 are the same host."""
    return network.network_address + int(str(number), 16)
