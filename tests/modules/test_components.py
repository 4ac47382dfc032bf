"""The graph of resources that the components make, as a person would draw it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi.runtime
import pytest
import yaml

from core.paths import REPOSITORY
from modules import agency_file, contract
from modules.components.agency_cloud import AgencyCloud, central_contract
from modules.components.shared_service import SharedService

SNAPSHOTS = Path(__file__).parent / "snapshots"
ADDRESSES = {"clusterIPs": ["10.0.0.7", "fd00::7"]}
CONTRACT = {
    "version": contract.VERSION,
    "services": {
        "exchange": {
            "name": "exchange",
            "namespace": "cgc-exchange",
            "dns_name": "exchange.cgc-exchange.svc",
            "ipv4": "10.0.0.7",
            "ipv6": "fd00::7",
            "port": 80,
            "pod_port": 8080,
            "pod_labels": {"app.kubernetes.io/name": "exchange"},
        }
    },
}


class Recorder(pulumi.runtime.Mocks):
    """Stands for the engine's monitor: remembers what was asked for."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        state = dict(args.inputs)
        if args.typ == "kubernetes:core/v1:Service":
            state["spec"] = {**state["spec"], **ADDRESSES}
        if args.typ == "pulumi:pulumi:StackReference":
            return args.name, {"name": args.name, "outputs": {"contract": CONTRACT}, "secretOutputNames": []}
        self.made[args.name] = {"type": args.typ, "inputs": args.inputs}
        return args.name, state

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        raise AssertionError(f"no component calls the provider, but {args.token} was called")


def graph(program: Callable[[], object]) -> dict[str, dict[str, Any]]:
    """Run a program against the recorder and return what it asked for."""
    recorder = Recorder()
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(recorder, project="test", stack="test")

    def run() -> None:
        program()

    pulumi.runtime.test(run)()
    return recorder.made


def outline(made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Count the kinds and list the names; what is in the manifests is tested where they are built."""
    kinds = [resource["type"] for resource in made.values() if resource["type"] != "pulumi:pulumi:Stack"]
    return {
        "counts": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "resources": sorted(name for name, resource in made.items() if resource["type"].startswith("kubernetes:")),
    }


def check(name: str, made: dict[str, dict[str, Any]]) -> None:
    expected = yaml.safe_load((SNAPSHOTS / f"{name}.yaml").read_text())
    assert outline(made) == expected


def test_shared_service() -> None:
    """A shared service is a guarded namespace with a workload, its budget, its door and a Service."""
    check("shared-service", graph(lambda: SharedService("exchange", 4, "image:1")))


def test_contract_comes_from_the_service() -> None:
    """The contract carries the addresses that the Service got, each under its family, and can be read back."""
    found: list[Any] = []
    graph(lambda: SharedService("exchange", 4, "image:1").contract.apply(found.append))
    parsed = contract.parse({"version": contract.VERSION, "services": {"exchange": found[0]}}, "cgc")
    assert parsed == contract.parse(CONTRACT, "cgc")


@pytest.mark.parametrize("name", ["ha-long", "quang-ninh"])
def test_agency_cloud(name: str) -> None:
    """The shipped agencies become one guarded namespace a system, with the declared doors and no others."""
    agency = agency_file.load(REPOSITORY / "data" / "agencies" / f"{name}.yaml")
    made = graph(lambda: AgencyCloud(agency, central_contract("organization/cgc/demo"), "image:1"))
    check(name, made)


def test_door_to_the_central_service() -> None:
    """The door out leads to the contract's pods in the contract's namespace on the pods' port."""
    agency = agency_file.load(REPOSITORY / "data" / "agencies" / "ha-long.yaml")
    made = graph(lambda: AgencyCloud(agency, central_contract("organization/cgc/demo"), "image:1"))
    spec = made["agc-ha-long-06688-250701-one-stop/NetworkPolicy/to-exchange"]["inputs"]["spec"]
    assert spec["egress"] == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "cgc-exchange"}},
                    "podSelector": {"matchLabels": {"app.kubernetes.io/name": "exchange"}},
                }
            ],
            "ports": [{"protocol": "TCP", "port": 8080}],
        }
    ]
