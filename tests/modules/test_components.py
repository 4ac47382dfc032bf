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
from modules.components.program import on_cluster
from modules.components.shared_service import SharedService
from tests.modules.agencies import USE, agency

SNAPSHOTS = Path(__file__).parent / "snapshots"
ADDRESSES = {"clusterIPs": ["10.0.0.7", "fd00::7"]}
EXCHANGE = {
    "name": "exchange",
    "namespace": "cgc-exchange",
    "dns_name": "exchange.cgc-exchange.svc",
    "ipv4": "10.0.0.7",
    "ipv6": "fd00::7",
    "port": 80,
    "pod_port": 8080,
    "pod_labels": {"app.kubernetes.io/name": "exchange"},
}
IDENTITY = {**EXCHANGE, "name": "identity", "namespace": "cgc-identity"}
CONTRACT: dict[str, Any] = {
    "version": contract.VERSION,
    "services": {"exchange": EXCHANGE, "identity": IDENTITY},
    "gateways": {"state": "exchange"},
}


PLACEMENT = {
    "version": 1,
    "cloud": "example-cloud",
    "level": 3,
    "location": "VN-CT",
    "namespace": "egc-shared",
    "certificate": f"sha256:{'a' * 64}",
    "until": "2099-12-31",
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
            outputs = {"contract": CONTRACT, "placement": PLACEMENT}
            return args.name, {"name": args.name, "outputs": outputs, "secretOutputNames": []}
        provider = (args.provider or "").rpartition("::")[0]
        self.made[args.name] = {"type": args.typ, "inputs": args.inputs, "provider": provider}
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
    assert parsed.service("exchange") == contract.parse(CONTRACT, "cgc").service("exchange")


def test_gateway_calls_what_is_open_to_it() -> None:
    """A shared service that is the gateway of the exchange calls the namespaces open to it, and lets in grants."""
    made = graph(lambda: SharedService("exchange", 4, "image:1", gateways=["state"]))
    out = made["cgc-exchange/NetworkPolicy/state-to-agencies"]["inputs"]["spec"]
    target = {"govcloud.local/tier": "agc", "govcloud.local/open-to-state": "true"}
    assert out["egress"] == [
        {"to": [{"namespaceSelector": {"matchLabels": target}}], "ports": [{"protocol": "TCP", "port": 8080}]}
    ]
    inward = made["cgc-exchange/NetworkPolicy/from-granted"]["inputs"]["spec"]
    source = {"govcloud.local/tier": "agc", "govcloud.local/granted": "true"}
    assert inward["ingress"][0]["from"] == [{"namespaceSelector": {"matchLabels": source}}]


@pytest.mark.parametrize("name", ["ha-long", "quang-ninh", "quang-ninh-hospital"])
def test_agency_cloud(name: str) -> None:
    """The shipped agencies become one guarded namespace a system or a zone, with the declared doors and no others."""
    agency = agency_file.load(REPOSITORY / "data" / "agencies" / f"{name}.yaml")
    made = graph(lambda: AgencyCloud(agency, central_contract("organization/cgc/demo"), "image:1"))
    check(name, made)


@pytest.mark.parametrize(("gateways", "opened"), [({"state": "exchange"}, 1), ({}, 0)])
def test_gateway_is_let_in_where_there_is_one(gateways: dict[str, str], opened: int) -> None:
    """The exchange's gateway may call the hospital's edge; where the central cloud has none, nothing may."""
    agency = agency_file.load(REPOSITORY / "data" / "agencies" / "quang-ninh-hospital.yaml")
    promise = contract.parse({**CONTRACT, "gateways": gateways}, "cgc")
    made = graph(lambda: AgencyCloud(agency, pulumi.Output.from_input(promise), "image:1"))
    edge = "agc-quang-ninh-hospital-qn01-250701-records-edge"
    spec = made[f"{edge}/NetworkPolicy/from-state-gateway"]["inputs"]["spec"]
    assert (spec["policyTypes"], len(spec["ingress"])) == (["Ingress"], opened)


def test_grant_opens_the_way_to_the_exchange() -> None:
    """A system that uses a service of another agency on a grant may call the exchange's gateway, and no other may."""
    unit = agency({}, {}, exchange={"consumes": [USE]})
    promise = contract.parse(CONTRACT, "cgc")
    made = graph(lambda: AgencyCloud(unit, pulumi.Output.from_input(promise), "image:1"))
    ways = [name for name in made if "to-state-gateway" in name]
    assert ways == ["agc-x-22-250701-s0/NetworkPolicy/to-state-gateway"]
    (rule,) = made[ways[0]]["inputs"]["spec"]["egress"]
    assert rule["to"][0]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "exchange"}}


def test_another_cluster_has_no_ways_to_the_central_cloud() -> None:
    """On a cluster of its own an agency has its zones and flows, and no door that leads nowhere."""
    agency = agency_file.load(REPOSITORY / "data" / "agencies" / "ha-noi.yaml")
    made = graph(lambda: AgencyCloud(agency, None, "image:1"))
    doors = {name.rpartition("/")[2] for name in made if "/NetworkPolicy/" in name}
    assert not {"to-exchange", "to-identity", "to-state-gateway", "from-state-gateway"} & doors
    assert {"to-application-8443-tcp", "from-edge-8443-tcp", "default-deny"} <= doors


def test_system_alone_is_put_on_its_own_cluster() -> None:
    """What a system of level 5 has is made by the provider of its own cluster, what the others have is not."""
    unit = agency({"level": 5, "data": "core"}, {}, placement={"cluster": "own", "kubeconfig": "k"})

    def program() -> None:
        home = on_cluster(Path("/home.kubeconfig"))
        alone = {"s0": on_cluster(Path("/alone.kubeconfig"), "cluster-s0")}
        AgencyCloud(unit, None, "image:1", home, alone)

    made = graph(program)
    assert made["cluster-s0"]["inputs"]["kubeconfig"] == "/alone.kubeconfig"
    for name, resource in made.items():
        if resource["type"].startswith("kubernetes:"):
            assert resource["provider"].endswith("cluster-s0" if "-s0" in name else "cluster"), name


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
