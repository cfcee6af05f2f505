"""A run of a dag-processor in this process, until its database has what is waited for. [A]"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from airfleet.dag_processor.job_runner import PipelineFileProcessorManager

_LOOK_SECONDS = 0.2


def run_until(manager: PipelineFileProcessorManager, is_there: Callable[[], bool], seconds: float) -> None:
    """Run the loop of a dag-processor until that is so, or for so long; whoever asks looks at what is there then."""
    ends = threading.Event()
    manager.heartbeat = lambda: _stop_when(ends)  # type: ignore[method-assign]
    threading.Thread(target=_watch, args=(is_there, ends, time.monotonic() + seconds), daemon=True).start()
    try:
        manager.run()
    except _Enough:
        manager.end()


class _Enough(Exception):
    """All that was waited for is there, or it was waited long enough."""


def _stop_when(ends: threading.Event) -> None:
    if ends.is_set():
        raise _Enough


def _watch(is_there: Callable[[], bool], ends: threading.Event, until: float) -> None:
    while time.monotonic() < until and not is_there():
        time.sleep(_LOOK_SECONDS)
    ends.set()
