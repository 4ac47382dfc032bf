"""Mergers and a division of the reform of 2025 on a real cluster: the data stays where it is, under both names."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from kubernetes import client

from conformance import dns
from conformance.api import Api
from core.errors import KitError
from govcloud.onboarding import examine_one
from modules import labels
from modules.addresses import prefixes
from modules.agency import Agency
from modules.onboarding import register
from modules.planning import records
from tests.modules.test_units import UNITS
from tests.stacks.data_host import DataHost, data_host
from tests.stacks.leavers import CONFIG, Leavers, cluster_of, leavers, text
from tests.stacks.names import asked
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

OLD, NEW = "2008-08-01", "2025-07-01"
MERGED = {"08": ("02", "08"), "19": ("06", "19"), "37": ("35", "37")}
"""Provinces of 2025 with those that went into them: of real mergers, two each."""
SYSTEMS = {"02": "records", "08": "portal", "06": "portal", "19": "portal", "35": "land", "37": "portal"}
DIVIDED = {"one-stop": "agency", "tax": "agency"}
"""Systems of a commune that goes into two."""


@dataclass(frozen=True)
class Country:
    """What the tests know of the units."""

    at: Leavers
    host: DataHost
    old: dict[str, Agency]
    new: dict[str, Agency]
    links: Path
    split: tuple[str, str, str]
    """Codes of the divided commune and its heirs."""

    def command(self, *words: str) -> list[str]:
        program = [sys.executable, "-c", _PROGRAM, str(self.at.stacks.project), "agency", "reform"]
        given = ["--old", str(self.at.folder / "old"), "--new", str(self.at.folder / "new")]
        given += ["--reform", str(self.links), "--records", str(self.at.records)]
        return [*program, *given, *(word for it in CONFIG.items() for word in ("-c", "=".join(it))), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.at.stacks.environment}
        return subprocess.run(self.command(*words), env=environment, capture_output=True, text=True, check=False)

    def places(self) -> dict[str, tuple[Agency, str]]:
        """Return the namespaces of old, with their units and their volumes."""
        return {
            unit.namespace(system): (unit, f"d{unit.code.lower()}-{system.name}")
            for unit in self.old.values()
            for system in unit.systems
            if unit.kind != "district"
        }


_PROGRAM = """
import sys
from pathlib import Path
from govcloud import agency_stacks
agency_stacks.PROJECT = Path(sys.argv.pop(1))
from govcloud.main import main
main()
"""


SAMPLE = {
    "reform-2025-provinces.csv": """old_code,old_name,new_code,new_name
02,Tỉnh A,08,Tỉnh B
08,Tỉnh B,08,Tỉnh B
06,Tỉnh C,19,Tỉnh D
19,Tỉnh D,19,Tỉnh D
35,Tỉnh E,37,Tỉnh F
37,Tỉnh F,37,Tỉnh F
""",
    "reform-2025-communes.csv": """old_code,old_name,new_code,new_name
01900,Xã G,01901,Xã H
01900,Xã G,01902,Xã I
""",
    "units-until-2025-06-30.csv": """code,name,level,parent_code
06,Tỉnh C,province,
060,Huyện K,district,06
01900,Xã G,commune,060
""",
    "units-from-2025-07-01.csv": """code,name,level,parent_code
19,Tỉnh D,province,
01901,Xã H,commune,19
01902,Xã I,commune,19
""",
}
"""A reform of the same shape, for those who don't have the real lists."""


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the real lists, or of made-up ones."""
    if UNITS.is_dir():
        return UNITS
    folder = tmp_path_factory.mktemp("lists")
    for name, content in SAMPLE.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def reform(lists: Path, source: Sequence[str], old_level: str) -> list[dict[str, str]]:
    """Return the links of the reform about these old codes."""
    with (lists / f"reform-2025-{old_level}.csv").open(encoding="utf-8-sig") as file:
        return [row for row in csv.DictReader(file) if row["old_code"] in source]


def division(lists: Path, provinces: Sequence[str]) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return a commune of these provinces that was divided into two in 2025, and its links."""
    with (lists / "units-until-2025-06-30.csv").open(encoding="utf-8-sig") as file:
        units = {row["code"]: row for row in csv.DictReader(file)}
    with (lists / "units-from-2025-07-01.csv").open(encoding="utf-8-sig") as file:
        later = {row["code"]: row for row in csv.DictReader(file)}
    found: dict[str, list[dict[str, str]]] = {}
    with (lists / "reform-2025-communes.csv").open(encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["old_code"], []).append(row)
    for code, rows in found.items():
        above = units[units[code]["parent_code"]]["parent_code"]
        if len(rows) == 2 and above in provinces and {later[it["new_code"]]["parent_code"] for it in rows} <= {"19"}:
            return units[code], rows
    raise AssertionError("the lists hold no such division")


