"""A backup that is none: nothing is copied, or whoever loses the original can lose the copy with it."""

from __future__ import annotations

from testbed.faults.fault import Fault
from testbed.faults.host_files import commands, edited, services, unit

_PROGRAM = "/usr/local/lib/govcloud/back_up.py"
_BACKUP = unit("govcloud-backup.service")

BACKUP_OFF = Fault(
    "backup-off",
    "nothing is copied any more",
    commands(services, "systemctl stop govcloud-backup.service", "systemctl start govcloud-backup.service"),
)
BACKUP_OPEN = Fault(
    "backup-open",
    "who owns the data may remove the copies as well",
    edited(services, {_PROGRAM: "s/^READ = .*/READ = CHANGE/"}, _BACKUP),
)
BACKUP_BROKEN = Fault(
    "backup-broken",
    "copies are made in time and hold nothing",
    edited(
        services,
        {_PROGRAM: "s/s3.copy_object\\(Bucket=copies, Key=key, .*/s3.put_object(Bucket=copies, Key=key, Body=b'')/"},
        _BACKUP,
    ),
)
