"""Runs that do not end as they should, and what the next one makes of it."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from core.errors import KitError
from tests.toolchain.plugins import relay
from tests.toolchain.plugins.engine import Cluster, Project
from tests.toolchain.plugins.programs import CONFIG_MAP, NEVER_READY, WEB
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

MANY = """
for number in range(12):
    k8s.core.v1.ConfigMap(f"c{number}", metadata=meta(f"c{number}"), data={"a": "b"})
"""
UNNAMED = """
k8s.core.v1.ConfigMap("auto", metadata=meta(), data={"a": "b"})
k8s.core.v1.ConfigMap("generated", metadata=meta(generateName="generated-"), data={"a": "b"})
"""


def ours(cluster: Cluster) -> list[str]:
    """Return the names of the ConfigMaps of the test's namespace that a test made."""
    return sorted(name for name in cluster.names("configmaps") if name != "kube-root-ca.crt")


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    direct = list[int]()
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            direct += map(int, file.read_text().split())
    return direct + [below for child in direct for below in descendants(child)]


@contextmanager
def held(between: relay.Relay, count: int) -> Iterator[threading.Event]:
    """Hold back the answer to the making of object number ``count``, which the event tells of, for as long as this."""
    made, ended, asked = threading.Event(), threading.Event(), list[str]()

    def hold(method: str, path: str) -> bool:
        if method in ("POST", "PATCH") and "dryRun" not in path and "configmaps" in path and not made.is_set():
            asked.append(path)
            if len(asked) == count:
                made.set()
                ended.wait(120)
        return False

    between.lose = hold
    try:
        yield made
    finally:
        ended.set()


def through(between: relay.Relay, project: Project, folder: Path) -> None:
    """Have a project reach its cluster through a relay."""
    project.environment["KUBECONFIG"] = str(between.kubeconfig(folder))


def test_cluster_away_is_told_in_seconds_and_loses_nothing(project: Project, tmp_path: Path) -> None:
    """With no API server there, ``up`` and ``refresh`` say so within seconds, and the state is whole afterwards."""
    project.program(CONFIG_MAP)
    project.up()
    known = project.environment["KUBECONFIG"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = tmp_path / "away.kubeconfig"
    away.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
        f'clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:{port}"}}}}]\n'
        "contexts: [{name: c, context: {cluster: c}}]\n"
    )
    project.environment["KUBECONFIG"] = str(away)
    project.program(CONFIG_MAP + CONFIG_MAP.replace("settings", "more"))
    for operation in (project.up, project.refresh):
        began = time.monotonic()
        with pytest.raises(KitError, match=f"https://127.0.0.1:{port} does not answer: connection refused"):
            operation()
        assert time.monotonic() - began < 60
    project.environment["KUBECONFIG"] = known
    assert project.up().changes == {"same": 2, "create": 1}


