"""What every stack's program does around its components: the cluster it works on, and errors shown plainly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pulumi
import pulumi.runtime
import pulumi_kubernetes

from core.errors import KitError
from modules import settings

S = TypeVar("S", bound=settings.Settings)


def configuration(model: type[S]) -> S:
    """Read the configuration of the running stack as this model."""
    return settings.read(model, pulumi.get_project(), pulumi.runtime.get_config_env())


def on_cluster(kubeconfig: pulumi.Input[str] | Path, name: str = "cluster") -> pulumi.ResourceOptions:
    """Options that put a component on a cluster. Only the kubeconfig's path goes into the state."""
    provider = pulumi_kubernetes.Provider(
        name, kubeconfig=str(kubeconfig) if isinstance(kubeconfig, Path) else kubeconfig
    )
    return pulumi.ResourceOptions(providers={"kubernetes": provider})


@contextmanager
def plain_errors() -> Iterator[None]:
    """Show an error that a person can mend as its message, without a traceback."""
    try:
        yield
    except KitError as error:
        raise pulumi.RunError(str(error)) from error
