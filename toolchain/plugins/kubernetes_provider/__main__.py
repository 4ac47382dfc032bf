"""The program that the engine starts as ``pulumi-resource-kubernetes``."""

from __future__ import annotations

import sys

from toolchain.plugins import protocol, serving

protocol.alone()

from pulumi.runtime.proto import provider_pb2_grpc  # noqa: E402

from toolchain.plugins.kubernetes_provider.servicer import Provider  # noqa: E402

THREADS = 4096
"""One for each call; they are started as they are needed.

The engine decides how many calls it makes at once, but for components it has no bound, and each of these keeps its
thread while the calls for its objects come in.
"""


def main() -> None:
    """Serve the engine whose address is the last argument."""
    provider = Provider(sys.argv[-1] if len(sys.argv) > 1 else "")
    serving.serve(
        lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server), threads=THREADS
    )


if __name__ == "__main__":
    main()
