"""The provider's side of the protocol: each method reads a request, has the work done, and writes the answer."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from toolchain.plugins import serving
from toolchain.plugins.kubernetes_provider import (
    VERSION,
    configuration,
    construction,
    values,
    yaml_files,
)
from toolchain.plugins.kubernetes_provider.answers import answered, checked, difference, redacted
from toolchain.plugins.kubernetes_provider.calls import Request, Teller
from toolchain.plugins.kubernetes_provider.rendered import RenderedResources
from toolchain.plugins.kubernetes_provider.resources import Resources


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one provider instance, that is one cluster."""

    def __init__(self, engine: str) -> None:
        self._cancelled = threading.Event()
        self._resources = Resources(configuration.Configuration(), self._cancelled)
        self._engine = engine_pb2_grpc.EngineStub(serving.channel(engine)) if engine else None

    # The provider itself

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Take the engine's address and tell what this provider understands."""
        if request.engine_address:
            self._engine = engine_pb2_grpc.EngineStub(serving.channel(request.engine_address))
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, supports_autonaming_configuration=True)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Take the address of an engine that did not start this process."""
        self._engine = engine_pb2_grpc.EngineStub(serving.channel(request.address))
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Tell the version of the upstream provider that this stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Describe what programs pass in, for what writes programs; it takes the SDK, in a process of its own."""
        program = [sys.executable, "-I", "-m", "toolchain.plugins.kubernetes_provider.schema"]
        try:
            done = subprocess.run(program, capture_output=True, text=True, check=True)
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or ["without a word"])[-1]
            context.abort(grpc.StatusCode.INTERNAL, f"the schema could not be read from the SDK: {last}")
        return provider_pb2.GetSchemaResponse(schema=done.stdout)

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Check the provider's arguments."""

        def work() -> Any:
            inputs, failures = configuration.check(values.from_struct(request.news), request.urn)
            return checked(inputs, failures)

        return answered(context, work)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Tell whether the provider would talk to another cluster, for then everything must be made anew there."""

        def work() -> Any:
            olds = values.plain(
                values.from_struct(request.old_inputs if request.HasField("old_inputs") else request.olds)
            )
            news = values.plain(values.from_struct(request.news))
            return difference(configuration.compare(olds, news))

        return answered(context, work)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Take the provider's arguments; the cluster is first asked when something needs it."""

        def work() -> Any:
            given = configuration.parse(values.plain(values.from_struct(request.args)))
            identity = request.id if request.id not in values.UNKNOWN_TEXTS else ""
            made = RenderedResources if given.render_directory else Resources
            self._resources = made(given, self._cancelled, identity)
            return provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
            )

        return answered(context, work)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """End every wait; what was made by then goes into the state as not ready."""
        self._cancelled.set()
        return empty_pb2.Empty()

    # Resources

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Complete a program's inputs: name, namespace, and what is secret."""

        def work() -> Any:
            asked = Request(request.urn, news=values.from_struct(request.news))
            kept = values.from_struct(request.olds)
            if kept and self._resources.skips_updates(self._teller(request.urn, request.news)):
                return checked(kept, [])
            olds = values.plain(kept)
            naming = request.autonaming
            mode = provider_pb2.CheckRequest.AutonamingOptions.Mode.Name(naming.mode)
            inputs, failures = self._resources.check(asked, olds, request.randomSeed, naming.proposed_name, mode)
            return checked(inputs, failures)

        return answered(context, work, request.news)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Tell what an update would change."""

        def work() -> Any:
            asked = Request(
                request.urn,
                identity=request.id,
                olds=values.from_struct(request.olds),
                old_inputs=values.from_struct(request.old_inputs),
                news=values.from_struct(request.news),
            )
            tell = self._teller(request.urn, request.news, request.olds)
            return difference(self._resources.diff(asked, list(request.ignoreChanges), tell))

        return answered(context, work, request.news, request.olds)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Make an object, or tell what it would be."""

        def work() -> Any:
            asked = Request(request.urn, news=values.from_struct(request.properties), timeout=request.timeout)
            identity, state = self._resources.create(
                asked, self._teller(request.urn, request.properties), dry_run=request.preview
            )
            return provider_pb2.CreateResponse(id=identity, properties=values.to_struct(state))

        return answered(context, work, request.properties)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Change an object, or tell what it would be."""

        def work() -> Any:
            asked = Request(
                request.urn,
                identity=request.id,
                olds=values.from_struct(request.olds),
                old_inputs=values.from_struct(request.old_inputs),
                news=values.from_struct(request.news),
                timeout=request.timeout,
            )
            state = self._resources.update(
                asked, self._teller(request.urn, request.news, request.olds), dry_run=request.preview
            )
            return provider_pb2.UpdateResponse(properties=values.to_struct(state))

        return answered(context, work, request.news, request.olds)

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Read an object for a refresh, an import or a program's ``get``."""

        def work() -> Any:
            asked = Request(
                request.urn,
                identity=request.id,
                olds=values.from_struct(request.properties),
                old_inputs=values.from_struct(request.inputs),
            )
            found = self._resources.read(asked, self._teller(request.urn, request.inputs, request.properties))
            if found is None:
                return provider_pb2.ReadResponse()
            identity, state, inputs = found
            return provider_pb2.ReadResponse(
                id=identity, properties=values.to_struct(state), inputs=values.to_struct(inputs)
            )

        return answered(context, work, request.inputs, request.properties)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Delete an object and wait until it is gone."""

        def work() -> Any:
            asked = Request(
                request.urn,
                identity=request.id,
                olds=values.from_struct(request.properties),
                old_inputs=values.from_struct(request.old_inputs),
                timeout=request.timeout,
            )
            self._resources.delete(asked, self._teller(request.urn, request.properties))
            return empty_pb2.Empty()

        return answered(context, work, request.properties)

    def Construct(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Make a component: its objects are registered with the engine, which then asks for each."""

        def work() -> Any:
            made, tell = self._resources, self._teller("", request.inputs)
            return construction.construct(request, made.scopes.learn, made.placed, tell)

        return answered(context, work, request.inputs)

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Answer the functions that programs call."""

        def work() -> Any:
            result = yaml_files.invoke(request.tok, values.plain(values.from_struct(request.args)))
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(values.to_struct(result))
            return response

        return answered(context, work)

    def _teller(self, urn: str, *secret: Any) -> Teller:
        """Return how to show messages about one resource, without what is secret in it."""

        def tell(message: str, severity: str = "INFO", *, passing: bool = False) -> None:
            if self._engine is None:
                return
            text = redacted(message, secret)
            number = engine_pb2.LogSeverity.Value(severity)
            with suppress(grpc.RpcError):  # an engine that is ending does not listen any more
                self._engine.Log(engine_pb2.LogRequest(severity=number, message=text, urn=urn, ephemeral=passing))

        return tell
