"""The watch over components that sleep: what wakes them, and what the database is asked meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.sleep import work
from airfleet.agent.sleep.sleeper import Cause, Sleeper
from airfleet.agent.sleep.watch import BEAT_SECONDS, SleepWatch
from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.file_stamps import stamp
from airfleet.fleet.planning.plan import Wake
from airfleet.spool.sleep_records import SleepRecord

SECONDS = 10.0


class Database:
    """Answers as the test says, or not at all while it is ``away``."""

    def __init__(self) -> None:
        self.away = False
        self.work = (False, False)
        self.asked: list[tuple[str, Any]] = []

    def rows(self, query: str, parameters: Any) -> list[tuple[Any, ...]]:
        self.asked.append((query, list(parameters)))
        if self.away:
            raise psycopg.OperationalError("the server is away")
        return [(7,)] if query in (work._BEGIN, work._END) else [self.work]

    def statements(self) -> list[str]:
        return [query for query, _ in self.asked]


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Watched:
    """A watch and what it said."""

    def __init__(self) -> None:
        self.database, self.clock = Database(), Clock()
        self.said: list[Event] = []
        self.calls = 0
        self.watch = SleepWatch(self.database, self._say, self.clock, self._wake, lambda: "here")

    def _say(self, event: Event, **_: object) -> None:
        self.said.append(event)

    def _wake(self) -> None:
        self.calls += 1

    def wakes(self) -> dict[str, Cause]:
        """Wait for the next component that has to be started."""
        found = wait_until(self.watch.woken, SECONDS, "a component is waked", pause_seconds=0.005)
        assert found is not None
        return found

    def settles(self, holds: Callable[[], bool], what: str) -> None:
        wait_until(holds, SECONDS, what, pause_seconds=0.005)


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.watch.close()


def sleeper(name: str = "triggerer", until: Wake = Wake.DEFERRED, **more: Any) -> Sleeper:
    return Sleeper(name, until, more.pop("record", SleepRecord(name, 1)), 1000.0, more.pop("job", 5), **more)


def test_a_notification_has_the_database_asked_and_only_the_component_with_work_is_started(watched: Watched) -> None:
    watched.watch.add(sleeper())
    watched.watch.add(sleeper("dag-processor", Wake.CHANGED, job=6))
    watched.settles(lambda: watched.database.asked != [], "it has looked once, for what came before")
    watched.database.work = (True, False)
    watched.watch.hear()
    assert watched.wakes() == {"triggerer": Cause.WORK}
    assert watched.calls == 1
    watched.database.work = (False, True)
    watched.watch.hear()
    assert watched.wakes() == {"dag-processor": Cause.WORK}


def test_work_that_came_while_a_component_fell_asleep_wakes_it_at_once(watched: Watched) -> None:
    watched.database.work = (True, False)
    watched.watch.add(sleeper())
    assert watched.wakes() == {"triggerer": Cause.WORK}


def test_nothing_is_asked_while_nothing_happens(watched: Watched) -> None:
    watched.watch.add(sleeper())
    watched.settles(lambda: len(watched.database.asked) == 1, "the first heartbeat is sent")
    for _ in range(20):
        watched.watch._news.wake()  # a turn of its loop without news
    watched.watch.end_job("nobody")
    watched.settles(watched.watch._orders.empty, "it has turned")
    assert len(watched.database.asked) == 1


def test_a_heartbeat_keeps_the_job_alive_and_finds_work_whose_notification_was_lost(watched: Watched) -> None:
    watched.watch.add(sleeper(job=41))
    watched.settles(lambda: (work._BEAT, [[41]]) in watched.database.asked, "the first heartbeat is sent")
    watched.database.asked.clear()
    watched.database.work = (True, False)
    watched.clock.now += BEAT_SECONDS
    watched.watch._news.wake()
    assert watched.wakes() == {"triggerer": Cause.WORK}
    assert watched.database.asked == [(work._BEAT, [[41]])]


def test_a_database_that_is_away_is_asked_again_and_wakes_nobody_meanwhile(watched: Watched) -> None:
    watched.database.away = True
    watched.watch.add(sleeper())
    watched.settles(lambda: watched.database.asked != [], "it has asked")
    assert watched.watch.woken() == {}
    watched.database.away, watched.database.work = False, (True, True)
    watched.watch.hear()  # the connection that listens is back
    assert watched.wakes() == {"triggerer": Cause.WORK}
    assert watched.said == []


@pytest.mark.parametrize("change", ["edited", "made", "removed"])
def test_a_file_that_is_another_one_than_when_it_was_parsed_wakes(
    watched: Watched, tmp_path: Path, change: str
) -> None:
    there, missing = tmp_path / "there.yaml", tmp_path / "missing.yaml"
    there.write_text("a")
    stamps = {str(path): stamp(str(path)) for path in (there, missing)}
    record = SleepRecord("dag-processor", 1, None, stamps)
    watched.watch.add(sleeper("dag-processor", Wake.CHANGED, record=record))
    watched.settles(lambda: watched.database.asked != [], "it watches")
    assert watched.watch.woken() == {}
    {
        "edited": lambda: there.write_text("b"),
        "made": lambda: missing.write_text("c"),
        "removed": lambda: os.unlink(there),
    }[change]()
    assert watched.wakes() == {"dag-processor": Cause.CHANGE}


def test_a_component_starts_when_its_files_are_due_again(watched: Watched) -> None:
    watched.watch.add(sleeper("dag-processor", Wake.CHANGED, record=SleepRecord("dag-processor", 1, 600.0)))
    watched.settles(lambda: watched.database.asked != [], "it watches")
    watched.clock.now += 599.0
    watched.watch.hear()
    watched.settles(lambda: not watched.watch._has_news, "it has looked")
    assert watched.watch.woken() == {}
    watched.clock.now += 1.0
    watched.watch.hear()
    assert watched.wakes() == {"dag-processor": Cause.DUE}


def test_a_component_that_never_ran_gets_a_job_so_that_health_finds_one(watched: Watched) -> None:
    watched.watch.add(sleeper(job=None, job_type="TriggererJob"))
    watched.settles(lambda: (work._BEAT, [[7]]) in watched.database.asked, "its heartbeat is sent")
    assert watched.database.asked[0] == (work._BEGIN, ["TriggererJob", "here"])
    assert watched.database.statements().count(work._BEGIN) == 1


def test_a_job_ends_when_the_next_process_has_one_and_at_the_end_of_all(watched: Watched) -> None:
    first = sleeper(job=5)
    watched.watch.add(first)
    watched.watch.add(sleeper("dag-processor", Wake.CHANGED, job=6))
    watched.watch.remove(first)
    watched.watch.end_job("triggerer")
    watched.settles(lambda: (work._END, [[5]]) in watched.database.asked, "the job of the process before has ended")
    watched.watch.close()
    assert watched.database.asked[-1] == (work._END, [[6]])
