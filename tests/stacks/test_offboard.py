"""An agency leaves a real cluster, with data on a volume, an archive in a real store, and kills on the way."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from core.errors import KitError
from govcloud.offboarding import volumes
from govcloud.offboarding.cluster import Cluster
from govcloud.offboarding.planning import plan
from govcloud.offboarding.run import Offboarding
from govcloud.offboarding.store import Store
from govcloud.onboarding import apply, examine_one, today
from modules import labels
from modules.addresses import prefixes
from modules.agency import Agency
from modules.leaving import journals
from modules.leaving.models import Journal, LeavingPlan
from modules.onboarding import register
from modules.planning import records
from tests.object_store import ObjectStore, running
from tests.stacks.data_host import DataHost, data_host
from tests.stacks.leavers import Leavers, cluster_of, leavers, text
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

FILES = {"hồ sơ/1.txt": "Sổ đăng ký".encode(), "large": os.urandom(3 << 20)}


@dataclass(frozen=True)
class Leaver:
    """An agency with data on a volume, and where its archive goes."""

    at: Leavers
    host: DataHost
    store: ObjectStore
    file: Path
    agency: Agency
    archive: Path

    @property
    def namespace(self) -> str:
        return self.agency.namespace(self.agency.systems[0])

    def tools(self) -> Offboarding:
        settings = self.store.settings()
        cluster = Cluster(self.at.kubeconfig)
        return Offboarding(cluster, self.at.stacks, Store(settings), settings, self.at.records, prefixes.load())

    def plan(self, days: int = 30) -> LeavingPlan:
        cluster = Cluster(self.at.kubeconfig)
        return plan(self.agency, self.at.stacks, cluster, self.store.settings(), days, self.at.folder)

    def command(self, *words: str) -> list[str]:
        """Return the kit's own command for this agency, as a process of its own."""
        program = [sys.executable, "-c", _PROGRAM, str(self.at.stacks.project)]
        given = ["--archive", str(self.archive), "--records", str(self.at.records)]
        return [*program, "agency", "offboard", str(self.file), *given, *words]

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.at.stacks.environment}


_PROGRAM = """
import sys
from pathlib import Path
from govcloud import agency_stacks
agency_stacks.PROJECT = Path(sys.argv.pop(1))
from govcloud.main import main
main()
"""


@pytest.fixture(scope="module")
def leaver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaver]:
    kubeconfig = cluster_of(request)
    folder, store_folder = tmp_path_factory.mktemp("leave"), tmp_path_factory.mktemp("store")
    with data_host(kubeconfig) as host, leavers(kubeconfig, folder) as at, running(store_folder) as store:
        content = text("LV1", "2025-07-01", "leave-a", "other", "Cơ quan rời đi", {"portal": "agency"})
        file, agency = at.write("agencies", "leave-a", content)
        made = Leaver(at, host, store, file, agency, store.settings_file())
        apply(at.office, examine_one(at.office, file))
        host.put("files", FILES)
        host.claim("files", made.namespace)
        host.serve("files", made.namespace, "files", {labels.WORKLOAD: "portal"})
        yield made


