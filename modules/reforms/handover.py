"""What a reform does to the ledger of addresses: owners change, addresses do not."""

from __future__ import annotations

import datetime as dt

from modules.addresses.changes import pass_on
from modules.addresses.ledger import Ledger
from modules.reforms.models import ReformPlan


def hand_over_addresses(ledger: Ledger, plan: ReformPlan, on: dt.date) -> None:
    """Let the heirs have what the old units have. Units that have no addresses are left out."""
    for it in plan.successions:
        if it.principal == it.unit or it.unit not in ledger.units:
            continue
        zones = ledger.units[it.unit].zones
        for handover in it.namespaces:
            if handover.heir != it.principal and handover.namespace in zones:
                pass_on(ledger, it.unit, handover.heir, on, [handover.namespace])
        pass_on(ledger, it.unit, it.principal, on)
