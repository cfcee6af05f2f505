"""The agent's snapshots as they come, with a tick in between so that clocks can move on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

from airfleet.agent.control import AgentGone, Snapshot

TICK_SECONDS = 0.2

_END = object()


def follow(source: Iterable[Snapshot], tick_seconds: float = TICK_SECONDS) -> Iterator[Snapshot | None]:
    """Yield every snapshot of ``source``, and None for each tick without one.

    Ends when the agent has gone. A thread waits for the agent, so that the caller's own thread is
    free for Ctrl-C at any moment.
    """
    items: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(source, items), daemon=True).start()
    while True:
        try:
            item = items.get(timeout=tick_seconds)
        except queue.Empty:
            yield None
            continue
        if item is _END:
            return
        if isinstance(item, BaseException):
            raise item
        assert isinstance(item, Snapshot)
        yield item


def _read(source: Iterable[Snapshot], items: queue.SimpleQueue[object]) -> None:
    try:
        for snapshot in source:
            items.put(snapshot)
    except (AgentGone, ConnectionError):
        pass
    except BaseException as wrong:
        items.put(wrong)
    items.put(_END)
