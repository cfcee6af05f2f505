"""What the scheduler takes on of others: of silent schedulers, and of workers that died."""

from __future__ import annotations

import pytest
from airflow.jobs.job import Job

from airfleet.metadata.notifications import News
from airfleet.scheduler.executor import FleetExecutor
from airfleet.scheduler.job_runner import FleetSchedulerJobRunner
from airfleet.scheduler.lost_work import Silence


class Scheduler(FleetSchedulerJobRunner):
    """A scheduler that notes what it adopts, and asks no database."""

    def __init__(self) -> None:
        super().__init__(job=Job())
        self.adoptions = 0

    def adopt_or_reset_orphaned_tasks(self, session: object = None) -> int:
        self.adoptions += 1
        return 0

    def _recover(self, executor: FleetExecutor, now: float) -> None:
        """Nothing was lost."""

    def _give_back_callbacks(self, executor: FleetExecutor) -> None:
        """No callback waits."""


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([(0, False), (5, False), (10, True)], False),
        ([(0, False), (5, False), (10, False), (13, True)], True),
        ([(0, False), (5, False), (10, False), (40, True), (41, True), (52, False)], False),
        ([(0, False), (10, True), (18, True), (22, True)], True),
    ],
    ids=["it has just begun to look", "it is silent", "nobody was heard", "it does not speak after an outage"],
)
def test_a_scheduler_is_taken_for_silent_when_it_could_have_been_heard(
    answers: list[tuple[float, bool]], found: bool
) -> None:
    silence = Silence()
    for now, silent in answers:
        silence.note(silent, now)
    assert silence.is_certain is found


@pytest.mark.parametrize(
    ("news", "doubted"),
    [(News(), False), (News(messages=True), True), (News(everything=True), True)],
    ids=["none", "of a worker that died", "that may have been missed"],
)
def test_messages_are_doubted_when_a_worker_died_or_may_have(news: News, doubted: bool) -> None:
    scheduler, executor = Scheduler(), FleetExecutor()
    executor._reconciler.sent("a message", "a queue", 0.0)
    scheduler._look_after_the_lost(executor, news, 0.0)
    assert executor._reconciler.watched["a message"].doubted is doubted


def test_what_a_silent_scheduler_left_is_adopted_once_in_a_while() -> None:
    scheduler = Scheduler()
    adopted: list[int] = []
    for second in range(12):
        before = scheduler.adoptions
        scheduler._silence.is_certain = second != 7
        scheduler._look_after_the_lost(FleetExecutor(), News(), float(second))
        adopted += [second] * (scheduler.adoptions - before)
    assert adopted == [0, 5, 10]
