"""Alerts are not sent, come too late, or are read by others."""

from __future__ import annotations

from testbed.faults.fault import Fault
from testbed.faults.host_files import commands, control_plane, edited, unit

_SETTINGS = "/etc/govcloud/alerts/settings.json"
_ALERTER = unit("govcloud-alerts.service")

ALERTS_SILENT = Fault(
    "alerts-silent",
    "nobody looks how much of a quota is in use: no alert is sent",
    commands(control_plane, "systemctl stop govcloud-alerts.service", "systemctl start govcloud-alerts.service"),
)
ALERTS_LATE = Fault(
    "alerts-late",
    "a threshold has to be crossed for a minute and a half before it is told",
    edited(control_plane, {_SETTINGS: 's/("hold_seconds": )0/\\190/'}, _ALERTER),
)
ALERTS_TO_NEIGHBOUR = Fault(
    "alerts-to-neighbour",
    "tenant b is told of tenant a's namespaces as well",
    edited(control_plane, {_SETTINGS: '/"alerts-audit-b": \\[/a\\\n            "govcloud-audit-a",'}, _ALERTER),
)
