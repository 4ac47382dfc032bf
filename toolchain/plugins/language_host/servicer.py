"""The language host's side of the protocol: each method reads a request, has the work done, and writes the answer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, language_pb2_grpc, plugin_pb2

from toolchain.plugins import serving
from toolchain.plugins.language_host import (
    about,
    children,
    environment,
    generation,
    install,
    linking,
    packages,
    plugins,
    programs,
    project,
    prompts,
)
from toolchain.plugins.language_host.environment import PythonEnvironment
from toolchain.plugins.language_host.generation import GenerationError
from toolchain.plugins.language_host.install import Command
from toolchain.plugins.language_host.project import Project, ProjectError


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves one engine; whatever it runs is a child process with the project's own Python."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children = children.Children()

    def stop(self) -> None:
        """End what runs."""
        self._children.stop()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Take the engine's address."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Tell the version: that of the SDK whose protocol this speaks."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Interrupt what runs."""
        self.stop()
        return empty_pb2.Empty()

    # What a project needs and has

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Bring the project's environment up to date, and list the resource plugins that its packages need."""
        with _telling(context):
            asked = _project(request.info)
            for command in install.synchronise(asked):
                self._finish(command, asked.program)
            needed = packages.required(environment.find(asked))
            return language_pb2.GetRequiredPackagesResponse(packages=list(needed))

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """List what is installed for this project."""
        with _telling(context):
            found = packages.installed(
                environment.find(_project(request.info)), transitive=request.transitiveDependencies
            )
            return language_pb2.GetProgramDependenciesResponse(
                dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
            )

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Tell which Python runs this project."""
        with _telling(context):
            asked = _project(request.info)
            return language_pb2.AboutResponse(**about.describe(asked, environment.find(asked)))

    # Making and installing a project

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Tell what to ask a person who makes a new project."""
        return language_pb2.RuntimeOptionsResponse(prompts=prompts.of(_options(request.info)))

    def Template(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Bring a project that was made from a template into the form that its tool wants."""
        with _telling(context):
            install.prepare(_project(request.info), request.project_name)
            return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Make the project's virtual environment and fill it, with what the tool says as it comes."""
        with _telling(context):
            asked = _project(request.info)
            if request.is_plugin:
                asked = plugins.with_virtualenv(asked)
            if said := install.prepare(asked):
                yield language_pb2.InstallDependenciesResponse(stdout=said.encode())
            for command in install.commands(asked):
                yield language_pb2.InstallDependenciesResponse(stdout=f"{shlex.join(command.words)}\n".encode())
                child = self._start(command, asked.program)
                for name, data in children.stream(child):
                    yield language_pb2.InstallDependenciesResponse(**{name: data})
                if code := self._children.wait(child):
                    raise ProjectError(f"{shlex.join(command.words)} ended with code {code}")

    def Link(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Add generated packages to what the project needs."""
        with _telling(context):
            asked = _project(request.info)
            paths = [package.path for package in request.packages]
            for command in linking.commands(asked, paths):
                self._finish(command, asked.program)
            return language_pb2.LinkResponse(import_instructions=linking.instructions(asked, paths))

    # Running

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Run a program to its end; what it prints goes to the engine as it comes."""
        try:
            asked = _project(request.info)
            found = environment.find(asked)
            self._check(asked, found)
        except ProjectError as error:
            return language_pb2.RunResponse(error=str(error))
        child = self._children.start(
            programs.command(request, found, self._engine),
            folder=asked.program,
            variables=programs.variables(request, found),
            pipes=False,
        )
        context.add_callback(lambda: children.interrupt(child))
        return language_pb2.RunResponse(**programs.outcome(self._children.wait(child)))

    def _check(self, asked: Project, found: PythonEnvironment) -> None:
        """Have the program's types checked, if the project asks for it."""
        if words := programs.check(asked, found):
            child = self._children.start(
                words, folder=asked.program, variables=found.variables(os.environ), pipes=False
            )
            if code := self._children.wait(child):
                raise ProjectError(f"{asked.typechecker} found mistakes in the program (exit code {code})")

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Run a policy pack or another plugin written in Python, passing on what it prints."""
        with _telling(context):
            asked = _project(request.info)
            found, words = plugins.command(asked, request.kind, list(request.args))
            folder = asked.program if request.kind == "analyzer" else Path(request.pwd or asked.program)
            given = dict(entry.partition("=")[::2] for entry in request.env)
            child = self._children.start(words, folder=folder, variables=found.variables(given or os.environ))
            context.add_callback(lambda: children.interrupt(child))
            for name, data in children.stream(child):
                # one of the two only: of two members of a oneof, even empty ones, the last would stand alone
                if name == "stdout":
                    yield language_pb2.RunPluginResponse(stdout=data)
                else:
                    yield language_pb2.RunPluginResponse(stderr=data)
            yield language_pb2.RunPluginResponse(exitcode=self._children.wait(child))

    # Writing code

    def GenerateProgram(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Write a program, for ``pulumi import``."""
        with _telling(context):
            return generation.answer("GenerateProgram", request, language_pb2.GenerateProgramResponse)

    def GenerateProject(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Write a project, for ``pulumi convert``."""
        with _telling(context):
            return generation.answer("GenerateProject", request, language_pb2.GenerateProjectResponse)

    def GeneratePackage(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Write an SDK for a package's schema, for ``pulumi package add``."""
        with _telling(context):
            return generation.answer("GeneratePackage", request, language_pb2.GeneratePackageResponse)

    def _start(self, command: Command, folder: Path) -> children.Child:
        return self._children.start(command.words, folder=folder, variables={**os.environ, **command.variables})

    def _finish(self, command: Command, folder: Path) -> None:
        """Run a command to its end, with what it says shown in passing; of a failure its last words are told."""
        child = self._start(command, folder)
        last = "without a word"
        with serving.channel(self._engine) as channel:
            engine = engine_pb2_grpc.EngineStub(channel)
            for _, data in children.stream(child):
                text = data.decode(errors="replace")
                last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), last)
                with suppress(grpc.RpcError):  # an engine that is ending does not listen any more
                    severity = engine_pb2.LogSeverity.Value("INFO")
                    engine.Log(engine_pb2.LogRequest(severity=severity, message=text, ephemeral=True))
        if code := self._children.wait(child):
            raise ProjectError(f"{shlex.join(command.words)} ended with code {code}: {last}")


def _project(info: Any) -> Project:
    return project.read(Path(info.root_directory), Path(info.program_directory), _options(info))


def _options(info: Any) -> dict[str, Any]:
    return dict(json_format.MessageToDict(info.options))


@contextmanager
def _telling(context: grpc.ServicerContext) -> Iterator[None]:
    """Tell the engine an expected error in its own words."""
    try:
        yield
    except (ProjectError, GenerationError) as error:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
