"""A process that waits for the next attempt: when there is one, what it takes, and what becomes of it."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from airfleet.task_process import ipc
from airfleet.task_process.children import Attempts, open_descriptors
from airfleet.task_process.idle_children import DELAY_SECONDS, MOST_SPARES, SPARE_SECONDS, Spares
from support.toy_pool import SECONDS, Clock, ToyAttempt, ended, run, send

FILE = ipc.DagFile("bundle", None, "path")


@dataclass
class Zygote:
    """What has spares in the place of a Dag zygote, with its pool's end of the socket."""

    clock: Clock = field(default_factory=Clock)
    good: bool = True
    obeyed: list[str] = field(default_factory=list)
    retired: bool = False
    asked: list[ToyAttempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.pool, self.orders = ipc.pair()
        self.pool.settimeout(SECONDS)
        self.attempts = Attempts(self.selector, open_descriptors(), become, self.clock)
        self.spares = Spares(
            self.selector, self.attempts, self.orders,
            obey=self._obey, may_run=self._may_run, retire=self._retire, clock=self.clock,
        )  # fmt: skip

    def busy(self) -> None:
        """Two attempts have come, and the time of a spare."""
        self.spares.attempt_started()
        self.spares.attempt_started()
        self.fork_due()

    def fork_due(self) -> None:
        """Let the time pass after which the next spare is forked."""
        self.clock.now += DELAY_SECONDS
        self.spares.tend()

    def handle(self) -> None:
        """The events of one moment."""
        for key, _ in self.selector.select(SECONDS):
            key.data()

    def ask(self, name: str = "1") -> ToyAttempt:
        """Send an attempt, as the pool does."""
        self.asked.append(send(self.pool, name, FILE))
        return self.asked[-1]

    def _obey(self) -> None:
        received = ipc.receive(self.orders)
        assert received is not None
        self.obeyed.append(received[0]["attempt"])
        ipc.close(received[1])

    def _may_run(self, attempt: ipc.Attempt) -> bool:
        if not self.good:
            ipc.send(self.orders, {"stale": True}, attempt.descriptors)
        return self.good

    def _retire(self) -> None:
        self.retired = True
        self.spares.close()


def become(attempt: ipc.Attempt) -> NoReturn:
    run(attempt, None)


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    made = Zygote()
    yield made
    for asked in made.asked:
        asked.close()
    made.spares.close()
    made.pool.close()
    while len(made.spares) or len(made.attempts):
        made.handle()
        made.clock.now += SPARE_SECONDS
        made.attempts.end_overdue()


def test_one_attempt_alone_has_no_spare_after_it(zygote: Zygote) -> None:
    zygote.spares.attempt_started()
    assert zygote.spares.wait_seconds() is None
    zygote.clock.now += SPARE_SECONDS + 1
    zygote.spares.attempt_started()
    assert zygote.spares.wait_seconds() is None


def test_a_second_attempt_has_a_spare_soon_after_it(zygote: Zygote) -> None:
    zygote.spares.attempt_started()
    zygote.spares.attempt_started()
    assert zygote.spares.wait_seconds() == pytest.approx(DELAY_SECONDS)
    zygote.spares.tend()
    assert zygote.spares.pids == ()
    zygote.fork_due()
    assert zygote.spares.pids


def test_a_spare_takes_an_attempt_while_its_parent_is_busy(zygote: Zygote) -> None:
    zygote.busy()
    spare = zygote.spares.pids[0]
    asked = zygote.ask()
    assert asked.wait_for_start().pid == spare  # nothing was handled here
    zygote.handle()
    assert (len(zygote.attempts), len(zygote.spares), zygote.obeyed) == (1, 0, [])
    ipc.send(asked.orders, {"do": "end", "code": 7})
    zygote.handle()
    assert asked.exit_code() == 7
    asked.status.close()
    zygote.handle()
    assert len(zygote.attempts) == 0


def test_after_a_spare_was_taken_its_parent_takes_the_next_and_forks_another_spare(zygote: Zygote) -> None:
    zygote.busy()
    first = zygote.ask("1")
    first.wait_for_start()
    zygote.handle()
    zygote.ask("2")
    zygote.handle()
    assert zygote.obeyed == ["2"]
    zygote.fork_due()
    assert zygote.spares.pids


def test_attempts_that_run_side_by_side_have_two_spares_and_each_takes_another(zygote: Zygote) -> None:
    zygote.busy()
    for name in ("1", "2"):
        zygote.ask(name).wait_for_start()
        zygote.handle()
        zygote.fork_due()
    assert len(zygote.spares) == 1  # the first attempt was alone until now
    zygote.fork_due()
    waiting = zygote.spares.pids
    assert len(waiting) == MOST_SPARES
    assert zygote.spares.wait_seconds() == pytest.approx(SPARE_SECONDS - DELAY_SECONDS * 2)
    asked = [zygote.ask(name) for name in ("3", "4")]
    assert {one.wait_for_start().pid for one in asked} == set(waiting)  # nothing was handled here
    while len(zygote.attempts) < 4:
        zygote.handle()
    assert zygote.obeyed == []


def test_a_spare_that_nobody_needs_ends(zygote: Zygote) -> None:
    zygote.busy()
    zygote.clock.now += SPARE_SECONDS
    assert zygote.spares.wait_seconds() == 0.0
    zygote.spares.tend()
    while len(zygote.spares):
        zygote.handle()
    assert zygote.spares.wait_seconds() is None
    zygote.ask("1")
    zygote.handle()
    assert zygote.obeyed == ["1"]


def test_a_spare_that_was_taken_when_it_should_have_ended_is_an_attempt(zygote: Zygote) -> None:
    zygote.busy()
    asked = zygote.ask()
    asked.wait_for_start()
    zygote.clock.now += SPARE_SECONDS
    zygote.spares.tend()
    zygote.handle()
    assert (len(zygote.attempts), len(zygote.spares)) == (1, 0)
    assert not asked.has_ended(0.05)


def test_when_a_spare_dies_its_parent_listens_again(zygote: Zygote) -> None:
    zygote.busy()
    assert zygote.spares.pids
    os.kill(zygote.spares.pids[0], signal.SIGKILL)
    while len(zygote.spares):
        zygote.handle()
    zygote.ask("1")
    zygote.handle()
    assert zygote.obeyed == ["1"]


def test_a_spare_that_dies_with_its_attempt_is_told_to_the_monitor(zygote: Zygote) -> None:
    zygote.busy()
    asked = zygote.ask()
    asked.wait_for_start().told()
    os.kill(asked.pid, signal.SIGKILL)
    while not len(zygote.attempts):
        zygote.handle()
    zygote.handle()
    assert asked.exit_code() == -signal.SIGKILL


def test_a_monitor_sees_the_end_of_a_spare_that_dies_before_its_parent_knows_of_its_attempt(
    zygote: Zygote,
) -> None:
    zygote.busy()
    assert zygote.spares.pids
    os.kill(zygote.spares.pids[0], signal.SIGSTOP)
    asked = zygote.ask()
    os.kill(zygote.spares.pids[0], signal.SIGKILL)
    while len(zygote.spares):
        zygote.handle()
    zygote.handle()  # what it did not take
    assert zygote.obeyed == ["1"]
    assert ipc.receive(asked.status) is None


def test_a_spare_passes_on_that_its_zygote_is_retired(zygote: Zygote) -> None:
    zygote.busy()
    ipc.send(zygote.pool, {"retire": True})
    while len(zygote.spares):
        zygote.handle()
    assert zygote.retired


def test_a_spare_sends_back_what_it_may_not_run(zygote: Zygote) -> None:
    zygote.good = False
    zygote.busy()
    zygote.ask()
    received = ipc.receive(zygote.pool)
    assert received is not None
    assert received[0] == {"stale": True}
    ipc.close(received[1])
    while len(zygote.spares):
        zygote.handle()
    zygote.ask("2")
    zygote.handle()
    assert zygote.obeyed == ["2"]


def test_a_spare_ends_with_its_parent(zygote: Zygote) -> None:
    zygote.busy()
    assert zygote.spares.pids
    pidfd = os.pidfd_open(zygote.spares.pids[0])
    zygote.spares.close()
    assert ended(pidfd)
    os.close(pidfd)
