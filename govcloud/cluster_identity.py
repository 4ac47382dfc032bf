"""Which cluster a kubeconfig leads to, and whether it answers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.config import ConfigException
from urllib3.exceptions import HTTPError
from yaml import YAMLError

from core.errors import KitError

_TIMEOUT = 10


def api(kubeconfig: Path) -> Any:
    """Return a client of the cluster that tries each call once."""
    configuration = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    configuration.retries = False
    return client.CoreV1Api(client.ApiClient(configuration))


def cluster_id(kubeconfig: Path) -> str:
    """Return what identifies a cluster. Raises KitError where it does not answer; each is asked once."""
    found = _asked(kubeconfig)
    if isinstance(found, KitError):
        raise found
    return found


@cache
def _asked(kubeconfig: Path) -> str | KitError:
    try:
        return str(api(kubeconfig).read_namespace("kube-system", _request_timeout=_TIMEOUT).metadata.uid)
    except HTTPError as error:
        why = " ".join(str(error).split()).rpartition(": ")[2].strip("')\"")
        return KitError(f"the cluster of {kubeconfig} does not answer: {why}", "see that it runs, and the way to it")
    except client.ApiException as error:
        return KitError(f"the cluster of {kubeconfig} refuses: {error.reason}", "see what this sign-in may do")
    except (ConfigException, YAMLError, OSError, ValueError, TypeError) as error:
        why = " ".join(str(error).split())
        return KitError(f"{kubeconfig}: not a kubeconfig that can be used: {why}", "give the path of another one")
