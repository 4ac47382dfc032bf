"""A commercial cloud (EGC) that the platform team takes into use, and an agency's way onto it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pulumi

from modules import enterprise
from modules.agency import Agency
from modules.components.guarded_namespace import GuardedNamespace
from modules.components.program import plain_errors
from modules.enterprise import Placement


class EnterpriseCloud(pulumi.ComponentResource):
    """What agencies' clouds need on a commercial cloud from the first day: a guarded namespace for shared parts.

    In it stands the record of the certificate that the use of the cloud rests on.
    """

    def __init__(self, found: Placement, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("govcloud:modules:EnterpriseCloud", found.cloud, None, opts)
        space = enterprise.space(found.level, found.location)
        GuardedNamespace(space, pulumi.ResourceOptions(parent=self)).fill([enterprise.record(found)], parent=self)
        self.register_outputs({"namespace": space.name})


def admitted(kubeconfig: Path, agency: Agency, stack: str, on: dt.date) -> pulumi.Input[str]:
    """Return the kubeconfig of an agency's cluster once the cloud was found to be taken into use for its level.

    ``stack`` is the platform team's for that cloud; '' asks nothing. What needs the kubeconfig waits for the answer.
    """
    if not stack:
        return str(kubeconfig)

    def checked(value: object) -> str:
        with plain_errors():
            found = enterprise.parse(value, stack)
            asked = max(system.level for system in agency.systems)
            enterprise.check(found, stack, agency.placement.egc or "", asked, on)
        return str(kubeconfig)

    return pulumi.StackReference(stack).get_output("placement").apply(checked)