def test_dry_run_changes_nothing(leaver: Leaver) -> None:
    """Without --execute the plan is shown: namespaces, volumes, steps; the cluster and the store stay as they are."""
    before = leaver.at.api().list_namespace().items
    done = subprocess.run(leaver.command(), env=leaver.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "this is a dry run, and nothing was changed" in done.stdout
    assert leaver.namespace in done.stdout
    assert "files" in done.stdout
    assert journals.read(leaver.at.records, leaver.agency.slug) is None
    after = leaver.at.api().list_namespace().items
    own = {it.metadata.name: it.metadata.resource_version for it in before if it.metadata.name == leaver.namespace}
    assert own == {it.metadata.name: it.metadata.resource_version for it in after if it.metadata.name in own}
    assert "Contents" not in leaver.store.client().list_objects_v2(Bucket="archive")


@pytest.mark.parametrize("names", [(), ("Trần A",), ("Trần A", " trần  a ")], ids=["none", "one", "one-twice"])
def test_production_needs_two_people(leaver: Leaver, names: tuple[str, ...]) -> None:
    """One person, under two spellings, is one person; nothing is stopped."""
    words = [word for name in names for word in ("--approved-by", name)]
    command = leaver.command("--execute", *words)
    done = subprocess.run(command, env=leaver.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs the approval of 2 people" in done.stderr
    assert journals.read(leaver.at.records, leaver.agency.slug) is None
    assert Cluster(leaver.at.kubeconfig).running([leaver.namespace])


def test_what_stands_elsewhere_is_not_deleted_unarchived(leaver: Leaver) -> None:
    """A namespace of the stack that this cluster does not show as the agency's keeps it from leaving."""
    core = leaver.at.api()
    core.patch_namespace(leaver.namespace, {"metadata": {"labels": {labels.AGENCY: "somebody-else"}}})
    try:
        with pytest.raises(KitError, match="is not on this cluster, and would be deleted without an archive"):
            leaver.plan()
    finally:
        core.patch_namespace(leaver.namespace, {"metadata": {"labels": {labels.AGENCY: leaver.agency.slug}}})
    assert leaver.plan().namespaces == (leaver.namespace,)


def test_killed_run_is_taken_up(leaver: Leaver) -> None:
    """Killed when it has begun, shuts, has stopped, and reads, the same command ends with a whole, verified archive."""
    command = leaver.command("--execute", "--approved-by", "Trần A", "--approved-by", "Lê B")
    slug, core, role = leaver.agency.slug, leaver.at.api(), volumes.ROLE
    engine = leaver.at.stacks.engine(slug)

    def begun() -> bool:
        return journals.read(leaver.at.records, slug) is not None

    def shutting() -> bool:
        return _journal(leaver).has(f"manifests {leaver.namespace}") and engine.locked()

    def stopped() -> bool:
        return _journal(leaver).phase == "archiving"

    def reading() -> bool:
        return bool(core.list_namespaced_pod(leaver.namespace, label_selector=role).items)

    for reached in (begun, shutting, stopped, reading):
        process = subprocess.Popen(
            command, env=leaver.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        eventually(lambda: reached() or process.poll() is not None, reached.__name__, 300, pause=0.05)  # noqa: B023
        assert process.poll() is None, f"it ended before it was killed: {reached.__name__}"
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, env=leaver.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    journal = _journal(leaver)
    assert journal.phase == "quarantined"
    assert journal.approved_by == ("Trần A", "Lê B")
    kinds = [it.what.partition(" ")[0] for it in journal.stored]
    assert sorted(kinds) == ["agency", "contents", "manifests", "records", "volume"]


def test_archive_holds_what_was_there(leaver: Leaver) -> None:
    """The volume's files, the agency's file, its manifests and its line of the ledger are in the store, locked."""
    journal, s3 = _journal(leaver), leaver.store.client()
    by_kind = {it.what.partition(" ")[0]: it for it in journal.stored}

    def content(kind: str) -> bytes:
        return bytes(
            s3.get_object(Bucket="archive", Key=by_kind[kind].key, VersionId=by_kind[kind].version)["Body"].read()
        )

    with tarfile.open(fileobj=io.BytesIO(content("volume"))) as tar:
        found = {it.name.removeprefix("./"): tar.extractfile(it).read() for it in tar if it.isfile()}  # type: ignore[union-attr]
    assert found == FILES
    assert content("agency") == leaver.file.read_bytes()
    assert json.loads(content("records"))["ledger"][0]["unit"] == "LV1.2025-07-01"
    objects = json.loads(content("manifests"))["items"]
    replicas = {it["metadata"]["name"]: it["spec"]["replicas"] for it in objects if it["kind"] == "Deployment"}
    assert replicas["files"] == 1
    assert {"Namespace", "NetworkPolicy", "RoleBinding", "Service"} <= {it["kind"] for it in objects}
    with pytest.raises(s3.exceptions.ClientError):
        s3.delete_object(Bucket="archive", Key=by_kind["volume"].key, VersionId=by_kind["volume"].version)


def test_quarantine_is_shut_and_keeps_the_data(leaver: Leaver) -> None:
    """Nothing runs, no way is open, nobody has rights; the claim and the files on its volume are still there."""
    place = leaver.namespace
    assert Cluster(leaver.at.kubeconfig).running([place]) == []
    policies = leaver.at.api(client.NetworkingV1Api).list_namespaced_network_policy(place).items
    assert [it.metadata.name for it in policies] == ["default-deny"]
    assert leaver.at.api(client.RbacAuthorizationV1Api).list_namespaced_role_binding(place).items == []
    claims = leaver.at.api().list_namespaced_persistent_volume_claim(place).items
    assert [it.metadata.name for it in claims] == ["files"]
    assert leaver.host.get("files") == FILES
    with pytest.raises(KitError, match="leaving: stopped and archived"):
        examine_one(leaver.at.office, leaver.file)


def test_nothing_is_deleted_before_its_day(leaver: Leaver) -> None:
    """Neither by the command, nor where the archive is not what was sent, nor with a volume that is not archived."""
    command = leaver.command("--delete", "--approved-by", "Trần A", "--approved-by", "Lê B")
    done = subprocess.run(command, env=leaver.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is in quarantine until" in done.stderr
    journal = _journal(leaver)
    later = today() + dt.timedelta(days=31)
    wrong = [replace_sha(it) if it.what.startswith("volume") else it for it in journal.stored]
    with pytest.raises(KitError, match="is not what was sent"):
        leaver.tools().delete(journal.model_copy(update={"stored": tuple(wrong)}), later)
    leaver.host.put("late", {"x": b"1"})
    leaver.host.claim("late", leaver.namespace)
    with pytest.raises(KitError, match="was made since the plan"):
        leaver.tools().delete(journal, later)
    leaver.at.api().delete_namespaced_persistent_volume_claim("late", leaver.namespace)
    _gone(lambda: leaver.at.api().read_namespaced_persistent_volume_claim("late", leaver.namespace))
    assert leaver.at.namespaces(leaver.agency.slug) == [leaver.namespace]


def test_leave_can_be_called_off(leaver: Leaver) -> None:
    """During the quarantine everything comes back: copies, ways, rights; the data was never gone."""
    command = leaver.command("--cancel")
    done = subprocess.run(command, env=leaver.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    leaver.host.wait(leaver.namespace, "app=files")
    policies = leaver.at.api(client.NetworkingV1Api).list_namespaced_network_policy(leaver.namespace).items
    assert {"default-deny", "allow-dns", "from-own-systems"} <= {it.metadata.name for it in policies}
    assert leaver.at.api(client.RbacAuthorizationV1Api).list_namespaced_role_binding(leaver.namespace).items
    assert journals.read(leaver.at.records, leaver.agency.slug) is None


def test_after_the_quarantine_all_is_deleted_but_the_archive(leaver: Leaver) -> None:
    """The namespaces go, the addresses go into the ledger's own quarantine, and the archive can still be read."""
    tools = leaver.tools()
    journal = tools.archive(leaver.plan(days=0), leaver.file.read_bytes(), ("Trần A", "Lê B"))
    journal = tools.delete(journal, today())
    assert journal.phase == "gone"
    assert leaver.at.namespaces(leaver.agency.slug) == []
    held = records.read(leaver.at.records, prefixes.load())
    assert "LV1.2025-07-01" not in held.ledger.units
    quarantined = {it.unit for it in held.ledger.quarantined.values()}
    assert quarantined == {"LV1.2025-07-01"}
    assert journal.addresses_free
    assert journal.addresses_free > today()
    assert register.read(leaver.at.records, "LV1.2025-07-01") is None
    assert not leaver.at.stacks.exists(leaver.agency.slug)
    for it in journal.stored:
        tools.store.verify(it)
    again = tools.delete(journal, today())
    assert again == journal


def replace_sha(stored: Any) -> Any:
    return stored.model_copy(update={"sha256": "0" * 64})


def _journal(leaver: Leaver) -> Journal:
    found = journals.read(leaver.at.records, leaver.agency.slug)
    assert found is not None
    return found


def _gone(read: Any) -> None:
    def gone() -> bool:
        try:
            read()
        except client.ApiException as error:
            return bool(error.status == 404)
        return False

    eventually(gone, "it is gone", 120)
