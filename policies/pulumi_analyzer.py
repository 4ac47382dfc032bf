"""What Pulumi's engine asks of a policy pack: its Analyzer service, for all rules of a pack at once.

Pulumi's policy SDK asks policy by policy, and reads a resource anew for each; here a resource is read and judged once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from core.errors import KitError
from policies.pulumi_pack import Policies, Said

_LEVELS: Final = analyzer_pb2.EnforcementLevel
_ALL: Final = "all"
"""Stands for every policy in a file of enforcement levels; the engine has written it out to each before it asks."""

Answer = TypeVar("Answer")


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Speaks for a pack. The rules are compiled while the engine starts the program whose resources they judge."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._name = f"government-cloud-{policies.pack.name}"
        self._level = {it.name: _LEVELS.Value(it.enforcement.upper()) for it in policies.by_name.values()}
        self._asked: list[str] = []
        """The policies that are to mend what they refuse."""
        self._loaded = ThreadPoolExecutor(1).submit(policies.load)

    def GetAnalyzerInfo(self, request: Empty, context: grpc.ServicerContext) -> analyzer_pb2.AnalyzerInfo:
        """Tell the policies. The version is that of PulumiPolicy.yaml, which the engine reads itself."""
        kinds = analyzer_pb2.PolicyType
        told = [
            analyzer_pb2.PolicyInfo(
                name=it.name,
                description=it.title,
                enforcementLevel=self._level[it.name],
                policy_type=kinds.POLICY_TYPE_STACK if it.of_stack else kinds.POLICY_TYPE_RESOURCE,
                severity=_severity(it.severity),
                tags=it.tags,
            )
            for it in self._policies.by_name.values()
        ]
        return analyzer_pb2.AnalyzerInfo(name=self._name, supportsConfig=True, policies=told)

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell nothing more than that it is there."""
        return plugin_pb2.PluginInfo()

    def Handshake(
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Greet the engine."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Hear of the stack, whose name and configuration no rule asks for."""
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Configure(self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext) -> Empty:
        """Take enforcement levels of the user's; refuse names of policies that there are not, and properties."""
        mistakes = []
        for name, given in request.policyConfig.items():
            if name not in self._level and name != _ALL:
                near = get_close_matches(name, self._level, 1)
                mistakes.append(f"{name} is no policy of the pack{f'; did you mean {near[0]}?' if near else ''}")
            elif given.properties.fields:
                mistakes.append(
                    f"{name} has no {', '.join(given.properties.fields)}: give it an enforcement level alone"
                )
        if mistakes:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "; ".join(mistakes))
        self._level |= {name: it.enforcementLevel for name, it in request.policyConfig.items() if name != _ALL}
        self._asked = [name for name, level in self._level.items() if level == _LEVELS.REMEDIATE]
        return Empty()

    def Analyze(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judge a resource before it is made."""
        return self._answer(context, lambda: self._told(self._policies.of_resource(request.type, request.properties)))

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Judge all resources together, once they are known."""
        resources = [(it.urn, it.type, it.properties) for it in request.resources]
        return self._answer(context, lambda: self._told(self._policies.of_stack(resources)))

    def Remediate(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Mend a resource, by the policies whose enforcement level asks for it."""
        answer = analyzer_pb2.RemediateResponse()
        policies = self._policies.by_name
        for policy in (policies[name] for name in self._asked):
            if not (policy.of_stack or policy.remediates):
                answer.not_applicable.add(policy_name=policy.name, reason="the rule can only refuse")
        for name, properties in self._policies.remedied(request.type, request.properties, self._asked):
            title = policies[name].title
            answer.remediations.add(
                policyName=name, policyPackName=self._name, description=title, properties=properties
            )
        return answer

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Hear that the engine ends; what is judged meanwhile is of no length."""
        return Empty()

    def _answer(self, context: grpc.ServicerContext, make: Callable[[], Answer]) -> Answer:
        """Answer when the rules are compiled; a rule with a mistake, or an engine that ends, stops the run."""
        try:
            self._loaded.result()
            return make()
        except KitError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"policy pack {self._policies.pack.name}: {error}")
            raise  # not reached: abort raises

    def _told(self, said: Iterable[Said]) -> analyzer_pb2.AnalyzeResponse:
        answer = analyzer_pb2.AnalyzeResponse()
        for it in said:
            policy, level = self._policies.by_name[it.policy], self._level[it.policy]
            if level == _LEVELS.DISABLED:
                continue
            if level == _LEVELS.REMEDIATE:  # what is still there after the remediation is refused
                level = _LEVELS.MANDATORY
            answer.diagnostics.add(
                policyName=policy.name,
                policyPackName=self._name,
                description=policy.title,
                message=f"{policy.title}\n{it.message}",
                enforcementLevel=_LEVELS.ADVISORY if it.undecided else level,
                urn=it.urn,
                severity=_severity(policy.severity),
            )
        return answer


def _severity(name: str) -> Any:
    return analyzer_pb2.PolicySeverity.Value(f"POLICY_SEVERITY_{name.upper() or 'UNSPECIFIED'}")
