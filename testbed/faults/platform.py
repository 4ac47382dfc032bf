"""The control plane and the nodes themselves take what they should refuse, or leave out what they should do."""

from __future__ import annotations

from testbed.faults.cluster_dns import without_records
from testbed.faults.control_plane import API_SERVER_MANIFEST, CONTROLLERS_MANIFEST, api_server, argument
from testbed.faults.fault import Fault
from testbed.faults.host_files import commands, control_plane, edited, nodes, placed, unit
from testbed.faults.objects import RBAC, bound, changed

_TOKENS = "/etc/kubernetes/govcloud/fault-tokens.csv"
_RSA = "/etc/kubernetes/govcloud/fault-rsa"
_PKI = "/etc/kubernetes/pki"
_RSA_CERTIFICATE = f"""
[ -e {_RSA}.crt ] || {{
    openssl x509 -in {_PKI}/apiserver.crt -noout -ext subjectAltName |
        sed '1d;s/IP Address/IP/g;s/^ */subjectAltName=/' > {_RSA}.ext
    openssl req -new -newkey rsa:2048 -nodes -keyout {_RSA}.key -subj /CN=kube-apiserver -out {_RSA}.csr 2>/dev/null
    openssl x509 -req -in {_RSA}.csr -CA {_PKI}/ca.crt -CAkey {_PKI}/ca.key -CAserial {_RSA}.srl -CAcreateserial \\
        -days 30 -extfile {_RSA}.ext -out {_RSA}.crt 2>/dev/null
    rm -f {_RSA}.ext {_RSA}.csr {_RSA}.srl
}}"""
_PLUGINS = "s|^    - --enable-admission-plugins=.*|&\\n    - "
_KUBELET = unit("kubelet.service", ready="curl -sf http://127.0.0.1:10248/healthz")
_EVERYBODY = {"apiGroup": RBAC, "kind": "Group", "name": "system:unauthenticated"}
_ENCRYPTION = "/etc/kubernetes/govcloud/encryption.yaml"
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
NODES_WITHOUT_IPV6 = Fault(
    "nodes-without-ipv6",
    "nodes say that they have an IPv4 address alone",
    edited(nodes, {"/var/lib/kubelet/kubeadm-flags.env": 's/(--node-ip=[^,"]+),[^"]*/\\1/'}, _KUBELET),
)
SECCOMP_OFF = Fault(
    "seccomp-off",
    "tenant a's containers need not ask for a seccomp profile, and get none then: every system call is theirs",
    changed("/api/v1/namespaces/{a}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}})
    + edited(nodes, {_KUBELET_FILE: "s/^seccompDefault: true/seccompDefault: false/"}, _KUBELET),
)
FAIRNESS_OFF = Fault(
    "fairness-off",
    "nothing limits how many requests one tenant may send to the API server",
    api_server({API_SERVER_MANIFEST: "s|^    - --profiling=false|&\\n    - --enable-priority-and-fairness=false|"}),
)
KNOWN_TOKEN = Fault(
    "known-token",
    "the API server takes a token that stands in a file and in every list of passwords",
    placed(control_plane, {_TOKENS: "not-a-token,govcloud-fault,govcloud-fault\n"})
    + api_server({API_SERVER_MANIFEST: f"s|^    - --profiling=false|&\\n    - --token-auth-file={_TOKENS}|"}),
)
WEAK_SUITES = Fault(
    "weak-suites",
    "the API server takes suites without forward secrecy, with a certificate that allows them",
    commands(control_plane, _RSA_CERTIFICATE, f"rm -f {_RSA}.crt {_RSA}.key")
    + api_server(
        {
            API_SERVER_MANIFEST: f"s|(--tls-cert-file=).*|\\1{_RSA}.crt|;s|(--tls-private-key-file=).*|\\1{_RSA}.key|;"
            "s|^    - --tls-min-version=.*|    - --tls-min-version=VersionTLS12\\n    - --tls-cipher-suites="
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_CBC_SHA|"
        }
    ),
)
LIMITS_IGNORED = Fault(
    "limits-ignored",
    "nodes hold no container to its limit of processors",
    edited(nodes, {_KUBELET_FILE: "$a\\\ncpuCFSQuota: false"}, _KUBELET),
)
SECRETS_STORED_PLAIN = Fault(
    "secrets-stored-plain",
    "the API server writes new Secrets into its store as they are; those of before stay encrypted",
    api_server({_ENCRYPTION: "/- identity:/d;s/^( *)- secretbox:/\\1- identity: {}\\n&/"}),
)
ENDPOINTS_LATE = Fault(
    "endpoints-late",
    "Services learn a minute late that a pod of theirs is gone",
    api_server(
        {CONTROLLERS_MANIFEST: "s|^    - --leader-elect=.*|&\\n    - --endpointslice-updates-batch-period=60s|"}
    ),
)
QUOTAS_IGNORED = Fault(
    "quotas-ignored",
    "the API server does not hold anybody to a quota",
    api_server({API_SERVER_MANIFEST: f"{_PLUGINS}--disable-admission-plugins=ResourceQuota|"}),
)
POD_SECURITY_PLUGIN_OFF = Fault(
    "pod-security-plugin-off",
    "the API server holds no namespace to its Pod Security level",
    api_server({API_SERVER_MANIFEST: f"{_PLUGINS}--disable-admission-plugins=PodSecurity|"}),
)
NAMES_WITHOUT_IPV4 = Fault(
    "names-without-ipv4",
    "the cloud's name service has no A records: names lead to IPv6 alone",
    without_records("A"),
)
NAMES_WITHOUT_IPV6 = Fault(
    "names-without-ipv6",
    "the cloud's name service has no AAAA records: names lead to IPv4 alone",
    without_records("AAAA"),
)
SERVICE_PROXY_OFF = Fault(
    "service-proxy-off",
    "nothing brings new Services to the nodes: they have addresses at which nobody answers",
    changed(
        "/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy",
        {"spec": {"template": {"spec": {"nodeSelector": {"govcloud.local/fault": "no-such-node"}}}}},
    ),
)
