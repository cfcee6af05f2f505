"""When the scheduler asks what is due by time, and when a pass does everything."""

from __future__ import annotations

import pytest

from airfleet.metadata.notifications import News
from airfleet.scheduler.agenda import (
    DUE_SECONDS,
    EVERYTHING_SECONDS,
    IDLE_DUE_SECONDS,
    IDLE_EVERYTHING_SECONDS,
    UNANSWERED_SECONDS,
    Due,
    Planner,
)

BUSY, IDLE = True, False


class Asked(Planner):
    """A planner whose database gives one answer; it notes when it was asked and what it planned."""

    def __init__(self, next_dag: float | None, any_run: bool) -> None:
        super().__init__(self._answer)
        self.answer: Due | None = Due(False, False, next_dag, frozenset(), any_run, False)
        self.asked: list[float] = []
        self.everything: list[float] = []
        self.thorough: list[float] = []

    def _answer(self, now: float) -> Due | None:
        self.asked.append(now)
        return self.answer

    def look(self, now: float, news: News | None = None) -> float:
        """Plan a pass at this time; return how long the loop would wait afterwards."""
        agenda, patience = self.plan(news or News(), False, now)
        if agenda.everything:
            self.everything.append(now)
        if agenda.thorough:
            self.thorough.append(now)
        return patience


def passes(scheduler: Asked, until: float, news_at: dict[float, News] | None = None) -> None:
    """A pass a second, as the executor's longest wait has it."""
    for second in range(int(until) + 1):
        scheduler.look(float(second), (news_at or {}).get(second))


@pytest.mark.parametrize(
    ("any_run", "due", "everything"),
    [(BUSY, DUE_SECONDS, EVERYTHING_SECONDS), (IDLE, IDLE_DUE_SECONDS, IDLE_EVERYTHING_SECONDS)],
    ids=["with a run", "without"],
)
def test_how_often_it_asks_depends_on_whether_there_is_a_run(any_run: bool, due: float, everything: float) -> None:
    scheduler = Asked(None, any_run)
    passes(scheduler, 60)
    assert scheduler.asked == [float(n) for n in range(0, 61, int(due))]
    assert scheduler.everything == [float(n) for n in range(0, 61, int(everything))]


def test_airflow_looks_at_each_run_every_thirty_seconds_and_when_news_may_have_been_missed() -> None:
    scheduler = Asked(None, BUSY)
    passes(scheduler, 90, {42: News(everything=True)})
    assert scheduler.thorough == [0.0, 30.0, 42.0, 72.0]
    assert {0.0, 5.0, 10.0, 42.0, 47.0} <= set(scheduler.everything)


@pytest.mark.parametrize("any_run", [BUSY, IDLE])
def test_it_wakes_for_the_next_dag_when_that_is_due_sooner(any_run: bool) -> None:
    scheduler = Asked(0.4, any_run)
    assert scheduler.look(0.0) == 0.4
    assert scheduler.look(0.3) == pytest.approx(0.1)
    scheduler.look(0.4)
    assert scheduler.asked == [0.0, 0.4]


def test_news_end_the_rest() -> None:
    scheduler = Asked(None, IDLE)
    passes(scheduler, 12, {7: News(runs=True)})
    assert scheduler.asked == [0.0, 5.0, 8.0]
    assert scheduler.everything == [0.0, 7.0]


def test_without_an_answer_of_the_database_the_next_pass_does_everything_soon() -> None:
    scheduler = Asked(None, IDLE)
    scheduler.look(0.0)
    scheduler.answer = None
    assert scheduler.look(5.0) == UNANSWERED_SECONDS
    assert scheduler.everything == [0.0, 5.0]


def test_work_that_a_pass_could_not_finish_is_on_the_next_agenda() -> None:
    scheduler = Asked(None, BUSY)
    scheduler.look(0.0)
    scheduler.left.changed.add(("dag", "run"))
    agenda, _ = scheduler.plan(News(), False, 0.5)
    assert (agenda.changed, agenda.queue_tasks, agenda.everything) == ({("dag", "run")}, True, False)
    assert not scheduler.left


@pytest.mark.parametrize("freed", [True, False])
def test_free_slots_alone_have_tasks_queued(freed: bool) -> None:
    scheduler = Asked(None, BUSY)
    scheduler.look(0.0)
    agenda, _ = scheduler.plan(News(), freed, 0.5)
    assert bool(agenda) is agenda.queue_tasks is freed


def test_runs_whose_time_has_come_are_looked_at_as_if_they_had_changed() -> None:
    """PostgreSQL's array of arrays comes as a list of lists."""
    scheduler = Asked(None, BUSY)
    scheduler.answer = Due.of(
        (False, False, None, [["sales", "first"], ["sales", "first"], ["sales", "second"]], BUSY, False)
    )
    agenda, _ = scheduler.plan(News(changed={("stock", "third")}), False, 0.0)
    assert agenda.changed == {("sales", "first"), ("sales", "second"), ("stock", "third")}
    assert agenda.queue_tasks
