"""The triggerer while its database is away: its triggers run on, and what they tell is told when it is back."""

from __future__ import annotations

import asyncio
import socket
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.jobs.triggerer_job_runner import TriggerRunner, TriggerRunnerSupervisor
from airflow.models.trigger import Trigger
from sqlalchemy.exc import DataError, OperationalError

from airfleet.runtime.triggerer import CarefulTriggerRunner, RestingTriggerRunner

AWAY = OperationalError("SELECT 1", {}, Exception("connection refused"))


class Entry:
    """What a trigger told."""

    persist_seq = None

    def __init__(self, number: int) -> None:
        self.trigger_id = number
        self.event = f"event {number}"


class Database:
    """What was stored; while it is away, nothing is."""

    def __init__(self) -> None:
        self.stored: list[Any] = []
        self.fails: Exception | None = None

    def store(self, trigger_id: int, **_: Any) -> None:
        if self.fails is not None:
            raise self.fails
        self.stored.append(trigger_id)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database()
    monkeypatch.setattr(Trigger, "submit_event", made.store)
    monkeypatch.setattr(Trigger, "submit_failure", made.store)
    return made


@pytest.fixture
def runner() -> Iterator[RestingTriggerRunner]:
    ours, theirs = socket.socketpair()
    process: Any = None
    made = RestingTriggerRunner(
        id=uuid.uuid4(), pid=0, stdin=ours, process=process, process_log=structlog.get_logger(), capacity=1
    )
    yield made
    made.selector.close()
    ours.close()
    theirs.close()


def test_events_that_could_not_be_stored_are_stored_later_and_in_order(
    runner: RestingTriggerRunner, database: Database
) -> None:
    runner.events.extend([Entry(1), Entry(2)])  # type: ignore[list-item]
    runner.handle_events()
    runner.events.extend([Entry(3), Entry(4)])  # type: ignore[list-item]
    database.fails = AWAY
    with pytest.raises(OperationalError):
        runner.handle_events()
    database.fails = None
    runner.handle_events()
    assert database.stored == [1, 2, 3, 4]
    assert not runner.events


def test_failures_that_could_not_be_stored_are_stored_later(runner: RestingTriggerRunner, database: Database) -> None:
    runner.failed_triggers.extend([(1, None), (2, ["boom"])])
    database.fails = AWAY
    with pytest.raises(OperationalError):
        runner.handle_failed_triggers()
    database.fails = None
    runner.handle_failed_triggers()
    assert database.stored == [1, 2]


def test_a_turn_without_a_database_still_listens_to_the_triggers(
    runner: RestingTriggerRunner, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[str] = []

    def away(self: Any) -> None:
        raise AWAY

    def listens(self: Any, seconds: float) -> None:
        turns.append("listens")

    monkeypatch.setattr(TriggerRunnerSupervisor, "load_triggers", away)
    monkeypatch.setattr(TriggerRunnerSupervisor, "_service_subprocess", listens)
    runner.running_triggers.add(7)
    runner.events.append(Entry(7))  # type: ignore[arg-type]
    runner.run_once()
    runner.run_once()
    assert turns == ["listens", "listens"]
    assert (len(runner.events), database.stored) == (1, [])


def test_what_the_database_refuses_fails_its_trigger_and_no_other(
    runner: RestingTriggerRunner, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[Any] = []

    def store(trigger_id: int, **_: Any) -> None:
        if trigger_id == 2:
            raise DataError("INSERT", {}, Exception("no number"))
        database.stored.append(trigger_id)

    monkeypatch.setattr(Trigger, "submit_event", store)
    monkeypatch.setattr(Trigger, "submit_failure", lambda trigger_id, exc: failed.append((trigger_id, exc)))
    runner.events.extend(Entry(number) for number in (1, 2, 3))  # type: ignore[misc]
    assert runner._if_answered(runner.handle_events)
    assert runner._if_answered(runner.handle_failed_triggers)
    assert database.stored == [1, 3]
    assert failed == [(2, ["What the trigger tells cannot be stored: Exception: no number"])]


def test_a_trigger_that_cannot_be_made_fails_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    async def create(self: Any) -> None:
        while self.to_create:
            workload = self.to_create.popleft()
            if workload.id == 2:
                raise ValueError("not with these arguments")
            made.append(workload.id)

    monkeypatch.setattr(TriggerRunner, "create_triggers", create)
    runner = CarefulTriggerRunner()
    runner.to_create.extend(SimpleNamespace(id=number, classpath="x.Y") for number in (1, 2, 3))  # type: ignore[misc]
    asyncio.run(runner.create_triggers())
    assert made == [1, 3]
    assert [(number, str(error)) for number, error in runner.failed_triggers] == [(2, "not with these arguments")]


class Loading(RestingTriggerRunner):
    """Of which the trigger 2 cannot be loaded, alone or with others."""

    mended = 0

    def build_trigger_workloads(self, new_trigger_ids: set[int]) -> list[Any]:
        """What would be made of them."""
        if 2 in new_trigger_ids:
            raise ModuleNotFoundError("No module named 'removed'")
        return [SimpleNamespace(id=number) for number in sorted(new_trigger_ids)]

    def _mend_rows(self) -> None:
        self.mended += 1


def test_a_trigger_of_which_the_rows_cannot_be_loaded_fails_and_no_other(runner: RestingTriggerRunner) -> None:
    process: Any = None
    loading = Loading(
        id=uuid.uuid4(), pid=0, stdin=runner.stdin, process=process, process_log=structlog.get_logger(), capacity=3
    )
    loading.running_triggers.add(7)
    loading.update_triggers({1, 2, 3, 7})
    assert [workload.id for workload in loading.creating_triggers] == [1, 3]
    assert [(number, told) for number, told in loading.failed_triggers] == [
        (2, ["The trigger cannot be loaded: ModuleNotFoundError(\"No module named 'removed'\")"])
    ]
    assert (loading.mended, loading.cancelling_triggers) == (1, set())
    loading.update_triggers({1, 2, 3, 7})
    assert (loading.mended, len(loading.failed_triggers)) == (1, 1)
    loading.selector.close()
