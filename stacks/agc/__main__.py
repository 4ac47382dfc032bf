"""The cloud of one agency, as its file declares it.

Outputs: ``agency`` (its key), ``systems``, ``certificate`` (on a commercial cloud) and ``authenticator`` (where it has
an identity provider of its own).
"""

import datetime as dt
import os

import pulumi

from modules import agency_file, grants, identity, inheritance, placing
from modules.components.agency_cloud import AgencyCloud, central_contract
from modules.components.enterprise_cloud import admitted
from modules.components.inherited_systems import inherited_systems
from modules.components.program import configuration, on_cluster, plain_errors
from modules.settings import AgencySettings

with plain_errors():
    config = configuration(AgencySettings)
    agency = agency_file.load(config.agency)
    config.check_stack(pulumi.get_stack(), agency.slug)
    today = dt.datetime.now(dt.UTC).date()
    heirlooms = inheritance.load(config.inherited, agency)
    for unit in (agency, *(it.origin for it in heirlooms)):
        grants.check(unit, today)
    place = placing.place(agency, config, os.environ, today)
    offered = central_contract(config.cgc_stack) if place.central else None
    alone = {name: on_cluster(path, f"cluster-{name}") for name, path in place.alone.items()}
    egc_stack = config.egc_stack if place.certificate is not None else ""
    here, shut = on_cluster(admitted(place.kubeconfig, agency, egc_stack, today)), config.quarantined
    cloud = AgencyCloud(agency, offered, config.image, here, alone, config.logs, heirlooms, shut=shut)
    inherited = inherited_systems(agency, heirlooms, offered, config.image, here, today, config.logs, shut=shut)
    pulumi.export("agency", str(agency.key))
    pulumi.export("systems", [*cloud.systems, *inherited])
    if place.certificate is not None:
        pulumi.export("certificate", place.certificate.model_dump(mode="json", by_alias=True))
    if (entry := identity.authenticator(agency)) is not None:
        pulumi.export("authenticator", entry)
