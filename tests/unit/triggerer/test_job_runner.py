"""The triggerer while its database is away: its triggers run on, and what they tell is told when it is back."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from airflow.jobs.triggerer_job_runner import TriggerRunner, TriggerRunnerSupervisor
from airflow.models.trigger import Trigger
from psycopg import errors
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from structlog.testing import capture_logs

from airfleet.triggerer.job_runner import Deaths, RestingTriggerRunner
from airfleet.triggerer.trigger_runner import CarefulTriggerRunner
from airfleet.triggerer.trigger_steps import StepBoard

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


def test_an_event_that_a_standby_does_not_take_is_stored_after_the_failover(
    runner: RestingTriggerRunner, database: Database
) -> None:
    runner.events.extend([Entry(1), Entry(2)])  # type: ignore[list-item]
    database.fails = of_database(errors.ReadOnlySqlTransaction("cannot execute UPDATE in a read-only transaction"))
    assert not runner._if_answered(runner.handle_events)
    database.fails = None
    assert runner._if_answered(runner.handle_events)
    assert (database.stored, list(runner.failed_triggers)) == ([1, 2], [])


def test_an_event_that_is_too_large_for_the_database_keeps_no_other_one_waiting(
    runner: RestingTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[int] = []

    def store(trigger_id: int, **_: Any) -> None:
        if trigger_id == 1:
            raise of_database(errors.ProgramLimitExceeded("string too long to represent as jsonb string"))
        stored.append(trigger_id)

    monkeypatch.setattr(Trigger, "submit_event", store)
    runner.events.extend([Entry(1), Entry(2)])  # type: ignore[list-item]
    assert runner._if_answered(runner.handle_events)
    assert (stored, [number for number, _ in runner.failed_triggers]) == ([2], [1])


def test_why_a_trigger_failed_can_be_stored_whatever_it_says(
    runner: RestingTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[Any] = []
    monkeypatch.setattr(Trigger, "submit_failure", lambda trigger_id, exc: failed.append((trigger_id, exc)))
    runner.failed_triggers.extend([(1, ["ValueError: a\0b\udce9\n", "x" * 200_000]), (2, None)])
    runner.handle_failed_triggers()
    assert failed == [(1, ["ValueError: a\\x00b\\udce9\n", "x" * 100_000 + " ..."]), (2, None)]


def of_database(error: Exception) -> DBAPIError:
    """As SQLAlchemy hands on an error of psycopg."""
    return DBAPIError.instance("UPDATE", {}, error, Exception)  # type: ignore[return-value]


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
    assert failed == [(2, ["The event of this trigger cannot be stored: Exception: no number"])]


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
    runner.to_create.extend(SimpleNamespace(id=number, classpath="x.Y") for number in (1, 2, 3))
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


class Ended:
    """A process of triggers that has ended in a step."""

    def __init__(self, code: int, trigger: int = 0, was_blocked: bool = False) -> None:
        self.board = StepBoard()
        self.board.write(trigger, 1.0)
        self._exit_code = code
        self.was_blocked = was_blocked


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (Ended(3, trigger=7), (7, "The process of all triggers has ended while it ran (exit code 3)")),
        (Ended(-11, trigger=7), (7, "The process of all triggers has ended while it ran (SIGSEGV)")),
        (Ended(-9, 7, was_blocked=True), (7, "It has blocked the process of all triggers, which had to be killed")),
        (Ended(-9, trigger=7), None),
        (Ended(3), None),
    ],
)
def test_the_trigger_that_ended_the_process_has_failed(ended: Any, fault: Any) -> None:
    assert Deaths().fault(ended) == fault


def test_a_trigger_in_whose_step_the_process_was_killed_twice_has_failed() -> None:
    deaths, killed = Deaths(), Ended(-9, trigger=7)
    assert deaths.fault(killed) is None  # type: ignore[arg-type]
    assert deaths.fault(Ended(-9, trigger=8)) is None  # type: ignore[arg-type]
    assert deaths.fault(killed) == (7, "The process of all triggers has ended while it ran (SIGKILL)")  # type: ignore[arg-type]


def test_a_triggerer_ends_when_its_processes_end_again_and_again_for_no_trigger_that_is_known() -> None:
    now = [0.0]
    deaths = Deaths(lambda: now[0])
    assert [deaths.goes_on((7, "why")) for _ in range(9)] == [True] * 9
    assert [deaths.goes_on(None) for _ in range(4)] == [True, True, True, False]
    now[0] += 61
    assert deaths.goes_on(None)
    assert deaths.rests == {7: 60.0}


def test_a_process_that_a_trigger_has_for_too_long_is_killed(
    runner: RestingTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr("airfleet.triggerer.job_runner.os.kill", lambda pid, number: killed.append(number))
    runner.board = StepBoard()
    runner.board.write(7, time.monotonic() - runner.runner_health_check_threshold + 5)
    runner.end_if_blocked()
    assert (killed, runner.was_blocked) == ([], False)
    runner.board.write(7, time.monotonic() - runner.runner_health_check_threshold - 1)
    runner.end_if_blocked()
    assert (killed, runner.was_blocked) == ([9], True)


def test_what_a_process_has_left_is_taken_over(runner: RestingTriggerRunner, database: Database) -> None:
    before: Any = SimpleNamespace(
        events=[Entry(1)], failed_triggers=[(2, ["why"])], logger_cache={3: "log"}, stop=False
    )
    runner.take_over(before)
    runner.handle_events()
    runner.handle_failed_triggers()
    assert database.stored == [1, 2]
    assert list(runner.logger_cache) == [3]


def test_a_trigger_without_a_task_that_has_failed_rests(
    runner: RestingTriggerRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[int]] = []
    monkeypatch.setattr(TriggerRunnerSupervisor, "update_triggers", lambda self, ids: asked.append(ids))
    runner.rests = {7: time.monotonic() + 60, 8: time.monotonic() - 1}
    runner.update_triggers({7, 8, 9})
    assert asked == [{8, 9}]


# --- what triggers log ---------------------------------------------------------------------------------


class Lines:
    """The sockets of a process of triggers, which writes on one of them."""

    def __init__(self, runner: RestingTriggerRunner) -> None:
        self.ours: list[socket.socket] = []
        self.theirs: list[socket.socket] = []
        for _ in range(4):
            ours, theirs = socket.socketpair()
            self.ours.append(ours)
            self.theirs.append(theirs)
        stdout, stderr, requests, logs = self.ours
        runner._register_pipe_readers(stdout, stderr, requests, logs, data={})
        self._runner = runner

    def write(self, number: int, data: bytes) -> None:
        """Write something, which the monitor reads."""
        while data:
            data = data[self.theirs[number].send(data[:30_000]) :]
            while found := self._runner.selector.select(0):
                for key, _ in found:
                    assert key.data[0](key.fileobj)

    def close(self) -> None:
        for one in (*self.ours, *self.theirs):
            one.close()


@pytest.fixture
def lines(runner: RestingTriggerRunner) -> Iterator[Lines]:
    made = Lines(runner)
    yield made
    made.close()


#: the number of the socket for events
LOGS = 3


def test_a_long_line_of_a_trigger_is_cut(lines: Lines) -> None:
    with capture_logs() as logged:
        lines.write(LOGS, b'{"event": "' + b"x" * 3_000_000 + b'", "level": "info"}\n')
        lines.write(LOGS, b'{"event": "the next one", "level": "info"}\n')
    texts = [entry["event"] for entry in logged]
    assert [text[-33:] for text in texts] == ["... (a line of 3 MB was cut here)", "the next one"]
    assert len(texts[0]) < 1_100_000


def test_a_line_that_cannot_be_logged_stops_no_other_one(runner: RestingTriggerRunner, lines: Lines) -> None:
    class Full:
        def __call__(self, processors: Any) -> Any:
            raise OSError(28, "No space left on device")

    runner.logger_cache[7] = Full()  # type: ignore[assignment]
    with capture_logs() as logged:
        lines.write(LOGS, b'{"event": "copied", "level": "info", "self": "s3://x"}\n')
        lines.write(LOGS, b'["no event"]\n')
        lines.write(LOGS, b'{"event": "no room", "level": "info", "trigger_id": 7}\n')
        lines.write(LOGS, b'{"event": "the next one", "level": "info"}\n')
    assert [(entry["event"], entry.get("self_")) for entry in logged] == [
        ("copied", "s3://x"),
        ('["no event"]', None),
        ("A line of a trigger's log cannot be written", None),
        ("the next one", None),
    ]
