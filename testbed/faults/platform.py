"""The control plane and the nodes themselves take what they should refuse, or leave out what they should do."""

from __future__ import annotations

from testbed.faults.control_plane import API_SERVER_MANIFEST, CONTROLLERS_MANIFEST, api_server, argument
from testbed.faults.fault import Fault
from testbed.faults.host_files import edited, nodes, unit
from testbed.faults.objects import RBAC, bound

_KUBELET = unit("kubelet.service", ready="curl -sf http://127.0.0.1:10248/healthz")
_EVERYBODY = {"apiGroup": RBAC, "kind": "Group", "name": "system:unauthenticated"}
_KUBELET_FILE = "/var/lib/kubelet/config.yaml"
_ONE_RANGE = "s/(--service-cluster-ip-range=[^,]+),.*/\\1/"

ANONYMOUS_ACCESS = Fault(
    "anonymous-access",
    "the API server lets callers without a name in, who may read what a viewer may",
    bound("govcloud-fault-anonymous", "view", _EVERYBODY)
    + api_server({"/etc/kubernetes/govcloud/authentication.yaml": "/conditions:|- path:/d"}),
)
OLD_TLS = Fault(
    "old-tls",
    "the API server takes TLS 1.0 and 1.1",
    argument("tls-min-version", "VersionTLS10"),
)
IPV6_SERVICES_MISSING = Fault(
    "ipv6-services-missing",
    "Services get addresses of IPv4 alone, as the range of IPv6 is missing",
    api_server({API_SERVER_MANIFEST: _ONE_RANGE, CONTROLLERS_MANIFEST: _ONE_RANGE}),
)
KUBELETS_OPEN = Fault(
    "kubelets-open",
    "kubelets take callers without a name, and let them do everything",
    edited(nodes, {_KUBELET_FILE: "/anonymous:/{n;s/false/true/};s/mode: Webhook/mode: AlwaysAllow/"}, _KUBELET),
)
KUBELETS_READ_ONLY_PORT = Fault(
    "kubelets-read-only-port",
    "kubelets serve what runs on their node in plain text, to anybody, on port 10255",
    edited(nodes, {_KUBELET_FILE: "s/^readOnlyPort: 0/readOnlyPort: 10255/;t;$a\\\nreadOnlyPort: 10255"}, _KUBELET),
)
