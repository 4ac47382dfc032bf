"""What the roles promise of a host, looked up on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import testinfra
import yaml

if TYPE_CHECKING:
    from testinfra.host import Host

    from tests.conftest import Testbed
    from tests.playbooks.live_cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120, func_only=True)]


@pytest.fixture(scope="module")
def host(testbed: Testbed, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """Give the control-plane host as testinfra sees it over SSH."""
    inventory = yaml.safe_load((testbed.state / "inventory.yaml").read_text())["all"]
    address = inventory["hosts"]["cgc-1"]["ansible_host"]
    config = tmp_path_factory.mktemp("ssh") / "config"
    config.write_text(
        f"Host {address}\n  User root\n  IdentityFile {testbed.state / 'id_ed25519'}\n"
        f"  UserKnownHostsFile {testbed.state / 'known_hosts'}\n  HostKeyAlgorithms ssh-ed25519\n"
    )
    return testinfra.get_host(f"ssh://{address}", ssh_config=str(config))


@pytest.mark.parametrize(
    ("path", "mode", "owner"),
    [
        ("/etc/kubernetes/admin.conf", 0o600, "root"),
        ("/etc/kubernetes/govcloud/encryption.yaml", 0o600, "root"),
        ("/etc/kubernetes/pki/ca.key", 0o600, "root"),
        ("/etc/kubernetes/pki/govcloud-network.json", 0o600, "root"),
        ("/etc/govcloud/network.json", 0o400, "govcloud-network"),
        ("/var/lib/etcd", 0o700, "root"),
    ],
)
def test_secrets_belong_to_one_user(host: Host, path: str, mode: int, owner: str) -> None:
    """Keys and credentials are read by nobody but the one who needs them."""
    file = host.file(path)
    assert (oct(file.mode), file.user) == (oct(mode), owner)


@pytest.mark.parametrize("service", ["containerd", "kubelet", "govcloud-network"])
def test_services_run_and_return_with_the_host(host: Host, service: str) -> None:
    """Each service runs, and is started when the host boots."""
    assert host.service(service).is_running
    assert host.service(service).is_enabled


@pytest.mark.parametrize(
    "name",
    [
        "net.bridge.bridge-nf-call-iptables",
        "net.bridge.bridge-nf-call-ip6tables",
        "net.ipv4.ip_forward",
        "net.ipv6.conf.all.forwarding",
    ],
)
def test_packets_of_the_bridge_are_judged(host: Host, name: str) -> None:
    """Pods of one node meet on a bridge: without these the rules would not see them, in one family or the other."""
    assert host.sysctl(name) == 1


def test_the_guard_stands_before_the_kubelet(host: Host) -> None:
    """The closed table is loaded before a kubelet can start a pod, at every boot."""
    assert host.service("govcloud-network-guard").is_running
    assert "govcloud-network-guard.service" in host.check_output("systemctl show -P After kubelet").split()
    assert "govcloud-network-guard.service" in host.check_output("systemctl show -P Requires kubelet").split()


def test_the_agent_may_change_the_network_and_nothing_else(host: Host) -> None:
    """The agent is not root, holds one capability, and sees the file system read-only."""
    service = "govcloud-network"
    assert host.process.get(pid=host.check_output(f"systemctl show -P MainPID {service}")).user == service
    assert host.check_output(f"systemctl show -P CapabilityBoundingSet {service}") == "cap_net_admin"
    assert host.check_output(f"systemctl show -P ProtectSystem {service}") == "strict"


def test_the_kubelet_lets_nobody_in_without_a_name(host: Host) -> None:
    """No anonymous requests, no read-only port, TLS 1.3, and every container under the default seccomp profile."""
    kubelet = yaml.safe_load(host.file("/var/lib/kubelet/config.yaml").content_string)
    assert kubelet["authentication"]["anonymous"]["enabled"] is False
    assert kubelet["authorization"]["mode"] == "Webhook"
    assert kubelet.get("readOnlyPort", 0) == 0
    assert kubelet["tlsMinVersion"] == "VersionTLS13"
    assert kubelet["seccompDefault"] is True
    assert not host.socket("tcp://0.0.0.0:10255").is_listening


def test_etcd_and_the_schedulers_listen_on_loopback_or_behind_certificates(host: Host) -> None:
    """Without a client certificate etcd talks on loopback alone; scheduler and controller manager do so altogether."""
    for port in (2381, 10257, 10259):
        assert host.socket(f"tcp://127.0.0.1:{port}").is_listening
        assert not host.socket(f"tcp://0.0.0.0:{port}").is_listening
    etcd = yaml.safe_load(host.file("/etc/kubernetes/manifests/etcd.yaml").content_string)
    flags = etcd["spec"]["containers"][0]["command"]
    assert {"--client-cert-auth=true", "--peer-client-cert-auth=true", "--tls-min-version=TLS1.3"} <= set(flags)


def test_requests_to_the_api_are_written_down(host: Host) -> None:
    """The audit log grows, is rotated, and holds no secret's content."""
    log = host.file("/var/log/kubernetes/audit/audit.log")
    assert log.size > 0
    flags = host.file("/etc/kubernetes/manifests/kube-apiserver.yaml").content_string
    assert all(f"--audit-log-{limit}=" in flags for limit in ("maxage", "maxbackup", "maxsize"))
    secrets = 'grep -F \'"resource":"secrets"\' /var/log/kubernetes/audit/audit.log | grep -c requestObject'
    assert host.run(secrets).stdout.strip() == "0"
