"""The end of a process as an event among the others, for Airflow's monitors of processes. [A]

They wait for sockets, and ask for the end of the process after the last socket has closed: often some microseconds too
early. Then they wait on nothing, for as long as they would wait at the most: five seconds for a task or a file that is
parsed, ten for a triggerer that is to stop (reference: ``WatchedSubprocess`` in
airflow/sdk/execution_time/supervisor.py).
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable
from typing import Any


class Descriptor:
    """A descriptor that a selector and Airflow's loops can hold like a socket."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """Give the descriptor."""
        return self._number

    def close(self) -> None:
        """Close it, once."""
        if self._number >= 0:
            os.close(self._number)
            self._number = -1


def notice(process: Any) -> None:
    """Have a watched child of this process wake its monitor when it ends."""
    watch(process.selector, Descriptor(os.pidfd_open(process.pid)), lambda _: False)


def watch(selector: selectors.BaseSelector, source: Any, handle: Callable[[Any], bool]) -> None:
    """Have Airflow's loop call ``handle`` when ``source`` can be read, until it says that it is done (False)."""
    selector.register(source, selectors.EVENT_READ, (handle, selector.unregister))
