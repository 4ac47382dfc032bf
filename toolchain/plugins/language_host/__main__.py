"""The program that the engine starts as ``pulumi-language-python``."""

from __future__ import annotations

import sys

from toolchain.plugins import protocol, serving

protocol.alone()

from pulumi.runtime.proto import language_pb2_grpc  # noqa: E402

from toolchain.plugins.language_host.servicer import LanguageHost  # noqa: E402

THREADS = 16
"""One for each call; a program, a policy pack or a plugin holds one as long as it runs."""


def main() -> None:
    """Serve the engine whose address is the last argument."""
    host = LanguageHost(sys.argv[-1] if len(sys.argv) > 1 else "")
    serving.serve(
        lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server),
        threads=THREADS,
        on_end=host.stop,
    )


if __name__ == "__main__":
    main()
