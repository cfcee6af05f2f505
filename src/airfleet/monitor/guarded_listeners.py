"""Listeners of plugins, of which none ends or holds up the component that calls it. [A]

Airflow calls listeners in the scheduler, the api-server, the dag-processor and the triggerer, and bears whatever
``Exception`` they raise. A listener that raises ``SystemExit`` would end the component, and one that never ends would
hold it up until it is taken for dead; both again and again, with each run. Here the first is an exception like others,
and the second is interrupted by one: in the main thread, where a signal can do it. Airflow logs both, with the place.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from airflow.listeners.listener import get_listener_manager

#: for how long the listeners of one event may take together; a component is taken for dead after half a minute
SECONDS = 20.0


class ListenerTakesTooLong(Exception):
    """The listeners of an event did not return."""


class ListenerEndsProcess(Exception):
    """A listener wanted to end the component that called it."""


def guard(seconds: float = SECONDS) -> Callable[[], None]:
    """Have the listeners of this process guarded; returns what undoes it."""

    def before(hook_name: str, hook_impls: Any, kwargs: Any) -> None:
        if hook_impls and _is_main():
            signal.signal(signal.SIGALRM, interrupt)
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def after(outcome: Any, hook_name: str, hook_impls: Any, kwargs: Any) -> None:
        if hook_impls and _is_main():
            signal.setitimer(signal.ITIMER_REAL, 0)
        error = outcome.exception
        if isinstance(error, SystemExit) and not _is_of_signal(error.__traceback__):
            outcome.force_exception(ListenerEndsProcess(f"a listener of {hook_name} wanted to end it: {error!r}"))

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise ListenerTakesTooLong(f"a listener did not return within {seconds:.0f} s")

    undo: Callable[[], None] = get_listener_manager().pm.add_hookcall_monitoring(before, after)
    return undo


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def _is_of_signal(trace: TracebackType | None) -> bool:
    """Tell whether a signal handler raised this error, to end the component while a listener runs."""
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    codes = {getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers} - {None}
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False
