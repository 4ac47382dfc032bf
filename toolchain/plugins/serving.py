"""What every plugin does with the engine: serve on a port, print it, end quietly when told or left alone."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

MESSAGE_LIMIT = 400 * 1024 * 1024
"""Largest message in bytes, as the engine has it."""

OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
]


def channel(address: str) -> grpc.Channel:
    """Open a channel to a service of the engine."""
    return grpc.insecure_channel(address, options=OPTIONS)


def serve(register: Callable[[grpc.Server], None], *, threads: int, on_end: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGINT, SIGTERM or the engine's death; each ends the process at once, without a word.

    ``register`` adds the servicers; ``on_end`` runs before the process ends and must be quick.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server = grpc.server(ThreadPoolExecutor(max_workers=threads), options=OPTIONS)
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_watch_engine, args=(ended,), daemon=True).start()
    ended.wait()
    on_end()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # requests still in flight have nobody left to answer to


def _watch_engine(ended: threading.Event) -> None:
    """Set ``ended`` when standard input, a pipe the engine holds and never writes to, is closed."""
    while os.read(0, 4096):
        pass
    ended.set()