@pytest.fixture(scope="module")
def country(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lists: Path) -> Iterator[Country]:
    folder, kubeconfig = tmp_path_factory.mktemp("reform"), cluster_of(request)
    with leavers(kubeconfig, folder) as at, data_host(kubeconfig) as host:
        made = _country(at, host, lists)
        units = [unit for unit in made.old.values() if unit.kind != "district"]
        with ThreadPoolExecutor(max_workers=3) as pool:
            list(pool.map(lambda unit: at.up(unit, at.folder / "old" / f"{unit.code}.yaml"), units))
        for place, (unit, volume) in made.places().items():
            host.put(volume, {"record.txt": f"Hồ sơ của {unit.name.vi}, {place}".encode()})
            host.claim(volume, place)
            (system,) = [it for it in unit.systems if unit.namespace(it) == place]
            host.serve(volume, place, "files", {labels.WORKLOAD: system.name, labels.EXPOSURE: "agency"})
        yield made


def _country(at: Leavers, host: DataHost, lists: Path) -> Country:
    old, new, links = {}, {}, list[dict[str, str]]()
    for heir, sources in MERGED.items():
        rows = reform(lists, sources, "provinces")
        assert {row["new_code"] for row in rows} == {heir}
        links += rows
        for row in rows:
            code, system = row["old_code"], SYSTEMS[row["old_code"]]
            content = text(code, OLD, f"lv-{code}", "province", row["old_name"], {system: "agency"})
            _, old[code] = at.write("old", code, content)
        systems = {"portal": "agency"} | {SYSTEMS[it]: "agency" for it in sources if heir != "19"}
        _, new[heir] = at.write("new", heir, text(heir, NEW, f"lv-{heir}", "province", rows[0]["new_name"], systems))
    commune, rows = division(lists, ["06", "19"])
    district = commune["parent_code"]
    above = next(code for code in ("06", "19") if code == _province_of(lists, district))
    parent = f'parent: {{code: "{above}", effective: {OLD}}}\n'
    at.write("old", district, text(district, OLD, "lv-district", "district", "Huyện thử", {"none": "none"}, parent))
    parent = f'parent: {{code: "{district}", effective: {OLD}}}\n'
    code = commune["code"]
    _, old[code] = at.write("old", code, text(code, OLD, "lv-divided", "commune", commune["name"], DIVIDED, parent))
    for row, system in zip(rows, DIVIDED, strict=True):
        parent = f'parent: {{code: "19", effective: {NEW}}}\n'
        heir = row["new_code"]
        content = text(heir, NEW, f"lv-{heir}", "commune", row["new_name"], {system: "agency"}, parent)
        _, new[heir] = at.write("new", heir, content)
        links.append({**row, "systems": system})
    file = at.folder / "links.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, ["old_code", "old_name", "new_code", "new_name", "systems"], restval="")
        writer.writeheader()
        writer.writerows(links)
    return Country(at, host, old, new, file, (code, rows[0]["new_code"], rows[1]["new_code"]))


def _province_of(lists: Path, district: str) -> str:
    with (lists / "units-until-2025-06-30.csv").open(encoding="utf-8-sig") as file:
        return next(row["parent_code"] for row in csv.DictReader(file) if row["code"] == district)


@pytest.fixture(scope="module")
def before(country: Country) -> dict[str, Any]:
    """Return what must be the same afterwards: identities of namespaces, claims, volumes and pods."""
    return _identities(country)


def _identities(country: Country) -> dict[str, Any]:
    core = country.at.api()
    found: dict[str, Any] = {}
    for place, (_, volume) in country.places().items():
        found[place] = core.read_namespace(place).metadata.uid
        claim = core.read_namespaced_persistent_volume_claim(volume, place)
        found[f"{place}/{volume}"] = (claim.metadata.uid, claim.spec.volume_name)
        pods = core.list_namespaced_pod(place).items
        found[f"{place}/pods"] = {it.metadata.uid for it in pods}
        found[f"{place}/data"] = country.host.get(volume)
    return found


def test_plan_is_shown_and_changes_nothing(country: Country, before: dict[str, Any]) -> None:
    """Without --apply nothing is changed, and the plan says that nothing which bears data is deleted."""
    done = country.run()
    assert done.returncode == 0, done.stderr
    assert "Deletions of what bears data: 0" in done.stdout
    assert "nothing was changed" in done.stdout
    assert _identities(country) == before


