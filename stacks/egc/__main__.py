"""A commercial cloud (EGC) that was shown to meet the requirements, taken into use for agencies.

Outputs: ``placement``, which agencies' stacks read, and ``policies``, how many admission policies are in force.
"""

import datetime as dt
import os

import pulumi

from modules import conforming, enterprise
from modules.components.admission import AdmissionPolicies
from modules.components.enterprise_cloud import EnterpriseCloud
from modules.components.program import configuration, on_cluster, plain_errors
from modules.settings import EnterpriseSettings
from policies import waivers
from policies.rules import about, shipped
from policies.waived_admission import documents

with plain_errors():
    config = configuration(EnterpriseSettings)
    today = dt.datetime.now(dt.UTC).date()
    shown = conforming.certified(config, config.certificate, config.cloud, config.level, today)
    cluster = on_cluster(config.kubeconfig_path(os.environ))
    given = waivers.read(config.waivers, [about(it).id for it in shipped()]) if config.waivers else ()
    made = documents(shipped(), given, today)
    rules = AdmissionPolicies(made, cluster)
    placement = enterprise.placement(shown, config.level, config.location)
    EnterpriseCloud(placement, pulumi.ResourceOptions.merge(cluster, pulumi.ResourceOptions(depends_on=[rules])))
    pulumi.export("placement", placement.model_dump(mode="json"))
    pulumi.export("policies", len([it for it in made if it["kind"] == "ValidatingAdmissionPolicy"]))
