"""Logs do not arrive, are open to others, or can be changed."""

from __future__ import annotations

from testbed.faults.fault import Fault
from testbed.faults.host_files import commands, control_plane, edited, services, unit
from testbed.faults.object_store import SETTINGS, SETTLED

_COLLECTOR = unit("govcloud-log-collector.service")
_GRANTS = "/usr/local/lib/govcloud/settle_object_store.py"

LOGS_NOT_COLLECTED = Fault(
    "logs-not-collected",
    "nothing ships the audit log: what tenants do is in no log that they can read",
    commands(
        control_plane,
        "systemctl stop govcloud-log-collector.service",
        "systemctl start govcloud-log-collector.service",
    ),
)
LOGS_KEPT_SHORT = Fault(
    "logs-kept-short",
    "logs are locked for 30 days alone",
    edited(control_plane, {"/etc/govcloud/log-collector/settings.json": 's/("days": )366/\\130/'}, _COLLECTOR),
)
LOGS_OPEN_TO_NEIGHBOUR = Fault(
    "logs-open-to-neighbour",
    "tenant b may read tenant a's log",
    edited(services, {SETTINGS: '/"logs-audit-a": \\[/a\\\n            "tenant-b",'}, SETTLED),
)
LOGS_OF_PLATFORM_OPEN = Fault(
    "logs-of-platform-open",
    "tenants may read the platform's own log",
    edited(services, {SETTINGS: 's/("logs-platform": )\\[\\]/\\1["tenant-a", "tenant-b"]/'}, SETTLED),
)
LOGS_WRITABLE = Fault(
    "logs-writable",
    "tenants may write into their own log and delete from it",
    edited(
        services, {_GRANTS: 's/^READ = \\[/&"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", /'}, SETTLED
    ),
)
