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

FILE = ipc.File("bundle", None, "path")


@dataclass
class Template:
    """What has spares in the place of a task template, with its pool's end of the socket."""

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
def template() -> Iterator[Template]:
    made = Template()
    yield made
    for asked in made.asked:
        asked.close()
    made.spares.close()
    made.pool.close()
    while len(made.spares) or len(made.attempts):
        made.handle()
        made.clock.now += SPARE_SECONDS
        made.attempts.end_overdue()


def test_one_attempt_alone_has_no_spare_after_it(template: Template) -> None:
    template.spares.attempt_started()
    assert template.spares.wait_seconds() is None
    template.clock.now += SPARE_SECONDS + 1
    template.spares.attempt_started()
    assert template.spares.wait_seconds() is None


def test_a_second_attempt_has_a_spare_soon_after_it(template: Template) -> None:
    template.spares.attempt_started()
    template.spares.attempt_started()
    assert template.spares.wait_seconds() == pytest.approx(DELAY_SECONDS)
    template.spares.tend()
    assert template.spares.pids == ()
    template.fork_due()
    assert template.spares.pids


def test_a_spare_takes_an_attempt_while_its_parent_is_busy(template: Template) -> None:
    template.busy()
    spare = template.spares.pids[0]
    asked = template.ask()
    assert asked.wait_for_start().pid == spare  # nothing was handled here
    template.handle()
    assert (len(template.attempts), len(template.spares), template.obeyed) == (1, 0, [])
    ipc.send(asked.orders, {"do": "end", "code": 7})
    template.handle()
    assert asked.exit_code() == 7
    asked.status.close()
    template.handle()
    assert len(template.attempts) == 0


def test_after_a_spare_was_taken_its_parent_takes_the_next_and_forks_another_spare(template: Template) -> None:
    template.busy()
    first = template.ask("1")
    first.wait_for_start()
    template.handle()
    template.ask("2")
    template.handle()
    assert template.obeyed == ["2"]
    template.fork_due()
    assert template.spares.pids


def test_attempts_that_run_side_by_side_have_two_spares_and_each_takes_another(template: Template) -> None:
    template.busy()
    for name in ("1", "2"):
        template.ask(name).wait_for_start()
        template.handle()
        template.fork_due()
    assert len(template.spares) == 1  # the first attempt was alone until now
    template.fork_due()
    waiting = template.spares.pids
    assert len(waiting) == MOST_SPARES
    assert template.spares.wait_seconds() == pytest.approx(SPARE_SECONDS - DELAY_SECONDS * 2)
    asked = [template.ask(name) for name in ("3", "4")]
    assert {one.wait_for_start().pid for one in asked} == set(waiting)  # nothing was handled here
    while len(template.attempts) < 4:
        template.handle()
    assert template.obeyed == []


def test_a_spare_that_nobody_needs_ends(template: Template) -> None:
    template.busy()
    template.clock.now += SPARE_SECONDS
    assert template.spares.wait_seconds() == 0.0
    template.spares.tend()
    while len(template.spares):
        template.handle()
    assert template.spares.wait_seconds() is None
    template.ask("1")
    template.handle()
    assert template.obeyed == ["1"]


def test_a_spare_that_was_taken_when_it_should_have_ended_is_an_attempt(template: Template) -> None:
    template.busy()
    asked = template.ask()
    asked.wait_for_start()
    template.clock.now += SPARE_SECONDS
    template.spares.tend()
    template.handle()
    assert (len(template.attempts), len(template.spares)) == (1, 0)
    assert not asked.has_ended(0.05)


def test_when_a_spare_dies_its_parent_listens_again(template: Template) -> None:
    template.busy()
    assert template.spares.pids
    os.kill(template.spares.pids[0], signal.SIGKILL)
    while len(template.spares):
        template.handle()
    template.ask("1")
    template.handle()
    assert template.obeyed == ["1"]


def test_a_spare_that_dies_with_its_attempt_is_told_to_the_monitor(template: Template) -> None:
    template.busy()
    asked = template.ask()
    asked.wait_for_start().told()
    os.kill(asked.pid, signal.SIGKILL)
    while not len(template.attempts):
        template.handle()
    template.handle()
    assert asked.exit_code() == -signal.SIGKILL


def test_a_monitor_sees_the_end_of_a_spare_that_dies_before_its_parent_knows_of_its_attempt(
    template: Template,
) -> None:
    template.busy()
    assert template.spares.pids
    os.kill(template.spares.pids[0], signal.SIGSTOP)
    asked = template.ask()
    os.kill(template.spares.pids[0], signal.SIGKILL)
    while len(template.spares):
        template.handle()
    template.handle()  # what it did not take
    assert template.obeyed == ["1"]
    assert ipc.receive(asked.status) is None


def test_a_spare_passes_on_that_its_template_is_retired(template: Template) -> None:
    template.busy()
    ipc.send(template.pool, {"retire": True})
    while len(template.spares):
        template.handle()
    assert template.retired


def test_a_spare_sends_back_what_it_may_not_run(template: Template) -> None:
    template.good = False
    template.busy()
    template.ask()
    received = ipc.receive(template.pool)
    assert received is not None
    assert received[0] == {"stale": True}
    ipc.close(received[1])
    while len(template.spares):
        template.handle()
    template.ask("2")
    template.handle()
    assert template.obeyed == ["2"]


def test_a_spare_ends_with_its_parent(template: Template) -> None:
    template.busy()
    assert template.spares.pids
    pidfd = os.pidfd_open(template.spares.pids[0])
    template.spares.close()
    assert ended(pidfd)
    os.close(pidfd)
