"""Registers a component of ``yaml/v2`` and its objects with the engine, each as soon as what it needs is there."""

from __future__ import annotations

import graphlib
import queue
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from toolchain.plugins import serving
from toolchain.plugins.kubernetes_provider import VERSION, components, kinds, ordering, values
from toolchain.plugins.kubernetes_provider.calls import RefusedError, Teller
from toolchain.plugins.kubernetes_provider.client import RunCancelledError
from toolchain.plugins.kubernetes_provider.components import Child, Learn, Place
from toolchain.plugins.kubernetes_provider.manifests import ManifestError
from toolchain.plugins.kubernetes_provider.ordering import Identity
from toolchain.plugins.kubernetes_provider.values import UNKNOWN

_ENDING: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})


def construct(request: Any, learn: Learn, place: Place, tell: Teller) -> Any:
    """Answer a request for a component: its URN and, as ``resources``, references to all its objects.

    At a preview in which the manifests are not known yet, the references are unknown. Raises RefusedError for a
    component that is not served, ManifestError for what is wrong in a manifest, and RunCancelledError when the engine
    ends.
    """
    if request.type not in (components.CONFIG_FILE, components.CONFIG_GROUP):
        raise RefusedError(kinds.unsupported(request.type) or f"the component {request.type} is not known")
    what = f"{request.type.rpartition(':')[2]} {request.name}"
    try:
        given = components.arguments(request.type, request.name, values.from_struct(request.inputs))
        missed: list[str] = []
        found = components.children(given, learn, place, missed) if given else None
        needed = ordering.dependencies([child.manifest for child in found or ()])
    except ManifestError as error:
        raise ManifestError(f"{what}: {error}") from error
    for pattern in missed:
        tell(f"no file matches {pattern}", "WARNING")
    try:
        with serving.channel(request.monitorEndpoint) as channel:
            monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            urn = monitor.RegisterResource(_component(request)).urn
            if found is None:
                tell(f"{what}: its manifests are not known yet; this preview is incomplete", "WARNING")
                state: dict[str, Any] = {"resources": UNKNOWN}
            else:
                state = {"resources": register(monitor, urn, found, needed)}
            outputs = resource_pb2.RegisterResourceOutputsRequest(urn=urn, outputs=values.to_struct(state))
            monitor.RegisterResourceOutputs(outputs)
    except grpc.RpcError as error:
        if error.code() in _ENDING:
            raise RunCancelledError from error
        raise RefusedError(error.details()) from error
    return provider_pb2.ConstructResponse(urn=urn, state=values.to_struct(state))


def register(
    monitor: Any, parent: str, found: Sequence[Child], needed: Mapping[Identity, Sequence[Identity]]
) -> list[dict[str, Any]]:
    """Register all objects and return references to those that there are then, in the given order.

    An object waits for those it needs, and for no other; it is left out when one of them failed.
    """
    by_identity = {ordering.identify(child.manifest.obj): child for child in found}
    made: dict[Identity, Any] = {}
    ended: queue.SimpleQueue[tuple[Identity, Any]] = queue.SimpleQueue()
    sorter = graphlib.TopologicalSorter(needed)
    sorter.prepare()
    while sorter.is_active():
        for identity in sorter.get_ready():
            if all(one in made for one in needed[identity]):
                request = _child(parent, by_identity[identity], [made[one].urn for one in needed[identity]])
                call = monitor.RegisterResource.future(request)
                call.add_done_callback(lambda done, identity=identity: ended.put((identity, done)))
            else:
                ended.put((identity, None))
        identity, done = ended.get()
        if done is not None and (answer := done.result()).result == resource_pb2.SUCCESS:
            made[identity] = answer
        sorter.done(identity)
    return [_reference(made[identity]) for identity in by_identity if identity in made]


def _component(request: Any) -> Any:
    """Return the component's own registration.

    What its options and inputs depend on is in its dependencies, so that at a deletion these outlive its objects.
    """
    return resource_pb2.RegisterResourceRequest(
        type=request.type,
        name=request.name,
        parent=request.parent,
        protect=request.protect if request.HasField("protect") else None,
        retainOnDelete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deletedWith=request.deletedWith,
        dependencies=request.dependencies,
        providers=request.providers,
        aliases=request.aliases,
        aliasSpecs=True,
        acceptSecrets=True,
        acceptResources=True,
        supportsPartialValues=True,
        parentStackTraceHandle=request.stack_trace_handle,
    )


def _child(parent: str, child: Child, dependencies: Sequence[str]) -> Any:
    return resource_pb2.RegisterResourceRequest(
        type=child.type,
        name=child.name,
        parent=parent,
        custom=True,
        object=values.to_struct(child.inputs),
        version=VERSION,
        dependencies=sorted(dependencies),
        aliasSpecs=True,
        acceptSecrets=True,
        acceptResources=True,
        supportsPartialValues=True,
        supportsResultReporting=True,
    )


def _reference(made: Any) -> dict[str, Any]:
    return {
        values.SIGNATURE: values.RESOURCE_SIGNATURE,
        "urn": made.urn,
        "id": made.id or UNKNOWN,
        "packageVersion": VERSION,
    }
