"""The Central Government Cloud: the services that the whole state shares. Output: ``contract``."""

import os

import pulumi

from modules import contract
from modules.components.program import configuration, on_cluster, plain_errors
from modules.components.shared_service import SharedService
from modules.settings import CentralSettings

with plain_errors():
    config = configuration(CentralSettings)
    cluster = on_cluster(config.kubeconfig_path(os.environ))
    services = {
        name: SharedService(name, config.level, config.image, cluster, config.gateways_of(name)).contract
        for name in config.services
    }
    pulumi.export("contract", {"version": contract.VERSION, "services": services, "gateways": dict(config.gateways)})
