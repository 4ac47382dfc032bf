"""The programs that the language host runs, and what they print."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

GRACE = 2.0
"""Seconds that a child has between its interrupt and its end."""

Child = subprocess.Popen[bytes]


class Children:
    """The children that run now. They are in this process's group, which the engine interrupts as a whole."""

    def __init__(self) -> None:
        self._running: set[Child] = set()
        self._lock = threading.Lock()

    def start(
        self, words: Sequence[str | Path], *, folder: Path, variables: Mapping[str, str], pipes: bool = True
    ) -> Child:
        """Start a program; without pipes it prints where this process prints."""
        pipe = subprocess.PIPE if pipes else None
        child = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
        )
        with self._lock:
            self._running.add(child)
        return child

    def wait(self, child: Child) -> int:
        """Wait for a child's end and return its exit code; less than 0 if a signal ended it."""
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        return code

    def stop(self) -> None:
        """Interrupt every child, and kill those that do not end in time."""
        with self._lock:
            running = list(self._running)
        for child in running:
            interrupt(child)
        for child in running:
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                child.kill()


def interrupt(child: Child) -> None:
    """Interrupt a child, if it still runs."""
    with suppress(ProcessLookupError):
        if child.poll() is None:
            child.send_signal(signal.SIGINT)


def stream(child: Child) -> Iterator[tuple[str, bytes]]:
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
