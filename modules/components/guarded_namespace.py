"""A namespace in which nothing can run before its guards stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pulumi

from modules import guards
from modules.components.objects import make

_LATER: Final[Mapping[str, int]] = {"Deployment": 1, "Service": 2}
"""Kinds that have to wait for others; a Service is only done when pods stand behind it."""


class GuardedNamespace(pulumi.ComponentResource):
    """A namespace with its Pod Security, limits, closed doors and roles.

    With ``protected``, the engine refuses to delete it until a person takes that away.
    What is added with ``fill`` waits for all of these, so no pod ever starts in an open namespace.
    """

    def __init__(
        self, space: guards.Space, opts: pulumi.ResourceOptions | None = None, *, protected: bool = False
    ) -> None:
        super().__init__("govcloud:modules:GuardedNamespace", space.name, None, opts)
        self.space = space
        self.namespace = make(guards.namespace(space), pulumi.ResourceOptions(parent=self, protect=protected or None))
        inside = pulumi.ResourceOptions(
            parent=self, depends_on=[self.namespace], deleted_with=self.namespace, delete_before_replace=True
        )
        self._guards = [
            *(make(manifest, inside) for manifest in guards.guards(space)),
            make(guards.default_account(space.name), inside, patch=True),
        ]
        self.register_outputs({"name": space.name})

    def fill(
        self, manifests: Sequence[guards.Manifest], parent: pulumi.Resource | None = None
    ) -> dict[str, pulumi.CustomResource]:
        """Make these objects in the namespace; return them by kind and name, ``Service/x``.

        Doors, budgets and accounts come first, then the pods, then what waits for ready pods.
        """
        made: dict[str, pulumi.CustomResource] = {}
        for stage in range(len(_LATER) + 1):
            options = pulumi.ResourceOptions(
                parent=parent or self,
                depends_on=[*self._guards, *made.values()],
                deleted_with=self.namespace,
                delete_before_replace=True,
            )
            for manifest in manifests:
                if _LATER.get(manifest["kind"], 0) == stage:
                    made[f"{manifest['kind']}/{manifest['metadata']['name']}"] = make(manifest, options)
        return made
