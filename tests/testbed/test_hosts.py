"""Hosts that boot, heal and leave nothing: on a testbed of one bare host with a name and prefixes of its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.errors import KitError
from core.programs import run
from testbed import boot, cgroups, hosts, leftovers, names, network, processes, ssh
from testbed.state import HostState, State, owner
from testbed.topology import Topology, dump
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

NAME = "tsingle"
TOPOLOGY = Topology.model_validate(
    {
        "name": NAME,
        "backbone": {"ipv4": "10.249.231.0/24", "ipv6": "fd63:7663:f3:1::/64"},
        "hosts": [{"name": "alone", "role": "bare"}],
    }
)
UP = """
import sys
from pathlib import Path
from testbed import hosts, topology
hosts.up(topology.load(Path(sys.argv[1])), Path(sys.argv[2]))
"""


@dataclass(frozen=True)
class Single:
    """The testbed of one host, up or down."""

    media: Path

    @property
    def state(self) -> State:
        return State.of(NAME)

    @property
    def host(self) -> HostState:
        return self.state.host("alone")

    def up(self) -> None:
        hosts.up(TOPOLOGY, self.media)

    def start_up(self) -> subprocess.Popen[str]:
        """Start `up` as a command of its own."""
        file = self.media.parent / "topology.yaml"
        file.write_text(dump(TOPOLOGY))
        words = [sys.executable, "-c", UP, str(file), str(self.media)]
        return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)

    def ssh(self, command: str) -> str:
        done = ssh.run(self.state.folder, "alone", command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def boot_id(self) -> str:
        return self.ssh("cat /proc/sys/kernel/random/boot_id")


@pytest.fixture(scope="module")
def single() -> Iterator[Single]:
    """Give the testbed, up or not: every test begins with the state it needs. It is down at the end."""
    folder = Path(tempfile.mkdtemp(prefix="govcloud-test-", dir="/var/tmp"))
    media = folder / "media" / "one"
    media.mkdir(parents=True)
    (media / "manifest.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOVCLOUD_STATE", str(folder / "state"))
        yield Single(media)
        hosts.down(NAME)
        assert leftovers.find(NAME) == []
    shutil.rmtree(folder)


@pytest.fixture
def fresh(single: Single) -> Single:
    """Give the testbed when it is down."""
    hosts.down(NAME)
    return single


def test_a_host_boots_and_a_second_up_leaves_it_alone(single: Single) -> None:
    """The host answers, sees the media and no way out; the second `up` takes a moment and boots nothing."""
    single.up()
    first = single.boot_id()
    assert single.ssh("hostname; cat /srv/govcloud/manifest.json").split() == ["alone", "{}"]
    starting = {"initializing", "starting"}
    assert eventually(lambda: {single.ssh("systemctl is-system-running; true")} - starting) == {"running"}
    for family, target in (("-4", "192.0.2.77"), ("-6", "2001:db8::77")):
        assert ssh.run(single.state.folder, "alone", f"ping {family} -c1 -W1 {target}").returncode != 0
    single.up()
    assert single.boot_id() == first
    (status,) = hosts.status(NAME)
    assert (status.name, status.running, status.answers, status.ipv4) == ("alone", True, True, "10.249.231.11")
    assert status.memory


def test_new_media_appear_without_a_boot(single: Single) -> None:
    """Hosts see the media that the last `up` was given."""
    single.up()
    first = single.boot_id()
    other = single.media.with_name("two")
    other.mkdir()
    (other / "manifest.json").write_text("new")
    hosts.up(TOPOLOGY, other)
    assert single.ssh("cat /srv/govcloud/manifest.json") == "new"
    assert single.boot_id() == first
    shutil.rmtree(other)


def test_a_host_is_like_a_machine_and_changes_nothing_of_this_one(single: Single) -> None:
    """A kubelet finds the settings it insists on, control groups it may write, /dev/kmsg; the machine keeps its own."""
    settings = ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys")
    before = [Path("/proc/sys", setting).read_text() for setting in settings]
    single.up()
    assert single.ssh("cd /proc/sys; cat " + " ".join(settings)).split() == ["1", "10", "1", "1000000"]
    single.ssh("cd /proc/sys; echo 7 > kernel/panic; test $(cat kernel/panic) = 7; test -c /dev/kmsg")
    place = "/sys/fs/cgroup" if cgroups.unified() else "/sys/fs/cgroup/memory"
    single.ssh(f"mkdir {place}/pods && rmdir {place}/pods")
    assert single.ssh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding").split() == ["1", "1"]
    single.ssh(
        "test -e /proc/sys/net/bridge/bridge-nf-call-ip6tables && sysctl -qw net.bridge.bridge-nf-call-iptables=1"
    )
    assert [Path("/proc/sys", setting).read_text() for setting in settings] == before


def supervisor(single: Single) -> int:
    found = boot.identity(single.host)
    assert found is not None
    return found[0]


def first_process(single: Single) -> int:
    pid = supervisor(single)
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@pytest.mark.parametrize("victim", [supervisor, first_process])
def test_a_killed_host_boots_again_with_its_disk(single: Single, victim: Callable[[Single], int]) -> None:
    """After kill -9 of the host's supervisor or of its first process, `up` brings it back with all it had written."""
    single.up()
    first = single.boot_id()
    identity = single.ssh("cat /etc/machine-id")
    single.ssh("echo kept > /root/file; echo kept > /var/lib/containerd/file; sync; ip link add leftover type bridge")
    os.kill(victim(single), signal.SIGKILL)
    eventually(lambda: not boot.running(single.host), "the host is gone")
    single.up()
    assert single.boot_id() != first
    assert single.ssh("cat /root/file /var/lib/containerd/file /etc/machine-id").split() == ["kept", "kept", identity]
    assert ssh.run(single.state.folder, "alone", "ip link show leftover").returncode != 0


