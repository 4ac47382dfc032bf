"""The rules over single objects as policies of a cluster's API server. Outputs: ``policies``, ``waived``."""

import os

import pulumi

from modules.components.admission import AdmissionPolicies
from modules.components.program import configuration, on_cluster, plain_errors
from modules.settings import AdmissionSettings
from policies import waivers
from policies.rules import about, shipped
from policies.waived_admission import documents

with plain_errors():
    config = configuration(AdmissionSettings)
    given = waivers.read(config.waivers, [about(it).id for it in shipped()]) if config.waivers else ()
    today = waivers.today()
    made = documents(shipped(), given, today)
    AdmissionPolicies(made, on_cluster(config.kubeconfig_path(os.environ)))
    for waiver in given:
        level = pulumi.log.info if waiver.holds(today) else pulumi.log.warn
        level(str(waiver) if waiver.holds(today) else f"expired, and not waived any more: {waiver}")
    pulumi.export("policies", len([it for it in made if it["kind"] == "ValidatingAdmissionPolicy"]))
    pulumi.export("waived", [f"{it.rule} for {it.resource} until {it.expires}" for it in given if it.holds(today)])
