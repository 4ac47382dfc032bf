"""The cloud of one agency, as its file declares it. Outputs: ``agency`` (its key) and ``systems``."""

import pulumi

from modules import agency_file
from modules.components.agency_cloud import AgencyCloud, central_contract
from modules.components.program import configuration, on_cluster, plain_errors
from modules.settings import AgencySettings

with plain_errors():
    config = configuration(AgencySettings)
    agency = agency_file.load(config.agency)
    config.check_stack(pulumi.get_stack(), agency.slug)
    cloud = AgencyCloud(agency, central_contract(config.cgc_stack), config.image, on_cluster(config))
    pulumi.export("agency", str(agency.key))
    pulumi.export("systems", cloud.systems)
