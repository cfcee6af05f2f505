from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError
from kombu.asynchronous import Hub

from airfleet.system.procfs import is_alive
from airfleet.worker.slot_demand import PEAK_SECONDS, WARM_SECONDS, WARM_SLOTS
from airfleet.worker.slot_pool import SlotPool, SlotProcess

SLOTS = 3
#: longer than anything here takes
PATIENCE_SECONDS = 20.0


class Driven:
    """A pool of slots, and the loop of the leader that drives it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.results: list[Any] = []
        self.pool = SlotPool(SLOTS, threads=False, max_restarts=100, clock=lambda: self.now)
        self._hub = Hub()
        self.pool.register_with_event_loop(self._hub)
        self._loop = self._hub.create_loop()
        self.ask, self.release = os.pipe()

    def message(self, work: Callable[..., Any], *arguments: object) -> None:
        self.pool.apply_async(work, arguments, callback=self.results.append, error_callback=self.results.append)

    def block(self, count: int) -> None:
        """Messages that run until :meth:`end`."""
        for _ in range(count):
            self.message(block, self.ask)
        self.until(lambda: sum(job._accepted for job in self.pool._cache.values()) == min(count, SLOTS))

    def end(self, count: int) -> None:
        before = len(self.results)
        os.write(self.release, b"." * count)
        self.until(lambda: len(self.results) == before + count)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline
            self._hub.call_later(0.01, lambda: None)  # so that the loop does not sleep for longer
            next(self._loop)

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.pool.maintain_pool()

    @property
    def pids(self) -> list[int]:
        return [slot.pid for slot in self.pool._pool]

    def close(self) -> None:
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._hub.close()


def block(ask: int) -> int:
    os.read(ask, 1)
    return os.getpid()


def target_of(number: int) -> str:
    return os.readlink(f"/proc/self/fd/{number}")


@pytest.fixture
def driven() -> Iterator[Driven]:
    made = Driven()
    yield made
    made.close()


def test_a_pool_begins_without_processes_and_is_as_large_as_it_has_slots(driven: Driven) -> None:
    driven.pass_(10.0)
    assert driven.pids == []
    assert driven.pool._processes == SLOTS


def test_the_first_message_has_a_slot_forked_which_takes_the_next_ones_too(driven: Driven) -> None:
    for count in (1, 2, 3):
        driven.message(os.getpid)
        driven.until(lambda count=count: len(driven.results) == count)  # type: ignore[misc]
    assert driven.results == driven.pids * 3
    assert driven.results[0] != os.getpid()


def test_messages_side_by_side_have_a_slot_each_up_to_the_number_of_slots(driven: Driven) -> None:
    driven.block(2)
    assert len(driven.pids) == 2
    driven.block(3)
    assert len(driven.pids) == SLOTS
    driven.end(5)
    assert set(driven.results) == set(driven.pids)


def test_slots_of_a_peak_end_soon_the_last_ones_late_and_come_back_when_needed(driven: Driven) -> None:
    driven.block(SLOTS)
    driven.end(SLOTS)
    driven.pass_(PEAK_SECONDS)
    assert len(driven.pool._ending) == 0
    driven.pass_(1.0)
    driven.until(lambda: len(driven.pids) == WARM_SLOTS)
    driven.pass_(WARM_SECONDS)
    driven.until(lambda: driven.pids == [])
    driven.message(os.getpid)
    driven.until(lambda: len(driven.results) == SLOTS + 1)
    assert driven.results[-1] in driven.pids


def test_no_slot_that_runs_something_is_ended(driven: Driven) -> None:
    driven.block(2)
    driven.end(1)
    driven.pass_(WARM_SECONDS + PEAK_SECONDS)
    driven.until(lambda: len(driven.pids) == 1)
    driven.end(1)
    assert driven.results[-1] == driven.pids[0]


def test_a_message_that_comes_while_a_slot_ends_is_run_by_another(driven: Driven) -> None:
    driven.block(1)
    driven.end(1)
    (ending,) = driven.pids
    os.kill(ending, signal.SIGSTOP)  # it takes its time
    driven.pass_(WARM_SECONDS + 1)
    driven.message(os.getpid)
    driven.until(lambda: len(driven.results) == 2)
    assert driven.results[1] not in (ending, os.getpid())
    os.kill(ending, signal.SIGCONT)
    driven.until(lambda: driven.pids == [driven.results[1]])


def test_an_idle_slot_that_dies_is_replaced_when_the_next_message_comes(driven: Driven) -> None:
    driven.block(1)
    driven.end(1)
    (pid,) = driven.pids
    os.kill(pid, signal.SIGKILL)
    driven.until(lambda: driven.pids == [])
    assert not is_alive(pid)
    driven.message(os.getpid)
    driven.until(lambda: len(driven.results) == 2)
    assert driven.results[1] != pid


def test_a_slot_that_dies_at_its_work_is_reported_and_what_waits_goes_on(driven: Driven) -> None:
    driven.block(SLOTS)
    driven.message(os.getpid)
    os.kill(driven.pids[0], signal.SIGKILL)
    driven.until(lambda: len(driven.results) == 2)
    lost, pid = sorted(driven.results, key=lambda result: isinstance(result, int))
    assert isinstance(lost.exception.exc, WorkerLostError)
    assert pid in driven.pids
    driven.end(SLOTS - 1)


def test_a_message_waits_while_the_machine_refuses_a_process(driven: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    with monkeypatch.context() as short:
        short.setattr(os, "fork", refused)
        driven.message(os.getpid)
        assert driven.pids == []
    driven.pass_(5.0)
    driven.until(lambda: len(driven.results) == 1)
    assert driven.results == driven.pids


def test_a_slot_has_the_connections_from_before_the_pool_and_none_of_the_leaders_later_ones() -> None:
    early, late = socket.socketpair()[0], None
    driven = Driven()
    try:
        late = socket.create_server(("127.0.0.1", 0))
        for number in (early.fileno(), late.fileno()):
            driven.message(target_of, number)
            driven.until(lambda: not driven.pool._cache)
        assert driven.results[0].startswith("socket:")
        assert driven.results[1] == os.devnull
    finally:
        driven.close()


def test_a_slot_whose_leader_died_before_it_was_up_ends() -> None:
    driven = Driven()
    pid = os.fork()
    if pid == 0:
        inq, outq, _ = driven.pool.create_process_queues()
        slot = SlotProcess(inq, outq)
        slot._leader = 1
        slot.after_fork()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    driven.close()


@pytest.mark.parametrize("is_up", [True, False])
def test_a_pool_that_closes_waits_for_what_runs_and_not_for_a_message_without_a_slot(
    driven: Driven, is_up: bool
) -> None:
    driven.message(os.getpid)
    if is_up:
        driven.until(lambda: len(driven.results) == 1)
    driven.pool.close()
    driven.pool.join()
    assert not any(map(is_alive, driven.pids))
    assert len(driven.results) == int(is_up)  # what did not run was not acknowledged either: the broker keeps it