def test_a_host_that_cannot_boot_is_told_at_once(fresh: Single) -> None:
    """A host whose disk is broken gives one line with its last words, long before the time for booting is over."""
    fresh.up()
    fresh.ssh("mv /usr/lib/systemd/systemd /root/away")
    os.kill(supervisor(fresh), signal.SIGKILL)
    eventually(lambda: not boot.running(fresh.host), "the host is gone")
    begun = time.monotonic()
    with pytest.raises(KitError, match="host alone ended while it booted: ") as caught:
        fresh.up()
    assert time.monotonic() - begun < 45
    assert str(fresh.host.console) in caught.value.hint
    hosts.down(NAME)


def test_a_broken_link_is_mended_without_a_boot(single: Single) -> None:
    """When the backbone or a host's link to it is gone, `up` joins the host again while it runs."""
    single.up()
    first = single.boot_id()
    network.remove_namespace(names.testbed(NAME))
    single.up()
    assert single.boot_id() == first


MOMENTS = {
    "name claimed": lambda: owner(NAME) is not None,
    "backbone there": lambda: names.testbed(NAME) in network.namespaces(NAME),
    "disk mounted": lambda: any(item.kind == "mount" for item in leftovers.find(NAME)),
    "host on record": lambda: boot.identity(State.of(NAME).host("alone")) is not None,
}


