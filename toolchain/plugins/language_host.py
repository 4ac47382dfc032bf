"""The language host: what the engine asks of a Python project (the service ``pulumirpc.LanguageRuntime``)."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from toolchain.plugins import install, python_environment, serving
from toolchain.plugins.python_environment import PythonEnvironment, PythonNotFoundError

RUNNER = Path(__file__).with_name("run_program.py")
SHOWN = 32
"""Exit code of the runner after an error that the person has already seen."""


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs and policy packs, each as a child process with the project's own Python."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Take the engine's address."""
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Tell the version: that of the SDK whose protocol this speaks."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """List the resource plugins that the packages installed for this project need."""
        environment = self._environment(request.info, context)
        return language_pb2.GetRequiredPackagesResponse(
            packages=[
                plugin_pb2.PackageDependency(
                    name=package["name"],
                    kind="resource",
                    version=package.get("version", ""),
                    server=package.get("server", ""),
                )
                for package in python_environment.pulumi_packages(environment)
                if "parameterization" not in package
            ]
        )

    def GetRequiredPlugins(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Answer the older form of GetRequiredPackages."""
        packages = self.GetRequiredPackages(request, context).packages
        return language_pb2.GetRequiredPluginsResponse(
            plugins=[
                plugin_pb2.PluginDependency(name=p.name, kind=p.kind, version=p.version, server=p.server)
                for p in packages
            ]
        )

    def About(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Tell which Python runs this project."""
        environment = self._environment(request.info, context)
        done = subprocess.run([environment.python, "-V"], capture_output=True, text=True, timeout=30, check=False)
        return language_pb2.AboutResponse(
            executable=str(environment.python),
            version=done.stdout.strip().removeprefix("Python "),
            metadata={"virtualenv": str(environment.virtualenv or "")},
        )

    def GetProgramDependencies(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """List what is installed for this project."""
        environment = self._environment(request.info, context)
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=version)
                for name, version in python_environment.distributions(environment)
            ]
        )

    def RuntimeOptionsPrompts(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Ask nothing of a person who makes a new project."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Make the project's virtual environment and install its requirements, with what the tool says as it comes."""
        root = Path(request.info.root_directory or request.directory)
        try:
            commands = install.commands(root, _options(request.info))
        except PythonNotFoundError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        for command in commands:
            child = self._start(command, cwd=root, env=dict(os.environ))
            for name, data in _stream(child):
                yield language_pb2.InstallDependenciesResponse(**{name: data})
            if code := self._wait(child):
                context.abort(grpc.StatusCode.UNKNOWN, f"{' '.join(map(str, command))} ended with code {code}")

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Run a program to its end; what it prints goes to the engine as it comes."""
        try:
            environment = python_environment.find(Path(request.info.root_directory), _options(request.info))
        except PythonNotFoundError as error:
            return language_pb2.RunResponse(error=str(error))
        variables = environment.variables(os.environ)
        variables["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        described = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "root_directory": request.info.root_directory,
            "program_directory": request.info.program_directory,
            "entry_point": request.info.entry_point,
            "working_directory": request.pwd or request.info.program_directory,
            "arguments": list(request.args),
        }
        command = [environment.python, "-u", RUNNER, json.dumps(described)]
        child = self._start(command, cwd=Path(request.info.program_directory), env=variables, pipes=False)
        context.add_callback(lambda: _interrupt(child))
        code = self._wait(child)
        if code == SHOWN:
            return language_pb2.RunResponse(bail=True)
        if code:
            return language_pb2.RunResponse(error=f"the program ended with exit code {code}")
        return language_pb2.RunResponse()

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        """Run a policy pack or another plugin written in Python, passing on what it prints."""
        try:
            environment = python_environment.find(Path(request.info.root_directory), _options(request.info))
        except PythonNotFoundError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        program = request.info.program_directory
        if request.kind == "analyzer":
            command = [environment.python, "-u", "-m", "pulumi.policy", *request.args, program]
            folder = Path(program)
        else:
            command = [environment.python, "-u", program, *request.args]
            folder = Path(request.pwd or program)
        given = dict(entry.partition("=")[::2] for entry in request.env)
        child = self._start(command, cwd=folder, env=environment.variables(given or os.environ))
        context.add_callback(lambda: _interrupt(child))
        for name, data in _stream(child):
            # one of the two only: of two members of a oneof, even empty ones, the last would stand alone
            if name == "stdout":
                yield language_pb2.RunPluginResponse(stdout=data)
            else:
                yield language_pb2.RunPluginResponse(stderr=data)
        yield language_pb2.RunPluginResponse(exitcode=self._wait(child))

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ARG002
        """Interrupt what runs."""
        self.stop()
        return empty_pb2.Empty()

    def stop(self) -> None:
        """Interrupt every child, and kill those that do not end within two seconds."""
        with self._lock:
            children = list(self._children)
        for child in children:
            _interrupt(child)
        for child in children:
            try:
                child.wait(timeout=2)
            except subprocess.TimeoutExpired:
                child.kill()

    def _environment(self, info: Any, context: grpc.ServicerContext) -> PythonEnvironment:
        try:
            return python_environment.find(Path(info.root_directory), _options(info))
        except PythonNotFoundError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise

    def _start(
        self, command: list[Any], *, cwd: Path, env: Mapping[str, str], pipes: bool = True
    ) -> subprocess.Popen[bytes]:
        """Start a child in this process's group, which the engine interrupts as a whole."""
        pipe = subprocess.PIPE if pipes else None
        child = subprocess.Popen(
            [str(word) for word in command], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        with self._lock:
            self._children.add(child)
        return child

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        code = child.wait()
        with self._lock:
            self._children.discard(child)
        return code


def _options(info: Any) -> dict[str, Any]:
    return dict(json_format.MessageToDict(info.options))


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        if child.poll() is None:
            child.send_signal(signal.SIGINT)


def _stream(child: subprocess.Popen[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield ("stdout" or "stderr", data) as a child writes, until it has closed both."""
    received: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

    def read(name: str, pipe: IO[bytes]) -> None:
        while data := os.read(pipe.fileno(), 65536):
            received.put((name, data))
        received.put((name, b""))

    for name, pipe in (("stdout", child.stdout), ("stderr", child.stderr)):
        if pipe is not None:
            threading.Thread(target=read, args=(name, pipe), daemon=True).start()
    open_pipes = 2
    while open_pipes:
        name, data = received.get()
        if data:
            yield name, data
        else:
            open_pipes -= 1


def main() -> None:
    """Serve the engine whose address is the last argument."""
    host = LanguageHost(sys.argv[-1] if len(sys.argv) > 1 else "")
    serving.serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server),
        threads=16,
        on_end=host.stop,
    )


if __name__ == "__main__":
    main()
