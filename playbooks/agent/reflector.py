"""A copy of a kind of objects, kept current by a list and the watch that follows it."""

from __future__ import annotations

import http.client
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from playbooks.agent.client import ApiError, Client

T = TypeVar("T")
GONE = 410
log = logging.getLogger(__name__)


class GoneError(Exception):
    """The watched version is too old: list again."""


class Changes:
    """A flag that reflectors raise and one reader waits for; changes that come close together are seen as one."""

    def __init__(self, gather: float = 0.02) -> None:
        self._raised = threading.Event()
        self._gather = gather

    def mark(self) -> None:
        """Say that something changed."""
        self._raised.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a change at most so long, and then a moment for more; say whether there was one."""
        if not self._raised.wait(seconds):
            return False
        time.sleep(self._gather)
        self._raised.clear()
        return True


class Reflector(Generic[T]):
    """Objects of one kind by namespace and name, reduced by ``parse`` to what the agent needs of them."""

    def __init__(self, path: str, parse: Callable[[dict[str, Any]], T], changes: Changes) -> None:
        self.path = path
        self.synced = threading.Event()
        self._parse = parse
        self._changes = changes
        self._items: dict[tuple[str, str], T] = {}

    def items(self) -> list[T]:
        """Return the objects in the order of their names."""
        copy = self._items.copy()
        return [copy[key] for key in sorted(copy)]

    def replace(self, objects: Iterable[dict[str, Any]]) -> None:
        """Take a full list in place of all that was known."""
        fresh = {_key(o): self._parse(o) for o in objects}
        if fresh != self._items or not self.synced.is_set():
            self._items = fresh
            self.synced.set()
            self._changes.mark()

    def apply(self, event: dict[str, Any]) -> str:
        """Take one event and return its resource version; raise GoneError when the watch has to start anew."""
        kind, value = event["type"], event["object"]
        if kind == "ERROR":
            if value.get("code") == GONE:
                raise GoneError
            raise ApiError(value.get("code", 0), value.get("message", "the watch reported an error"))
        if kind != "BOOKMARK":
            key, before = _key(value), self._items.get(_key(value))
            now = None if kind == "DELETED" else self._parse(value)
            if now is None:
                self._items.pop(key, None)
            else:
                self._items[key] = now
            if now != before:
                self._changes.mark()
        return str(value["metadata"]["resourceVersion"])

    def run(self, client: Client) -> None:
        """List, then watch, for ever. What was known stays in force while the API server cannot be reached."""
        wait = 0.1
        version = ""
        while True:
            try:
                if not version:
                    objects, version = client.list_all(self.path)
                    self.replace(objects)
                for event in client.watch(self.path, version):
                    version = self.apply(event)
                    wait = 0.1
            except GoneError:
                version = ""
            except ApiError as error:
                log.warning("%s: %s", self.path, error)
                version = ""
                wait = _pause(wait)
            except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
                log.warning("%s: %s", self.path, error)
                wait = _pause(wait)


def _pause(seconds: float) -> float:
    """Wait about so long and return the next time to wait: doubled, at most 5 s."""
    time.sleep(seconds * random.uniform(0.75, 1.25))  # noqa: S311 - spreads the nodes' calls, keeps no secret
    return min(seconds * 2, 5.0)


def _key(value: dict[str, Any]) -> tuple[str, str]:
    return value["metadata"].get("namespace") or "", value["metadata"]["name"]