@pytest.mark.parametrize("after", ["up", "down"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_up_killed_halfway_is_mended_by_up_and_cleaned_by_down(fresh: Single, moment: str, after: str) -> None:
    """After kill -9 of `up` at any moment: the next one finishes the work, `down` removes what there is."""
    with fresh.start_up() as process:
        eventually(lambda: MOMENTS[moment]() or process.poll() is not None, moment, pause=0.005)
        process.kill()
    if after == "up":
        fresh.up()
        assert fresh.ssh("hostname") == "alone"
    else:
        hosts.down(NAME)
        assert leftovers.find(NAME) == []


def test_down_leaves_nothing_whatever_runs_on_the_host(single: Single) -> None:
    """Programs that ignore signals, mounts and namespaces made on the host: all of it is gone after `down`."""
    single.up()
    single.ssh(
        "mkdir -p /mnt/a && mount -t tmpfs none /mnt/a && ip netns add inner && ip link add dangling type bridge; "
        "setsid sh -c \"trap '' TERM HUP INT; while true; do sleep 1; done\" </dev/null >/dev/null 2>&1 &"
    )
    kinds = {item.kind for item in leftovers.find(NAME)}
    assert kinds == {"process", "mount", "namespace", "link", "cgroup", "folder"}
    hosts.down(NAME)
    assert leftovers.find(NAME) == []
    assert owner(NAME) is None
    assert not network.links(NAME)
    hosts.down(NAME)


@pytest.mark.parametrize("missing", ["topology.yaml", "hosts/alone/machine.json", "known_hosts", "id_ed25519"])
def test_down_needs_no_whole_state_folder(single: Single, missing: str) -> None:
    """What there is to end is found by names and places, not from the state folder."""
    single.up()
    (single.state.folder / missing).unlink()
    hosts.down(NAME)
    assert leftovers.find(NAME) == []


def test_up_makes_lost_keys_again(single: Single) -> None:
    """A testbed whose key was lost is opened with a new one."""
    single.up()
    single.state.key.unlink()
    single.up()
    assert single.ssh("hostname") == "alone"


def test_a_host_that_shows_another_key_is_not_trusted(single: Single) -> None:
    """SSH goes on only when the host shows the key that was written down before it booted."""
    single.up()
    single.state.known_hosts.write_text(
        "10.249.231.11 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGTLVqWxjqzPyrBmYNSoFqxXRfTKWmSXEzcdRVIqZ8ll\n"
    )
    done = ssh.run(single.state.folder, "alone", "true")
    assert done.returncode == 255
    assert "HOST IDENTIFICATION HAS CHANGED" in done.stderr or "verification failed" in done.stderr


def test_the_second_of_two_ups_waits(fresh: Single) -> None:
    """Two `up` at once: one works, the other says that it waits; both succeed and one host runs."""
    with fresh.start_up() as one, fresh.start_up() as two:
        said = [one.communicate(timeout=120)[1], two.communicate(timeout=120)[1]]
    assert (one.returncode, two.returncode) == (0, 0)
    assert sum("waiting for it to end" in text for text in said) == 1
    assert sum("booting alone" in text for text in said) == 1
    supervisors = [pid for pid in processes.members(NAME) if processes.command(pid) == "systemd-nspawn"]
    assert len(supervisors) == 1


def test_a_namespace_of_somebody_else_is_left_alone(fresh: Single) -> None:
    """A namespace that carries our name and is not ours is named, and nothing is made or removed."""
    space = names.testbed(NAME)
    run(["ip", "netns", "add", space])
    try:
        with pytest.raises(KitError, match=f"network namespace {space} exists on this machine and is not ours"):
            fresh.up()
        hosts.down(NAME)
        assert [str(item) for item in leftovers.find(NAME)] == [f"namespace {space}"]
    finally:
        network.remove_namespace(space)


def test_a_prefix_in_use_is_refused_and_its_user_named(fresh: Single) -> None:
    """The line says which link of the machine has the prefix; nothing half-made is left."""
    run(["ip", "link", "add", "govcloudtest", "type", "bridge"])
    try:
        run(["ip", "addr", "add", "10.249.231.64/26", "dev", "govcloudtest"])
        run(["ip", "link", "set", "govcloudtest", "up"])
        with pytest.raises(
            KitError, match=r"10\.249\.231\.0/24.*link govcloudtest of this machine uses 10\.249\.231\.64"
        ):
            fresh.up()
        assert leftovers.find(NAME) == []
    finally:
        network.remove_link("govcloudtest")


def test_other_addresses_need_a_down_first(single: Single) -> None:
    """A running testbed does not change its addresses under its clusters."""
    single.up()
    ranges = {"ipv4": "10.249.232.0/24", "ipv6": "fd63:7663:f3:2::/64"}
    other = Topology.model_validate(TOPOLOGY.model_dump() | {"backbone": ranges})
    with pytest.raises(KitError, match="is up with other addresses or roles: backbone, host alone"):
        hosts.up(other, single.media)


def test_hosts_come_and_go_with_the_topology(single: Single) -> None:
    """A host added to the topology boots next to the first; one taken out is removed whole."""
    single.up()
    first = single.boot_id()
    more = [{"name": "alone", "role": "bare"}, {"name": "second", "role": "bare"}]
    hosts.up(Topology.model_validate(TOPOLOGY.model_dump() | {"hosts": more}), single.media)
    for family in ("-4", "-6"):
        single.ssh(f"ping {family} -c1 -w30 second")
    single.up()
    assert single.boot_id() == first
    assert network.namespaces(NAME) == [names.testbed(NAME), names.host(NAME, "alone")]
    assert single.state.host_names() == ["alone"]
