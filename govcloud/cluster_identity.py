"""Which cluster a kubeconfig leads to, whether it answers, and which namespaces it has."""

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


def namespaces(kubeconfig: Path, selector: str) -> dict[str, str]:
    """Return the phase of each namespace with these labels. Raises KitError where the cluster does not tell."""
    try:
        found = api(kubeconfig).list_namespace(label_selector=selector, _request_timeout=_TIMEOUT)
    except (HTTPError, client.ApiException) as error:
        said = f"the cluster of {kubeconfig} did not answer: {type(error).__name__}"
        raise KitError(said, "see that it runs, and what this sign-in may do") from error
    return {it.metadata.name: it.status.phase for it in found.items}


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