def test_api_server_gone_in_the_middle_is_waited_for(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """An API server that resets its connections and is away for seconds in the middle of a run delays it only."""
    with relay.before(cluster.kubeconfig) as between:
        through(between, project, tmp_path)
        project.program(MANY)
        project.cli("stack", "init")
        with held(between, 3) as made:
            child = project.start("up", "--yes", "--skip-preview", "--parallel=1")
            assert made.wait(120)
            between.stop()
        done = len(ours(cluster))
        time.sleep(4)  # the outage itself
        assert child.poll() is None
        between.start()
        said, _ = child.communicate(timeout=180)
        assert child.returncode == 0, said
        assert done < 12
        assert len(ours(cluster)) == 12
        assert project.up().changed == 0


def test_lost_answer_makes_no_second_object(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """A request that was carried out and whose answer is lost is repeated, and what it made is taken up."""
    with relay.before(cluster.kubeconfig) as between:
        through(between, project, tmp_path)
        between.lose = lambda method, path: (
            method in ("POST", "PATCH") and len(between.lost) < 3 and "dryRun" not in path
        )
        project.program(CONFIG_MAP + UNNAMED)
        assert project.up().changes["create"] == 4
    assert len(between.lost) == 3
    assert len(ours(cluster)) == 3
    assert [name.partition("-")[0] for name in ours(cluster)] == ["auto", "generated", "settings"]


def test_lost_answer_to_a_deletion_is_no_error(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """A deletion that was carried out and whose answer is lost is done."""
    with relay.before(cluster.kubeconfig) as between:
        through(between, project, tmp_path)
        project.program(CONFIG_MAP)
        project.up()
        between.lose = lambda method, _path: method == "DELETE" and not between.lost
        assert project.destroy().changes["delete"] == 2
    assert between.lost
    assert ours(cluster) == []


def test_busy_api_server_is_asked_again(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """A server that has too much to do, or a new leader, is asked again when it says, without an error."""
    with relay.before(cluster.kubeconfig) as between:
        through(between, project, tmp_path)
        between.refused += [429, 503, 429]
        project.program(MANY)
        assert project.up().changes["create"] == 13
    assert between.refused == []


def test_killed_run_is_completed_by_the_next(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """After a kill -9 nothing of the run is left running, and the next run completes it and makes nothing twice."""
    project.program(MANY)
    project.cli("stack", "init")
    known = project.environment["KUBECONFIG"]
    with relay.before(cluster.kubeconfig) as between:
        through(between, project, tmp_path)
        with held(between, 4) as made:
            child = project.start("up", "--yes", "--skip-preview", "--parallel=1")
            assert made.wait(120)
            plugins = descendants(child.pid)
            child.kill()
            child.communicate(timeout=120)
            eventually(lambda: not [pid for pid in plugins if Path(f"/proc/{pid}/exe").exists()], "nothing runs")
    project.environment["KUBECONFIG"] = known
    assert len(plugins) >= 3
    assert len(ours(cluster)) < 12
    assert project.up().resources == 13
    assert project.up().changed == 0
    assert len(ours(cluster)) == 12


def kill_before_it_is_recorded(project: Project, cluster: Cluster, folder: Path, count: int) -> None:
    """Kill a run when the API server has made ``count`` objects and the engine knows of none of them."""
    made, ended = threading.Event(), threading.Event()
    with relay.before(cluster.kubeconfig) as between:
        through(between, project, folder)

        def hold(method: str, path: str) -> bool:
            if method in ("POST", "PATCH") and "dryRun" not in path and "configmaps" in path:
                between.lost.append(path)
                if len(between.lost) >= count:
                    made.set()
                ended.wait(120)
                return True
            return False

        between.lose = hold
        child = project.start("up", "--yes", "--skip-preview")
        assert made.wait(120)
        child.kill()
        child.communicate(timeout=120)
        ended.set()
    project.environment["KUBECONFIG"] = str(cluster.kubeconfig)


def test_killed_run_leaves_no_orphan_without_a_name_of_its_own(
    project: Project, cluster: Cluster, tmp_path: Path
) -> None:
    """Objects that were made and not recorded are taken up by the next run, those named by themselves too."""
    project.program(UNNAMED)
    project.cli("stack", "init")
    kill_before_it_is_recorded(project, cluster, tmp_path, 2)
    orphans = ours(cluster)
    assert project.up().changed >= 2
    assert ours(cluster) == orphans
    assert len(orphans) == 2
    assert project.up().changed == 0


def test_killed_replacement_leaves_no_orphan(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """A successor that was made and not recorded is taken up by the next run, and its predecessor goes."""
    project.program(UNNAMED)
    project.up()
    project.program(UNNAMED.replace('"b"', '"c"'))
    kill_before_it_is_recorded(project, cluster, tmp_path, 2)
    assert len(ours(cluster)) == 4
    project.up()
    assert len(ours(cluster)) == 2
    assert {cluster.live(f"configmaps/{name}")["data"]["a"] for name in ours(cluster)} == {"c"}
    assert project.up().changed == 0


def test_killed_run_is_told_and_can_be_cleared(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    """Plain ``pulumi`` tells of the dead run's lock and of what it was at; the next ``up`` completes it."""
    project.program(CONFIG_MAP)
    project.cli("stack", "init")
    kill_before_it_is_recorded(project, cluster, tmp_path, 1)
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code != 0
    assert "pulumi cancel" in said
    project.cli("cancel", "--yes")
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code == 0, said
    assert "ConfigMap::settings, interrupted while creating" in said
    code, said = project.cli("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    assert code == 0, said
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code == 0, said
    assert "interrupted" not in said
    assert project.up().changed == 0
    assert ours(cluster) == ["settings"]


def test_cancelled_run_is_completed_by_the_next(project: Project, cluster: Cluster) -> None:
    """After an interrupt in the middle of waiting, the state holds what was made, and the next ``up`` completes it."""
    project.program(NEVER_READY)
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview")
    eventually(lambda: cluster.get("deployments/web"))
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=120)
    assert child.returncode != 0, said
    project.program(WEB)
    assert project.up().changes.get("create") is None
    assert cluster.live("deployments/web")["status"]["availableReplicas"] == 2


def test_second_run_at_once_is_told(project: Project, cluster: Cluster) -> None:
    """While one run is at work on a stack, another one ends at once and says why; the first is not disturbed."""
    project.program(NEVER_READY)
    project.cli("stack", "init")
    child = project.start("up", "--yes", "--skip-preview")
    eventually(lambda: cluster.get("deployments/web"))
    with pytest.raises(KitError, match="another run is at work on this stack"):
        project.up()
    code, said = project.cli("up", "--yes", "--skip-preview")
    assert code != 0
    assert "locked" in said
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=120)
