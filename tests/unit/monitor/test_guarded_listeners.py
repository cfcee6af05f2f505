"""A listener of a plugin that exits or never ends is an exception for whoever calls it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager

from airfleet.monitor.guarded_listeners import ListenerEndsProcess, ListenerTakesTooLong, guard


class Listener:
    """Does what a test says when a component starts."""

    do: Any = staticmethod(lambda: None)

    @hookimpl
    def on_starting(self, component: Any) -> None:
        self.do()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    manager = get_listener_manager()
    manager.add_listener(made)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGTERM)}
    undo = guard(seconds=0.5)
    yield made
    undo()
    manager.pm.unregister(made)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def start() -> None:
    get_listener_manager().hook.on_starting(component=None)


@pytest.mark.parametrize("code", [0, 3, None, "words"])
def test_one_that_exits_has_raised_an_exception(listener: Listener, code: Any) -> None:
    listener.do = lambda: sys.exit(code)
    with pytest.raises(ListenerEndsProcess, match="a listener of on_starting wanted to end it: SystemExit"):
        start()


def test_one_that_never_ends_is_interrupted_and_the_next_one_is_not(listener: Listener) -> None:
    listener.do = lambda: time.sleep(60)
    with pytest.raises(ListenerTakesTooLong, match="a listener did not return within"):
        start()
    listener.do = lambda: None
    start()
    time.sleep(0.7)  # no timer is left


def test_what_else_it_raises_is_raised(listener: Listener) -> None:
    listener.do = lambda: os.environ["NO_SUCH_KEY"]
    with pytest.raises(KeyError):
        start()


def test_a_component_that_is_told_to_end_while_a_listener_runs_ends(listener: Listener) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    listener.do = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(SystemExit):
        start()


def test_in_another_thread_one_that_exits_has_raised_an_exception(listener: Listener) -> None:
    raised: list[BaseException] = []

    def call() -> None:
        try:
            start()
        except BaseException as error:
            raised.append(error)

    listener.do = lambda: sys.exit(3)
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert [type(error) for error in raised] == [ListenerEndsProcess]