def test_apply_needs_every_owner(country: Country, before: dict[str, Any], tmp_path: Path) -> None:
    """Without approvals, with those of another plan, or with the voice of another one, nothing is handed over."""
    done = country.run("--apply")
    assert done.returncode == 1
    assert "is not approved" in done.stderr
    file = tmp_path / "approvals.yaml"
    good = _approvals(country)
    for change, said in (
        ((_digest(country), "0123456789ab"), "this is plan"),
        (("owner@lv-06.example.gov.vn", "somebody@lv-06.example.gov.vn"), "is not its owner"),
        (("unit: platform", 'unit: "06.2008-08-01"'), "nobody approves for platform"),
    ):
        assert change[0] in good
        file.write_text(good.replace(*change), encoding="utf-8")
        done = country.run("--apply", "--approvals", str(file))
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert _identities(country) == before
    assert not (country.at.records / "reforms" / "inherited").exists()


def test_killed_apply_is_taken_up(country: Country, tmp_path: Path) -> None:
    """Killed when it has recorded, when it has moved, when it has closed, the same command hands everything over."""
    file = tmp_path / "approvals.yaml"
    file.write_text(_approvals(country), encoding="utf-8")
    words = ("--apply", "--approvals", str(file))
    environment = {**os.environ, **country.at.stacks.environment}
    made, state = country.at.records / "reforms", country.at.folder / "state" / "pulumi" / "stacks" / ".pulumi"
    heirs = [state / "stacks" / "agc" / f"{it.slug}.json" for it in country.new.values()]

    def moved() -> bool:
        return any(file.exists() and b"GuardedNamespace" in file.read_bytes() for file in heirs)

    for reached in ((made / "inherited").exists, moved, (made / "ended").exists):
        process = subprocess.Popen(
            country.command(*words), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(lambda: reached() or process.poll() is not None, "the moment to kill it", 900, pause=0.05)  # noqa: B023
        assert process.poll() is None, "it ended before it was killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = country.run(*words)
    assert done.returncode == 0, done.stderr
    assert "nothing that holds data was moved or deleted" in done.stdout
    for unit in country.old.values():
        assert not country.at.stacks.exists(unit.slug)


def test_data_is_where_it_was(country: Country, before: dict[str, Any]) -> None:
    """Namespaces, claims, volumes, pods and files are the very same ones; nothing was restarted."""
    assert _identities(country) == before


def test_owners_roles_and_labels_are_the_heirs(country: Country) -> None:
    """Each namespace is its heir's; the groups of both have rights in it while the old names answer."""
    core, rights = country.at.api(), country.at.api(client.RbacAuthorizationV1Api)
    for place, (unit, _) in country.places().items():
        heir = country.new[_heir_of(country, place)]
        facts = core.read_namespace(place).metadata.labels
        assert (facts[labels.AGENCY], facts[labels.FOUNDER]) == (heir.slug, unit.slug)
        binding = rights.read_namespaced_role_binding("operators", place)
        groups = {it.name for it in binding.subjects}
        assert groups == {f"govcloud:agc:{slug}:operators" for slug in (heir.slug, unit.slug)}


def test_both_names_answer_in_both_families(country: Country) -> None:
    """The old and the new name lead to the same system, over IPv4 and IPv6, and the data comes back under both."""
    for place, (unit, volume) in country.places().items():
        heir = country.new[_heir_of(country, place)]
        (system,) = [it for it in unit.systems if unit.namespace(it) == place]
        same = [it for it in country.places() if it.endswith(f"-{system.name}") and _heir_of(country, it) == heir.code]
        alias = system.name if len(same) == 1 else f"{system.name}-{unit.slug}"
        names = {f"{system.name}.{place}.svc.cluster.local": system.name}
        names[f"{alias}.agc-{heir.slug}.svc.cluster.local"] = f"{system.name}-{heir.slug}"
        for name, service in names.items():
            addresses = _addresses(country, place, service)
            assert len(addresses) == 2
            for kind, address in zip((dns.A, dns.AAAA), sorted(addresses, key=lambda it: ":" in it), strict=True):
                found = [it for it in dns.answers(asked(country.at.kubeconfig, name, kind)) if it.kind == kind]
                assert [it.matches(address) for it in found] == [True], (name, kind, address)
            endpoints = country.at.api(client.DiscoveryV1Api).list_namespaced_endpoint_slice(
                place, label_selector=f"kubernetes.io/service-name={service}"
            )
            families = {it.address_type for it in endpoints.items if it.endpoints}
            assert families == {"IPv4", "IPv6"}
        others = [it for it in country.places() if it != place and _heir_of(country, it) == heir.code]
        reached = [address for service in names.values() for address in _addresses(country, place, service)]
        for address in reached:
            said = _said_by(country, others[0], address) if others else _said_in(country, place)
            assert country.host.get(volume)["record.txt"].decode() in said, (address, said)


def test_second_apply_and_apply_of_heirs_change_nothing(country: Country, before: dict[str, Any]) -> None:
    """An heir is an agency like any other: its apply finds nothing to do; units that are no more are refused."""
    for code, heir in country.new.items():
        candidate = examine_one(country.at.office, country.at.folder / "new" / f"{code}.yaml")
        seen = country.at.stacks.preview(heir.slug, candidate.config)
        assert seen.changed == 0, seen.steps
    with pytest.raises(KitError, match="went into"):
        examine_one(country.at.office, country.at.folder / "old" / "02.yaml")
    assert _identities(country) == before


def test_lost_settings_delete_nothing(country: Country, before: dict[str, Any]) -> None:
    """A run of an heir's stack that no longer knows what it inherited is refused by the engine."""
    heir = country.new["08"]
    file = country.at.folder / "new" / "08.yaml"
    settings = country.at.stacks.project / f"Pulumi.{heir.slug}.yaml"
    kept = settings.read_text()
    text = "\n".join(line for line in kept.splitlines() if "agc:inherited" not in line)
    settings.write_text(text + "\n")
    try:
        with pytest.raises(KitError, match="protect"):
            country.at.up(heir, file)
    finally:
        settings.write_text(kept)
    assert _identities(country) == before


def test_records_know_the_heirs(country: Country) -> None:
    """Addresses and register name the heirs alone."""
    held = records.read(country.at.records, prefixes.load())
    known = {it.key for it in register.every(country.at.records)}
    assert known == {str(it.key) for it in country.new.values()}
    assert set(held.ledger.units) == known


def _heir_of(country: Country, place: str) -> str:
    unit, _ = country.places()[place]
    if unit.kind == "province":
        return next(heir for heir, sources in MERGED.items() if unit.code in sources)
    systems = list(DIVIDED)
    return country.split[1 + next(n for n, it in enumerate(systems) if place.endswith(it))]


def _addresses(country: Country, place: str, service: str) -> list[str]:
    read = country.at.api().read_namespaced_service(service, place, _preload_content=False)
    return list(json.loads(read.data)["spec"]["clusterIPs"])


def _said_by(country: Country, place: str, address: str) -> str:
    """Let another system of the same heir call what a name stands for, over the network; return the answers."""
    unit, _ = country.places()[place]
    (system,) = [it for it in unit.systems if unit.namespace(it) == place]
    pods = (
        country.at.api().list_namespaced_pod(place, label_selector=f"{labels.WORKLOAD}={system.name},app!=files").items
    )
    query = urlencode({"host": address, "port": 80, "request": "data/record.txt", "protocol": "http", "tries": 20})
    api = Api(country.at.kubeconfig)
    told = json.loads(api.fetch(place, pods[0].metadata.name, 8080, f"/dial?{query}", seconds=60))
    return "\n".join([*(told.get("responses") or ()), *(told.get("errors") or ())])


def _said_in(country: Country, place: str) -> str:
    """Return the record as the server of the files gives it: no other system of the heir may call it."""
    (pod,) = country.at.api().list_namespaced_pod(place, label_selector="app=files").items
    return Api(country.at.kubeconfig).fetch(place, pod.metadata.name, 8080, "/data/record.txt", seconds=30)


def _digest(country: Country) -> str:
    return country.run().stdout.partition("This is plan ")[2][:12]


def _approvals(country: Country) -> str:
    """Return approvals of all who are asked, by their owners."""
    asked_for = country.run("--apply").stderr
    units = [line.partition('unit: "')[2].partition('"')[0] for line in asked_for.splitlines() if 'unit: "' in line]
    owners = {str(it.key): it.contacts.owner.email for it in [*country.old.values(), *country.new.values()]}
    lines = [
        f'  - {{by: {owners[it]}, name: Người ký, date: 2026-11-22, unit: "{it}"}}' for it in units if it in owners
    ]
    lines += [
        f'  - {{by: owner@lv-district.example.gov.vn, name: Người ký, date: 2026-11-22, unit: "{it}"}}'
        for it in units
        if it not in owners and it != "platform"
    ]
    lines.append("  - {by: nen.tang@example.gov.vn, name: Nền tảng, date: 2026-11-22, unit: platform}")
    return f'plan: "{_digest(country)}"\napprovals:\n' + "\n".join(lines) + "\n"
