"""Forking attempts and telling their monitors, event by event, with a clock of our own."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Iterator
from typing import NoReturn

import pytest

from airfleet.task_process import ipc
from airfleet.task_process.children import ESCALATION_SECONDS, Attempts, leave_behind, open_descriptors
from support.toy_pool import SECONDS, Clock, ended, run

FILE = ipc.DagFile("bundle", None, "path")


class Monitored:
    """One attempt of this very process, and its monitor's ends."""

    def __init__(self, attempts: Attempts, early: bool = False) -> None:
        self.status, status = ipc.pair()
        self.orders, orders = ipc.pair()
        others = [end for _ in range(3) for end in socket.socketpair()]
        for mine in (self.status, self.orders):
            mine.settimeout(SECONDS)
        if early:
            self.status.close()
        given = tuple(end.detach() for end in (status, orders, *others[1::2]))
        self._others = others[::2]
        attempts.start(ipc.Attempt("1", FILE, given))
        if not early:
            received = ipc.receive(self.status)
            assert received is not None
            self.pid, self.pidfd = received[0]["pid"], received[1][0]

    def end(self) -> None:
        ipc.send(self.orders, {"do": "end", "code": 7})
        assert ended(self.pidfd)

    def close(self) -> None:
        for end in (self.status, self.orders, *self._others):
            end.close()
        os.close(self.pidfd)


def obey(attempt: ipc.Attempt) -> NoReturn:
    run(attempt, None)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as made:
        yield made


@pytest.fixture
def attempts(selector: selectors.BaseSelector, clock: Clock) -> Attempts:
    return Attempts(selector, open_descriptors(), obey, clock)


def handle(selector: selectors.BaseSelector) -> None:
    """What every loop around attempts does with the events of a moment."""
    for key, _ in selector.select(SECONDS):
        key.data()


def test_an_attempt_is_forgotten_when_its_monitor_has_heard_of_its_end(
    attempts: Attempts, selector: selectors.BaseSelector
) -> None:
    one = Monitored(attempts)
    assert len(attempts) == 1
    one.end()
    handle(selector)
    assert ipc.receive(one.status) == ({"exit": 7}, [])
    assert len(attempts) == 1  # its pid stays taken
    one.close()
    handle(selector)
    assert len(attempts) == 0
    assert not selector.get_map()


def test_an_attempt_and_its_monitor_may_end_in_the_same_moment(
    attempts: Attempts, selector: selectors.BaseSelector
) -> None:
    one = Monitored(attempts)
    one.end()
    one.close()
    handle(selector)  # both events at once
    assert len(attempts) == 0
    assert not selector.get_map()


def test_an_attempt_without_a_monitor_is_asked_to_end_and_killed_when_it_does_not(
    attempts: Attempts, selector: selectors.BaseSelector, clock: Clock
) -> None:
    one = Monitored(attempts)
    ipc.send(one.orders, {"do": "ignore"})
    ipc.receive(one.orders)
    assert attempts.wait_seconds() is None
    one.status.close()
    handle(selector)
    assert attempts.wait_seconds() == ESCALATION_SECONDS
    clock.now += ESCALATION_SECONDS - 1
    attempts.end_overdue()
    assert attempts.wait_seconds() == 1.0
    assert not ended(one.pidfd, 0.05)
    clock.now += 1
    attempts.end_overdue()
    assert ended(one.pidfd)
    handle(selector)
    assert (len(attempts), attempts.wait_seconds()) == (0, None)
    one.close()


def test_what_an_attempt_has_started_in_its_group_is_asked_to_end_too(
    attempts: Attempts, selector: selectors.BaseSelector
) -> None:
    one = Monitored(attempts)
    ipc.send(one.orders, {"do": "spawn"})
    received = ipc.receive(one.orders)
    assert received is not None
    spawned = os.pidfd_open(received[0]["pid"])
    one.status.close()
    handle(selector)
    assert ended(spawned)
    assert ended(one.pidfd)
    handle(selector)
    assert len(attempts) == 0
    os.close(spawned)
    one.close()


def test_a_monitor_that_has_gone_before_the_start_ends_its_attempt(
    attempts: Attempts, selector: selectors.BaseSelector
) -> None:
    one = Monitored(attempts, early=True)
    handle(selector)
    assert len(attempts) == 0
    assert ipc.receive(one.orders) is None
    assert not selector.get_map()


def test_neighbours_hear_nothing_of_an_end(attempts: Attempts, selector: selectors.BaseSelector) -> None:
    one, two = Monitored(attempts), Monitored(attempts)
    signal.pidfd_send_signal(one.pidfd, signal.SIGKILL)
    handle(selector)
    assert ipc.receive(one.status) == ({"exit": -9}, [])
    one.close()
    handle(selector)
    assert len(attempts) == 1
    two.end()
    handle(selector)
    assert ipc.receive(two.status) == ({"exit": 7}, [])
    two.close()
    handle(selector)
    assert len(attempts) == 0


def test_a_number_that_is_used_again_is_not_taken_for_what_was_inherited() -> None:
    with open(os.devnull) as file:
        number, inherited = file.fileno(), open_descriptors()
        pid = os.fork()
        if pid == 0:
            near, _far = socket.socketpair()
            os.dup2(near.fileno(), number)
            leave_behind(inherited, ())
            os._exit(0 if number not in {left for left, *_ in open_descriptors()} else 1)
        assert os.waitpid(pid, 0)[1] == 0
