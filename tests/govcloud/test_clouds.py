"""What `govcloud up` does with its two agencies, on a cluster that only tells of namespaces; no engine is started."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from govcloud import agency_commands, clouds
from modules import agency_file, labels
from modules.onboarding import register
from toolchain import automation
from toolchain.automation import OnPreview, Summary
from toolchain.engine import OnEvent

AGENCIES = [agency_file.load(path) for path in clouds.AGENCY_FILES]
SLUGS = {it.slug for it in AGENCIES}
CONTRACT = {"contract": {"version": 1, "services": {}}}


@dataclass
class Machine:
    """The local clouds, as far as provisioning asks for them."""

    environment: Mapping[str, str]
    records: Path
    namespaces: dict[str, str]
    """Labels of each namespace of the cluster: the agency it is of."""
    central_changes: int = 1
    ran: list[str] = field(default_factory=list)

    def up(
        self,
        project: Path,
        stack: str,
        _config: Mapping[str, str],
        _environment: Mapping[str, str],
        _pack: Path | None,
        _on_event: OnEvent,
        on_preview: OnPreview | None = None,
    ) -> Summary:
        """Make the namespaces of a stack, in the place of the engine."""
        self.ran.append(f"{project.name}/{stack}")
        changed = self.central_changes if project.name == "cgc" else 0
        changes = {"same": 3 - changed, "update": changed}
        if on_preview is not None:
            on_preview(Summary("preview", changes, 1.0))
        for agency in AGENCIES:
            if agency.slug == stack:
                self.namespaces |= {agency.namespace(it, zone): stack for it in agency.systems for zone in it.places}
        return Summary("up", changes, 2.0, CONTRACT if project.name == "cgc" else {})

    def provision(self) -> dict[str, int]:
        """Provision, and return how many resources each stack has; ``ran`` are those that the engine was asked for."""
        self.ran.clear()
        made = clouds.provision(self.environment, self.records)
        assert [it.slug for it in made.agencies] == [it.slug for it in AGENCIES]
        return {it.stack: it.resources for it in made.stacks}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Give a cluster that knows its namespaces, and an engine that is not needed."""
    namespaces: dict[str, str] = {}

    class Cluster(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found: dict[str, Any] = {"metadata": {"name": "kube-system", "uid": "one"}}
            if "labelSelector" in self.path:
                items = [_namespace(name) for name, slug in namespaces.items() if slug in self.path]
                found = {"items": items}
            text = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    Thread(target=server.serve_forever, daemon=True).start()
    kubeconfig = tmp_path / "testbeds" / "demo" / "clusters" / "cgc.kubeconfig"
    kubeconfig.parent.mkdir(parents=True)
    parts = {
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    }
    kubeconfig.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "x", **parts}))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    (tmp_path / "bin" / "pulumi").chmod(0o755)
    stored = tmp_path / "testbeds" / "demo" / "stacks"
    environment = {
        "KUBECONFIG": str(kubeconfig),
        "PATH": str(tmp_path / "bin"),
        "PULUMI_BACKEND_URL": f"file://{stored}",
    }
    for name in ("KUBECONFIG", "PULUMI_BACKEND_URL", "GOVCLOUD_RECORDS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("GOVCLOUD_STATE", tmp_path), ("GOVCLOUD_PULUMI", "system"), ("PATH", tmp_path / "bin")):
        monkeypatch.setenv(name, str(value))
    made = Machine(environment, tmp_path / "testbeds" / "demo" / "records", namespaces)
    monkeypatch.setattr(automation, "up", made.up)
    yield made
    server.shutdown()
    server.server_close()


def _namespace(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {labels.AGENCY: "x"}}, "status": {"phase": "Active"}}


def told(*words: str) -> dict[str, Any]:
    """Return what `govcloud agency status|…` says in a shell that nothing was set in."""
    result = CliRunner().invoke(agency_commands.app, [*words, "--json"], catch_exceptions=False)
    return dict(json.loads(result.stdout))


def test_agencies_are_known_as_those_of_any_apply(machine: Machine) -> None:
    """The register, the placements and the ledger know both agencies, and the shell's commands find them there."""
    machine.provision()
    assert {it["stack"]: it["state"] for it in told("status", "--all")["agencies"]} == dict.fromkeys(SLUGS, "applied")
    ledger = (machine.records / "addresses.jsonl").read_text(encoding="utf-8")
    placements = json.loads((machine.records / "placements.json").read_text(encoding="utf-8"))
    for agency in AGENCIES:
        assert str(agency.key) in ledger
        assert placements[str(agency.key)]["cluster"] == "cgc-1"
    above, below = (register.read(machine.records, str(it.key)) for it in AGENCIES)
    assert above
    assert below
    assert below.key in above.share.below


def test_second_time_asks_for_no_agency(machine: Machine) -> None:
    """What is as it was applied is not previewed again, and is shown with the resources it has."""
    first = machine.provision()
    assert {f"agc/{slug}" for slug in SLUGS} < set(machine.ran)
    before = {file: file.read_bytes() for file in machine.records.rglob("*.json*")}
    machine.central_changes = 0
    assert machine.provision() == first
    assert sorted(machine.ran) == ["admission/cgc", "cgc/demo"]
    assert {file: file.read_bytes() for file in machine.records.rglob("*.json*")} == before


def test_apply_from_a_shell_finds_nothing_to_do(machine: Machine) -> None:
    """Both ways are one: what was provisioned counts as applied, and what is applied as provisioned."""
    machine.provision()
    machine.central_changes = 0
    done = told("apply", str(clouds.AGENCY_FILES[1]))
    assert [(it["stack"], it["result"]) for it in done["agencies"]] == [(AGENCIES[1].slug, "unchanged")]
    machine.provision()
    assert not {f"agc/{slug}" for slug in SLUGS} & set(machine.ran)


def test_change_of_the_central_cloud_reaches_the_agencies(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """They rest on its contract: they are applied again, also by the run after one that was ended in between."""
    machine.provision()
    with monkeypatch.context() as patched:
        patched.setattr(clouds, "_onboard", lambda *_given: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            machine.provision()
    machine.central_changes = 0
    machine.provision()
    assert {f"agc/{slug}" for slug in SLUGS} < set(machine.ran)
    machine.provision()
    assert not {f"agc/{slug}" for slug in SLUGS} & set(machine.ran)


def test_agency_that_was_destroyed_is_made_again(machine: Machine) -> None:
    """A plain `pulumi destroy` tells no register; the agency whose namespace is gone is applied, the other is not."""
    machine.provision()
    machine.central_changes = 0
    gone = AGENCIES[1]
    del machine.namespaces[gone.namespace(gone.systems[0])]
    machine.provision()
    assert [it for it in machine.ran if it.startswith("agc/")] == [f"agc/{gone.slug}"]
