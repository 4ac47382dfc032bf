"""The program of a policy pack, which the folders ``policies/level-1`` and so on start."""

from __future__ import annotations

import sys

from toolchain.plugins import protocol, serving

protocol.alone()

from pulumi.runtime.proto import analyzer_pb2_grpc  # noqa: E402

from core.errors import KitError  # noqa: E402
from govcloud.policy_engine import provide  # noqa: E402
from policies import packs  # noqa: E402
from policies.engine import engine  # noqa: E402
from policies.pulumi_analyzer import Analyzer  # noqa: E402
from policies.pulumi_pack import Policies, waived  # noqa: E402

THREADS = 4
"""The engine asks of one resource at a time, as a rule."""


def serve(name: str) -> None:
    """Serve a pack until the engine ends it. An error that a person can mend is shown as its message."""
    try:
        provide()
        engine()  # starts while the rules are read
        analyzer = Analyzer(Policies(packs.find(name), waived()))
    except KitError as error:
        sys.exit(f"policy pack {name}: {error}")
    serving.serve(lambda server: analyzer_pb2_grpc.add_AnalyzerServicer_to_server(analyzer, server), threads=THREADS)
