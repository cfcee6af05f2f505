"""Fetches of releases under way on this host, each in a thread of its own: a slow store holds up nothing else.

A fetch is not cancelled. An agent that ends leaves what it has so far, and the next one resumes there.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


class FetchFailed(Exception):
    """A release could not be fetched; the text is a sentence, and perhaps a hint in a line of its own.

    ``is_certain``: another try would fail too. ``is_awaited``: another host is about to have it, and will give it.
    """

    def __init__(self, sentence: str, *, is_certain: bool = False, is_awaited: bool = False) -> None:
        super().__init__(sentence)
        self.is_certain = is_certain
        self.is_awaited = is_awaited


@dataclass(frozen=True)
class Fetched:
    """The end of one fetch, after so many seconds."""

    digest: str
    seconds: float
    #: why it failed; None when the release is here
    error: Exception | None = None


class ReleaseFetches:
    """Fetches of this host. ``fetch`` may block and raises FetchFailed; ``wake`` is called after each, in a thread."""

    def __init__(
        self, fetch: Callable[[str], None], wake: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._wake = wake
        self._clock = clock
        self._ended: queue.SimpleQueue[Fetched] = queue.SimpleQueue()
        self._under_way: set[str] = set()

    @property
    def under_way(self) -> frozenset[str]:
        """Return the releases whose end nobody took yet."""
        return frozenset(self._under_way)

    def start(self, digest: str) -> None:
        """Fetch a release; returns at once."""
        self._under_way.add(digest)
        threading.Thread(target=self._run, args=(digest,), name=f"release {digest[:12]}", daemon=True).start()

    def take(self) -> tuple[Fetched, ...]:
        """Take the fetches that have ended."""
        ended = []
        while not self._ended.empty():
            ended.append(self._ended.get())
        self._under_way.difference_update(one.digest for one in ended)
        return tuple(ended)

    def _run(self, digest: str) -> None:
        began = self._clock()
        error = self._tried(digest)
        self._ended.put(Fetched(digest, self._clock() - began, error))
        self._wake()

    def _tried(self, digest: str) -> Exception | None:
        try:
            self._fetch(digest)
        except Exception as failed:  # whatever a client of a bucket raises; who takes it tells what is unexpected
            return failed
        return None
