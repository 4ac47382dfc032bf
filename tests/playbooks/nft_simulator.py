"""An interpreter of the nftables language as far as the agent writes it, so that its text can be judged by packets."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
WORDS = {"ip": 4, "ip6": 6}
FINAL = frozenset({"accept", "drop"})
TRACKED = frozenset({"new", "established", "related"})


@dataclass(frozen=True)
class Packet:
    """A packet at a hook. ``client``, ``server`` and ``server_port`` are its connection's, as tracked."""

    source: Address
    target: Address
    client: Address
    server: Address
    protocol: str = "tcp"
    server_port: int = 0
    iif: str = "cni0"
    oif: str = "cni0"
    reply: bool = False
    state: str = "new"
    hoplimit: int = 64
    icmpv6: str = ""


@dataclass
class Table:
    """A parsed ruleset."""

    sets: dict[str, list[str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def passes(self, hook: str, packet: Packet) -> bool:
        """Whether a packet gets through a hook's chain, whose policy is to accept."""
        return self._chain(hook, packet) != "drop"

    def _chain(self, name: str, packet: Packet) -> str:
        for rule in self.chains[name]:
            verdict = self._rule(rule, packet)
            if verdict in FINAL or verdict == "return":
                return verdict
            if verdict.startswith(("jump ", "goto ")):
                how, target = verdict.split()
                inner = self._chain(target, packet)
                if inner in FINAL:
                    return inner
                if how == "goto":
                    return "return"
        return "return"

    def _rule(self, rule: str, packet: Packet) -> str:
        """Return the rule's verdict, or '' where it does not match."""
        words = list(_words(rule))
        while words:
            if words[0] in {*FINAL, "return", "jump", "goto"}:
                return " ".join(words)
            values, words = self._expression(words, packet)
            operator = words.pop(0)
            if operator == "vmap":
                found = [e.partition(" : ") for e in self.sets[words.pop(0)[1:]]]
                return next((verdict for key, _, verdict in found if _meets(values, [key])), "")
            negated = operator == "!="
            operand = words.pop(0) if negated else operator
            if None in values or _meets(values, self._operand(operand)) == negated:
                return ""
        raise AssertionError(f"a rule without a verdict: {rule}")

    def _expression(self, words: list[str], packet: Packet) -> tuple[list[object], list[str]]:
        values: list[object] = []
        while True:
            value, used = _value(words, packet)
            values.append(value)
            words = words[used:]
            if words[0] != ".":
                return values, words
            words = words[1:]

    def _operand(self, operand: str) -> list[str]:
        if operand.startswith("@"):
            return self.sets[operand[1:]]
        if operand.startswith("{"):
            return [e.strip() for e in operand.strip("{} ").split(",")]
        return operand.strip('"').split(",")


def parse(text: str) -> Table:
    """Read a ruleset; anything that this interpreter does not know fails."""
    table = Table()
    for kind, name, body in re.findall(r"^  (set|map|chain) (\S+) \{\n(.*?)\n  \}$", text, re.MULTILINE | re.DOTALL):
        lines = [line.strip() for line in body.splitlines()]
        if kind == "chain":
            table.chains[name] = [line for line in lines if not line.startswith("type ")]
        else:
            elements = [re.fullmatch(r"elements = \{ (.*) \};", line) for line in lines]
            table.sets[name] = [e for found in elements if found for e in found[1].split(", ")]
    return table


@cache
def _words(rule: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\{[^}]*\}|\S+", rule))


@cache
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _value(words: list[str], packet: Packet) -> tuple[object, int]:
    """Return what an expression stands for (None: it does not apply to this packet) and how many words it has."""
    plain: dict[tuple[str, ...], object] = {
        ("iifname",): packet.iif,
        ("oifname",): packet.oif,
        ("meta", "nfproto"): f"ipv{packet.source.version}",
        ("meta", "l4proto"): packet.protocol,
        ("ip6", "hoplimit"): packet.hoplimit if packet.source.version == 6 else None,
        ("icmpv6", "type"): packet.icmpv6 or None,
        ("ct", "state"): packet.state,
        ("ct", "direction"): {True: "reply", False: "original"}[packet.reply] if packet.state in TRACKED else None,
        ("ct", "reply", "proto-src"): packet.server_port,
    }
    for word in WORDS:
        plain[word, "saddr"] = _of(packet.source, word)
        plain[word, "daddr"] = _of(packet.target, word)
        plain["ct", "original", word, "saddr"] = _of(packet.client, word)
        plain["ct", "reply", word, "saddr"] = _of(packet.server, word)
    for length in (4, 3, 2, 1):
        if tuple(words[:length]) in plain:
            return plain[tuple(words[:length])], length
    raise AssertionError(f"an expression that is not known: {' '.join(words)}")


def _of(address: Address, word: str) -> Address | None:
    return address if address.version == WORDS[word] else None


def _meets(values: list[object], elements: list[str]) -> bool:
    return any(
        all(_one(value, part) for value, part in zip(values, element.split(" . "), strict=True)) for element in elements
    )


def _one(value: object, element: str) -> bool:
    if isinstance(value, IPv4Address | IPv6Address):
        return value in _network(element)
    if isinstance(value, int):
        low, _, high = element.partition("-")
        return int(low) <= value <= int(high or low)
    return value == element
