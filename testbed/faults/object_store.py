"""The object store keeps, separates or shuts less than it should, at its door or behind it."""

from __future__ import annotations

from testbed.faults.cloud import Cloud
from testbed.faults.fault import Change, Fault
from testbed.faults.host_files import Reader, commands, edited, services, unit

_DOOR_FILE = "/etc/govcloud/object-store/door.cfg"
SETTINGS = "/etc/govcloud/object-store/settings.json"
"""Accounts, buckets and readers of the store, as it is settled."""
_OTHER = "/etc/govcloud/object-store/fault.pem"
_DOOR = unit("govcloud-object-store-door.service")
_ERASED = "http-request return status 200 content-type text/plain string first"
_NOT_IMPLEMENTED = (
    "content-type application/xml "
    "string '<Error><Code>NotImplemented</Code><Message>This store does not do that.</Message></Error>'"
)


def _settle(cloud: Cloud, host: str) -> None:
    cloud.ssh(host, "/usr/bin/python3 /usr/local/lib/govcloud/settle_object_store.py")


SETTLED = Reader("settle the object store", _settle)
"""The store's accounts and grants, which are made what their files say."""


def _door(*rules: str) -> Change:
    """Add rules to the door, before its own; a rule is a line of HAProxy's configuration."""
    script = "/default_backend/i\\\n" + "\\\n".join(f"    {rule}" for rule in rules)
    return edited(services, {_DOOR_FILE: script}, _DOOR)


def _refuses(condition: str) -> Change:
    return _door(f"http-request return status 501 {_NOT_IMPLEMENTED} if {condition}")


STORE_LOCK_MISSING = Fault(
    "store-lock-missing",
    "the object store makes no bucket whose objects can be locked",
    _refuses("{ req.hdr(x-amz-bucket-object-lock-enabled) -m found }"),
)
STORE_VERSIONS_MISSING = Fault(
    "store-versions-missing",
    "no bucket can be had that keeps versions",
    _refuses("METH_PUT { query -m beg versioning }"),
)
STORE_MULTIPART_BROKEN = Fault(
    "store-multipart-broken",
    "an upload in parts cannot be completed",
    _refuses("METH_POST { urlp(uploadId) -m found }"),
)
STORE_TAGS_MISSING = Fault(
    "store-tags-missing",
    "buckets take no tags, so that none can carry the class of its data",
    _refuses("METH_PUT { query -m beg tagging }"),
)
STORE_ABROAD = Fault(
    "store-abroad",
    "the object store takes buckets for regions in other countries",
    _door(
        "http-request wait-for-body time 2s if METH_PUT { req.hdr(content-length) -m int lt 1000 }",
        "http-request return status 200 if METH_PUT { req.body -m sub us-west-2 }",
    ),
)
STORE_KEEPS_ERASED = Fault(
    "store-keeps-erased",
    "something before the object store goes on giving out what was erased",
    _door(f"{_ERASED} if METH_GET {{ path_end /old }} {{ path -m sub erased }}"),
)
STORE_OPEN = Fault(
    "store-open",
    "the object store answers whoever asks, without credentials",
    edited(services, {_DOOR_FILE: "s/return status 403 .* unless/return status 200 unless/"}, _DOOR),
)
STORE_PUBLIC_BUCKETS = Fault(
    "store-public-buckets",
    "an owner may open a bucket to everybody",
    edited(services, {_DOOR_FILE: "/return status 403/d"}, _DOOR),
)
STORE_PRESIGNED_FOR_EVER = Fault(
    "store-presigned-for-ever",
    "a presigned address opens what it likes, for as long as it likes",
    _door(
        "http-request set-var(txn.presigned) urlp(X-Amz-Signature)",
        "http-response return status 200 if { status 403 } { var(txn.presigned) -m found }",
    ),
)
STORE_NEIGHBOUR_IS_ADMINISTRATOR = Fault(
    "store-neighbour-is-administrator",
    "tenant b's account of the object store has the rights of an administrator",
    edited(services, {SETTINGS: 's/("tenant-b": )"userplus"/\\1"admin"/'}, SETTLED),
)
STORE_IPV6_MISSING = Fault(
    "store-ipv6-missing",
    "the object store takes connections over IPv4 alone",
    edited(services, {_DOOR_FILE: "/bind .*v6only/d"}, _DOOR),
)
STORE_OLD_TLS = Fault(
    "store-old-tls",
    "the object store takes TLS 1.0 and 1.1",
    edited(
        services,
        {
            _DOOR_FILE: "s/ssl-min-ver TLSv1.2/ssl-min-ver TLSv1.0/;"
            "s/(ssl-default-bind-ciphers .*)/\\1:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0/"
        },
        _DOOR,
    ),
)
STORE_OTHER_CERTIFICATE = Fault(
    "store-other-certificate",
    "the object store shows another certificate over IPv6 than over IPv4",
    commands(
        services,
        "cd /etc/govcloud/certificates && "
        '/usr/local/lib/govcloud/issue_certificate fault root "$(cat object-store.names)" && '
        f"cat fault.crt fault.key > {_OTHER} && chmod 644 {_OTHER}",
        f"rm -f {_OTHER} /etc/govcloud/certificates/fault.*",
    )
    + edited(services, {_DOOR_FILE: f"/v6only/s|crt .*|crt {_OTHER}|"}, _DOOR),
)
_BOTH = """listen both
    mode tcp
    bind 0.0.0.0:7070
    tcp-request inspect-delay 2s
    tcp-request content accept if { req.len gt 0 }
    use-server tls if { req.ssl_hello_type 1 }
    use-server plain unless { req.ssl_hello_type 1 }
    server tls abns@tls
    server plain abns@plain
frontend plain
    bind abns@plain
    default_backend store
"""
STORE_PLAIN_HTTP = Fault(
    "store-plain-http",
    "the object store answers plain HTTP on its port, beside TLS",
    edited(
        services,
        {_DOOR_FILE: "s/bind 0.0.0.0:7070/bind abns@tls/;$a\\\n" + "\\\n".join(_BOTH.splitlines())},
        _DOOR,
    ),
)
