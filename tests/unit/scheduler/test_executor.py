"""The executor with a real Celery app on in-memory servers, and a real (SQLite) database."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy
from airflow import settings
from airflow.api_fastapi.auth.tokens import JWTValidator, get_sig_validation_args
from airflow.configuration import conf
from airflow.executors.workloads import BundleInfo, ExecuteCallback, ExecuteTask
from airflow.executors.workloads.callback import CallbackDTO, CallbackFetchMethod
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.models import import_all_models
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.utils.state import CallbackState, TaskInstanceState
from celery.exceptions import WorkerLostError
from sqlalchemy.orm import scoped_session, sessionmaker

from airfleet.backoff import Backoff
from airfleet.scheduler import executor as module
from airfleet.scheduler import flights
from airfleet.scheduler.executor import FleetExecutor
from airfleet.scheduler.message_reconciler import LOST_BACKOFF
from airfleet.scheduler.publisher import TASK_NAME
from airfleet.scheduler.queue_inspector import Waiting
from airfleet.worker.result_backend import NotBegun, ReleaseAway, begun_mark

TOKEN = "a token that nobody else may read"
RELEASE, OTHER_RELEASE = "1" * 64, "2" * 64


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sqlalchemy.Engine:
    """A database with the one table that the executor reads."""
    import_all_models()  # its foreign keys name their tables
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/airflow.db")
    TaskInstance.__table__.create(engine)  # type: ignore[attr-defined]
    monkeypatch.setattr(settings, "engine", engine)
    monkeypatch.setattr(settings, "Session", scoped_session(sessionmaker(bind=engine)))
    return engine


@pytest.fixture
def fleet_executor(database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetExecutor]:
    """An executor whose broker and result backend live in this process."""
    for fleet_executor in made("memory://", monkeypatch):
        with fleet_executor.celery_app.connection_for_read() as connection:
            connection.SimpleQueue("default").clear()  # the same for all tests of a process
        yield fleet_executor


@pytest.fixture
def without_broker(database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetExecutor]:
    """An executor at whose broker's address nobody listens."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
    yield from made(gone, monkeypatch)


def broker_is_back(fleet_executor: FleetExecutor) -> None:
    """Have the executor try again, with a broker that answers."""
    fleet_executor._backoff.broker_at = 0.0
    fleet_executor.celery_app.conf.broker_write_url = fleet_executor.celery_app.conf.broker_url = "memory://"
    fleet_executor.trigger_tasks(8)


def made(broker: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FleetExecutor]:
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL", broker)
    monkeypatch.setenv("AIRFLOW__CELERY__RESULT_BACKEND", f"db+{settings.get_engine().url}.results")
    made = FleetExecutor(parallelism=8)
    made.start()
    yield made
    made.end()


def task(ti_id: UUID | None = None, celery_id: str | None = None, name: str = "t") -> ExecuteTask:
    """A workload as the scheduler makes it."""
    return ExecuteTask(
        ti=TaskInstanceDTO(
            id=ti_id or uuid4(), dag_version_id=uuid4(), task_id=name, dag_id="d", run_id="r", try_number=1,
            map_index=-1, pool_slots=1, queue="default", priority_weight=1,
            external_executor_id=celery_id or str(uuid4()),
        ),
        dag_rel_path=Path("d.py"), token=TOKEN, bundle_info=BundleInfo(name="pipelines"), log_path=None,
    )  # fmt: skip


def callback() -> ExecuteCallback:
    """A workload that is no task."""
    data = {"path": "builtins.print", "kwargs": {}}
    return ExecuteCallback(
        callback=CallbackDTO(id=str(uuid4()), fetch_method=CallbackFetchMethod.IMPORT_PATH, data=data),
        dag_rel_path=Path("d.py"), token=TOKEN, bundle_info=BundleInfo(name="pipelines"), log_path=None,
    )  # fmt: skip


def row(name: str) -> TaskInstance:
    """A task instance as the scheduler reads it from the database."""
    ti = TaskInstance(EmptyOperator(task_id=name), dag_version_id=uuid4(), run_id="r", state=TaskInstanceState.RUNNING)
    ti.id, ti.dag_id, ti.try_number, ti.external_executor_id = uuid4(), "d", 1, str(uuid4())
    return ti


def write(database: sqlalchemy.Engine, workload: ExecuteTask, state: str | None, celery_id: str | None = None) -> None:
    """What the database says about an attempt."""
    table = TaskInstance.__table__
    values = {"state": state, "external_executor_id": celery_id or workload.ti.external_executor_id}
    with database.begin() as connection:
        changed = connection.execute(
            sqlalchemy.update(table).where(table.c.id == workload.ti.id).values(**values)  # type: ignore[arg-type]
        )
        if not changed.rowcount:
            ti = workload.ti
            row = {"id": ti.id, "task_id": ti.task_id, "dag_id": ti.dag_id, "run_id": ti.run_id, "map_index": -1}
            rest = {"try_number": 1, "pool": "default_pool", "pool_slots": 1, **values}
            connection.execute(sqlalchemy.insert(table).values(**row, **rest))  # type: ignore[arg-type]


def send(fleet_executor: FleetExecutor, *workloads: Any) -> None:
    """Queue and send."""
    for workload in workloads:
        fleet_executor.queue_workload(workload, session=settings.Session())
    fleet_executor.trigger_tasks(8)


def look(fleet_executor: FleetExecutor) -> None:
    """As if enough time had passed for every question."""
    for flight in fleet_executor.flights.values():
        flight.ask_at = 0.0
    fleet_executor._looked_at = fleet_executor._asked_at = float("-inf")
    fleet_executor.sync()


def message(fleet_executor: FleetExecutor, queue: str = "default") -> Any:
    """The next message in the queue."""
    with fleet_executor.celery_app.connection_for_read() as connection:
        return connection.SimpleQueue(queue).get(block=False)


def test_a_message_is_what_a_worker_expects_and_prints_no_token(fleet_executor: FleetExecutor) -> None:
    workload = task()
    send(fleet_executor, workload)
    found = message(fleet_executor)
    assert found.headers["task"] == TASK_NAME
    assert found.headers["id"] == found.properties["correlation_id"] == workload.ti.external_executor_id
    assert found.headers["ignore_result"] is True
    (body,), kwargs, _ = found.payload
    assert json.loads(body) == json.loads(workload.model_dump_json())
    assert kwargs == {}
    assert TOKEN not in json.dumps(found.headers, default=str) + json.dumps(found.properties, default=str)


def test_a_sent_task_runs_and_makes_no_event(fleet_executor: FleetExecutor) -> None:
    workload = task()
    send(fleet_executor, workload)
    assert fleet_executor.running == {workload.key}
    assert not fleet_executor.queued_tasks
    assert fleet_executor.get_event_buffer() == {}


@pytest.mark.parametrize(
    "state", ["success", "failed", "skipped", "up_for_retry", "up_for_reschedule", "deferred", "scheduled", None]
)
def test_an_attempt_whose_row_says_so_is_over_without_an_event(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, state: str | None
) -> None:
    workload = task()
    write(database, workload, state)
    send(fleet_executor, workload)
    look(fleet_executor)
    assert (fleet_executor.running, fleet_executor.workloads, fleet_executor.flights) == (set(), {}, {})
    assert fleet_executor.get_event_buffer() == {}
    assert fleet_executor.freed


@pytest.mark.parametrize("state", ["queued", "running", "restarting"])
def test_an_attempt_that_goes_on_keeps_its_slot(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, state: str
) -> None:
    workload = task()
    write(database, workload, state)
    send(fleet_executor, workload)
    look(fleet_executor)
    assert fleet_executor.running == {workload.key}
    assert fleet_executor.slots_available == 7


def test_a_task_instance_that_is_gone_is_over(fleet_executor: FleetExecutor) -> None:
    send(fleet_executor, task())  # deleted, or moved to the history for another try
    look(fleet_executor)
    assert fleet_executor.running == set()


def test_the_attempt_before_a_deferral_does_not_end_the_one_after_it(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    before = task()
    write(database, before, "queued")
    send(fleet_executor, before)
    after = task(before.ti.id)  # same try, same task instance, queued again
    write(database, after, "queued")
    send(fleet_executor, after)
    look(fleet_executor)
    assert fleet_executor.running == {after.key}
    assert fleet_executor.flights[after.key].celery_id == after.ti.external_executor_id


def test_an_attempt_that_somebody_else_queued_again_is_not_ours(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    workload = task()
    write(database, workload, "queued", celery_id=str(uuid4()))
    send(fleet_executor, workload)
    look(fleet_executor)
    assert fleet_executor.running == set()


def test_an_attempt_that_ended_without_a_report_is_reported(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    lost, healthy = task(), task(name="healthy")
    for workload in (lost, healthy):
        write(database, workload, "running")
    send(fleet_executor, lost, healthy)
    fail(fleet_executor, lost, RuntimeError("exit code -9"))
    look(fleet_executor)
    events = fleet_executor.get_event_buffer()
    assert {key: event[0] for key, event in events.items()} == {lost.key: TaskInstanceState.FAILED}
    assert fleet_executor.running == {healthy.key}


def fail(fleet_executor: FleetExecutor, workload: ExecuteTask, error: Exception) -> None:
    """Celery tells that this message failed."""
    fleet_executor.celery_app.backend.mark_as_failure(workload.ti.external_executor_id, error)


LOST, UNBEGUN = WorkerLostError("signal 9"), NotBegun("OSError: [Errno 30] Read-only file system")


@pytest.mark.parametrize("state", ["running", "success", "failed", "scheduled", None])
def test_a_task_that_is_queued_no_more_gets_no_second_message(
    fleet_executor: FleetExecutor,
    database: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
    state: str | None,
) -> None:
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of this test alone " * 4)
    queued, other = row("t"), row("u")
    for one, its_state in ((queued, "queued"), (other, state)):
        one.state, one.queue = its_state, "default"
    stored(database, queued, other)
    celery_ids = [str(one.external_executor_id) for one in (queued, other)]
    again = fleet_executor._with_new_tokens([queued.id, other.id], celery_ids)
    assert [(celery_id, queue) for celery_id, queue, _ in again] == [(celery_ids[0], "default")]


@pytest.mark.parametrize("state", ["running", "restarting"])
@pytest.mark.parametrize("error", [LOST, UNBEGUN], ids=["lost", "unbegun"])
def test_what_became_of_a_second_message_is_not_believed_of_the_attempt_that_runs_and_what_it_tells_itself_is(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, error: Exception, state: str
) -> None:
    workload = task()
    write(database, workload, state)
    send(fleet_executor, workload)
    fail(fleet_executor, workload, error)
    for _ in range(2 * flights.MOST_UNBEGUN):
        look(fleet_executor)
    assert fleet_executor.get_event_buffer() == {}
    assert fleet_executor.running == {workload.key}
    fail(fleet_executor, workload, RuntimeError("exit code -9"))
    look(fleet_executor)
    assert fleet_executor.running == set()
    assert workload.key in fleet_executor.get_event_buffer()


@pytest.mark.parametrize(
    "error", [LOST, UNBEGUN, RuntimeError("an older worker")], ids=["lost", "unbegun", "something"]
)
def test_an_attempt_that_could_not_begin_is_sent_again_later_each_time_and_not_for_ever(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, error: Exception
) -> None:
    workload = task()
    write(database, workload, "queued")
    send(fleet_executor, workload)
    celery_id = workload.ti.external_executor_id or ""
    pauses = (2, 4, 8, 16, 32, 60, 60, 60)
    assert len(pauses) == flights.MOST_UNBEGUN
    for pause in pauses:
        fail(fleet_executor, workload, error)
        before = time.monotonic()
        look(fleet_executor)
        assert fleet_executor.get_event_buffer() == {}
        assert fleet_executor.celery_app.AsyncResult(celery_id).state == "PENDING"
        again_at = fleet_executor._reconciler.watched[celery_id].unsent_from
        assert again_at is not None
        assert before + pause <= again_at <= time.monotonic() + pause
    fail(fleet_executor, workload, error)
    look(fleet_executor)
    assert fleet_executor.get_event_buffer()[workload.key][0] == TaskInstanceState.FAILED


def test_a_message_that_was_given_back_for_want_of_a_release_is_sent_at_once_when_a_host_tells_of_that_release(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    workload = task()
    write(database, workload, "queued")
    send(fleet_executor, workload)
    celery_id = workload.ti.external_executor_id or ""
    for _ in range(6):
        fail(fleet_executor, workload, ReleaseAway(RELEASE))
        look(fleet_executor)
    message, now = fleet_executor._reconciler.watched[celery_id], time.monotonic()
    assert message.unsent_from is not None
    assert message.unsent_from > now + 50
    others = (
        f"host {OTHER_RELEASE}",
        f"published {RELEASE}",
        f"live {RELEASE}",
        f"host {RELEASE}-",
        "",
        "of an airfleet to come",
    )
    fleet_executor._hear_of_releases(others, now)
    assert message.unsent_from > now + 50
    fleet_executor._hear_of_releases([f"host {RELEASE}"], now)
    assert message.unsent_from == now
    fail(fleet_executor, workload, ReleaseAway(RELEASE))  # by another host, which lacks it still
    look(fleet_executor)
    assert message.unsent_from <= time.monotonic() + flights.UNBEGUN_BACKOFF.first


def test_those_that_ended_by_themselves_are_told_from_those_that_were_lost_or_had_not_begun(
    fleet_executor: FleetExecutor,
) -> None:
    failed, lost, unbegun, silent = task(), task(), task(), task()
    for workload, error in ((failed, RuntimeError("its own")), (lost, LOST), (unbegun, UNBEGUN)):
        fail(fleet_executor, workload, error)
    ids = [workload.ti.external_executor_id or "" for workload in (failed, lost, unbegun, silent)]
    assert fleet_executor.ended_by_themselves(ids) == {ids[0]}
    assert fleet_executor.ended_by_themselves([]) == frozenset()


def test_a_message_is_watched_until_its_attempt_has_begun(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    begins, waits, revoked = (task(name=name) for name in ("begins", "waits", "revoked"))
    for workload in (begins, waits, revoked):
        write(database, workload, "queued")
    send(fleet_executor, begins, waits, revoked)
    ids = [workload.ti.external_executor_id for workload in (begins, waits, revoked)]
    assert list(fleet_executor._reconciler.watched) == ids
    write(database, begins, "running")
    fleet_executor.revoke_task(ti=row("revoked"))
    look(fleet_executor)
    assert list(fleet_executor._reconciler.watched) == ids[1:2]


class Silent(FleetExecutor):
    """One that may ask nobody."""

    def sync(self) -> None:
        raise AssertionError("it looks, and nobody hears what it sees")


def test_a_scheduler_that_ends_does_not_wait_for_a_database_that_may_be_gone() -> None:
    Silent(parallelism=1).end()


def test_the_result_backend_is_not_asked_about_what_was_just_sent(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    workload = task()
    write(database, workload, "queued")
    send(fleet_executor, workload)
    fleet_executor.celery_app.backend.mark_as_failure(workload.ti.external_executor_id, RuntimeError("later"))
    fleet_executor._looked_at = fleet_executor._asked_at = float("-inf")
    fleet_executor.sync()
    assert fleet_executor.get_event_buffer() == {}


@pytest.mark.parametrize("result", ["SUCCESS", "FAILURE"])
def test_a_task_cleared_while_it_ran_is_over_when_its_worker_says_so(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, result: str
) -> None:
    workload = task()
    write(database, workload, "restarting")
    send(fleet_executor, workload)
    fleet_executor.celery_app.backend.store_result(workload.ti.external_executor_id, None, result)
    fleet_executor._looked_at = fleet_executor._asked_at = float("-inf")
    fleet_executor.sync()  # at once: nothing else tells
    assert fleet_executor.get_event_buffer()[workload.key][0] == TaskInstanceState.SUCCESS


@pytest.mark.parametrize(("result", "state"), [("SUCCESS", CallbackState.SUCCESS), ("FAILURE", CallbackState.FAILED)])
def test_the_end_of_a_callback_is_what_its_kept_result_says(
    fleet_executor: FleetExecutor, result: str, state: CallbackState
) -> None:
    workload = callback()
    send(fleet_executor, workload)
    found = message(fleet_executor)
    assert found.headers["ignore_result"] is False
    look(fleet_executor)
    assert fleet_executor.running == {workload.key}
    value = RuntimeError("callback failed") if result == "FAILURE" else None
    fleet_executor.celery_app.backend.store_result(found.headers["id"], value, result)
    look(fleet_executor)
    assert fleet_executor.get_event_buffer()[workload.key][0] == state
    assert fleet_executor.running == set()


def lost(fleet_executor: FleetExecutor, celery_id: str) -> None:
    """As if this message, which waits nowhere, was sent long ago."""
    fleet_executor._reconciler.watched[celery_id].sent_at -= LOST_BACKOFF.first
    fleet_executor.doubt_messages()
    look(fleet_executor)


def test_a_message_that_is_lost_is_sent_again_with_a_new_token_for_the_same_attempt(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "of this test alone " * 4)
    queued = row("t")
    queued.state, queued.queue = TaskInstanceState.QUEUED, "default"
    stored(database, queued)
    of_attempt = {"sub": str(queued.id), "scope": "workload"}
    early = fleet_executor.jwt_generator.generate(of_attempt, valid_for=60)
    workload = task(queued.id, queued.external_executor_id, "t").model_copy(update={"token": early})
    send(fleet_executor, workload)
    first = message(fleet_executor)
    lost(fleet_executor, first.headers["id"])
    again = message(fleet_executor)
    assert again.headers["id"] == first.headers["id"] == queued.external_executor_id
    before, after = (json.loads(one.payload[0][0]) for one in (first, again))
    assert (before["token"], before["ti"]["id"]) == (early, after["ti"]["id"])
    assert early not in json.dumps([again.payload, again.headers, again.properties], default=str)
    told = {name: {"essential": True, "value": value} for name, value in of_attempt.items()}
    claims = [validator().validated_claims(one["token"], told) for one in (before, after)]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert claims[0]["exp"] < claims[1]["exp"]
    assert fleet_executor.running == {workload.key}


def stored(database: sqlalchemy.Engine, queued: TaskInstance, *others: TaskInstance) -> None:
    """Task instances of one run in the database, with all else of which their messages are made."""
    for model in (DagModel, DagRun):
        model.__table__.create(database)  # type: ignore[attr-defined]
    known = DagModel(dag_id=queued.dag_id, bundle_name="pipelines", relative_fileloc="d.py")
    run = DagRun(dag_id=queued.dag_id, run_id=queued.run_id, run_type="manual", state="running")
    run.log_template_id = 1  # is looked up in one table more, otherwise
    with settings.Session() as session:
        session.add_all((known, run, queued, *others))
        session.commit()
        for one in (queued, *others):
            session.refresh(one)
            session.expunge(one)


def validator() -> JWTValidator:
    """What the API looks at tokens with."""
    audience = conf.get_mandatory_list_value("execution_api", "jwt_audience")
    return JWTValidator(audience=audience, **get_sig_validation_args(make_secret_key_if_needed=False))


def test_the_message_of_a_callback_is_watched_until_it_has_begun_and_sent_again_when_it_is_lost(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    begins, lost = callback(), callback()
    send(fleet_executor, begins, lost)
    ids = [message(fleet_executor).headers["id"] for _ in range(2)]
    fleet_executor.celery_app.backend.store_result(begun_mark(ids[0]), None, "STARTED")
    look(fleet_executor)
    assert list(fleet_executor._reconciler.watched) == ids[1:]
    fleet_executor._reconciler.watched[ids[1]].sent_at -= LOST_BACKOFF.first
    fleet_executor.doubt_messages()
    look(fleet_executor)
    again = message(fleet_executor)
    assert again.headers["id"] == ids[1]
    assert again.headers["ignore_result"] is False
    assert json.loads(again.payload[0][0])["callback"]["id"] == lost.callback.id
    assert fleet_executor.running == {begins.callback.key, lost.callback.key}


def test_a_callback_that_loses_its_worker_runs_again_a_few_times(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "UNBEGUN_BACKOFF", Backoff(first=0.0, most=0.0))
    workload = callback()
    send(fleet_executor, workload)
    for tries in range(1 + flights.MOST_CALLBACK_LOSSES):
        celery_id = message(fleet_executor).headers["id"]
        fleet_executor.celery_app.backend.store_result(begun_mark(celery_id), None, "STARTED")
        look(fleet_executor)
        assert fleet_executor._reconciler.watched == {}
        fleet_executor.celery_app.backend.mark_as_failure(celery_id, LOST)
        look(fleet_executor)
        fleet_executor.sync()
        assert (fleet_executor.running == set()) is (tries == flights.MOST_CALLBACK_LOSSES)
    assert fleet_executor.get_event_buffer()[workload.callback.key][0] == CallbackState.FAILED


def test_a_callback_whose_worker_is_not_heard_of_any_more_runs_again_a_few_times(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flights, "UNBEGUN_BACKOFF", Backoff(first=0.0, most=0.0))
    workload = callback()
    send(fleet_executor, workload)
    for beat in range(2 * flights.MOST_SILENT_LOOKS):  # as long as it is heard of, it runs
        says_that_it_runs(fleet_executor, workload, beat)
        look(fleet_executor)
    for tries in range(1 + flights.MOST_CALLBACK_LOSSES):
        assert message(fleet_executor).headers["id"] == workload.callback.id
        says_that_it_runs(fleet_executor, workload, -1)
        for looks in range(1 + flights.MOST_SILENT_LOOKS):
            assert fleet_executor.running, looks
            look(fleet_executor)
        fleet_executor.sync()
        assert (fleet_executor.running == set()) is (tries == flights.MOST_CALLBACK_LOSSES)
    state, why = fleet_executor.get_event_buffer()[workload.callback.key]
    assert (state, why) == (CallbackState.FAILED, "It was lost with its worker too often")


def silent_but_for_one_look(executor: FleetExecutor) -> ExecuteCallback:
    """A callback of which the executor has heard once; at the next look it is given up for lost."""
    workload = callback()
    send(executor, workload)
    says_that_it_runs(executor, workload, 1)
    for _ in range(flights.MOST_SILENT_LOOKS - 1):
        look(executor)
    return workload


def test_the_result_of_a_callback_that_comes_after_it_was_given_up_for_lost_is_its_end(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload = silent_but_for_one_look(fleet_executor)
    with monkeypatch.context() as late:
        answers = fleet_executor._witness.answers

        def answer_just_before(results: Any) -> Any:
            found = answers(results)
            fleet_executor.celery_app.backend.store_result(workload.callback.id, None, "SUCCESS")
            return found

        late.setattr(fleet_executor._witness, "answers", answer_just_before)
        look(fleet_executor)
    assert [flight.unbegun for flight in fleet_executor.flights.values()] == [1]
    look(fleet_executor)
    assert fleet_executor.get_event_buffer()[workload.callback.key][0] == CallbackState.SUCCESS


def test_who_cannot_be_heard_is_not_taken_for_silent(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent_but_for_one_look(fleet_executor)
    with monkeypatch.context() as away:
        away.setattr(fleet_executor.celery_app.backend, "get_task_meta", lambda _: 1 / 0)
        look(fleet_executor)
    for _ in range(flights.MOST_SILENT_LOOKS - 1):
        look(fleet_executor)
    assert [flight.unbegun for flight in fleet_executor.flights.values()] == [0]


def test_a_loss_is_not_hidden_by_what_other_schedulers_have_in_the_queue(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with RabbitMQ, which tells numbers only."""
    fleet_executor.job_id = 1
    workload, others = task(), [task(name=f"other{number}") for number in range(3)]
    for one in (workload, *others):
        write(database, one, "queued")
    table = TaskInstance.__table__
    with database.begin() as connection:
        ids = [one.ti.id for one in others]
        connection.execute(sqlalchemy.update(table).values(queue="default", queued_by_job_id=1))  # type: ignore[arg-type]
        connection.execute(
            sqlalchemy.update(table).where(table.c.id.in_(ids)).values(queued_by_job_id=2)  # type: ignore[arg-type]
        )
    send(fleet_executor, workload)
    for number, doubted, mine in ((3, False, 3), (3, True, 0), (4, True, 1)):
        waiting = {"default": Waiting(number)}
        monkeypatch.setattr(fleet_executor._publisher, "look", lambda _, waiting=waiting: ("epoch", waiting))
        for watched in fleet_executor._reconciler.watched.values():
            watched.doubted = doubted
        _, found = fleet_executor._look_into_broker({"default"})
        assert found["default"].count - found["default"].of_others == mine
    told = {"default": Waiting(1, frozenset({"another"}))}
    monkeypatch.setattr(fleet_executor._publisher, "look", lambda _: ("epoch", told))
    assert fleet_executor._look_into_broker({"default"}) == ("epoch", told)


def test_callbacks_that_another_scheduler_had_queued_are_sent_only_when_their_messages_are_lost(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    ended, runs, lost, new = (callback() for _ in range(4))
    fleet_executor.celery_app.backend.store_result(ended.callback.id, None, "SUCCESS")
    says_that_it_runs(fleet_executor, ended, 1)
    says_that_it_runs(fleet_executor, runs, 1)
    fleet_executor.take_over([one.callback.id for one in (ended, runs, lost)])
    send(fleet_executor, ended, runs, lost, new)
    assert fleet_executor.known_callbacks() == {one.callback.key for one in (ended, runs, lost, new)}
    look(fleet_executor)
    fleet_executor._reconciler._look_at = 0.0
    fleet_executor.sync()
    assert [message(fleet_executor).headers["id"] for _ in range(2)] == [new.callback.id, lost.callback.id]
    assert fleet_executor.get_event_buffer()[ended.callback.key][0] == CallbackState.SUCCESS
    assert fleet_executor.known_callbacks() == {one.callback.key for one in (runs, lost, new)}


def test_a_callback_that_is_queued_a_second_time_is_not_sent_a_second_time(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    workload = callback()
    send(fleet_executor, workload)
    says_that_it_runs(fleet_executor, workload, 1)
    send(fleet_executor, workload)
    look(fleet_executor)
    assert message(fleet_executor).headers["id"] == workload.callback.id
    with pytest.raises(Empty):
        message(fleet_executor)


def says_that_it_runs(fleet_executor: FleetExecutor, workload: ExecuteCallback, beat: int) -> None:
    """What a worker does while it runs a callback."""
    fleet_executor.celery_app.backend.store_result(begun_mark(workload.callback.id), beat, "STARTED")


def test_what_was_queued_by_a_scheduler_that_is_gone_is_watched(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    goes_on, ended, no_id = (row(f"t{number}") for number in range(3))
    no_id.external_executor_id = None
    write(database, task(goes_on.id, goes_on.external_executor_id, "t0"), "running")
    write(database, task(ended.id, ended.external_executor_id, "t1"), "success")
    assert list(fleet_executor.try_adopt_task_instances([goes_on, ended, no_id])) == [no_id]
    look(fleet_executor)
    assert fleet_executor.running == {goes_on.key}
    assert fleet_executor._reconciler.watched == {}


def test_a_message_of_a_scheduler_that_is_gone_is_doubted_until_it_is_seen_to_wait(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    queued = row("t")
    queued.state, queued.queue = TaskInstanceState.QUEUED, "default"
    workload = task(queued.id, queued.external_executor_id, "t")
    write(database, workload, "queued")
    assert list(fleet_executor.try_adopt_task_instances([queued])) == []
    celery_id = str(queued.external_executor_id)
    assert fleet_executor._reconciler.watched[celery_id].unsent_from is not None
    fleet_executor._publisher.send(workload.model_dump_json(), task_id=celery_id, queue="default", keep_result=False)
    look(fleet_executor)  # one message for one queued attempt: nothing is missing
    assert not fleet_executor._reconciler.watched[celery_id].doubted
    assert message(fleet_executor).headers["id"] == celery_id


def test_what_was_sent_by_a_connection_that_was_lost_is_doubted_when_the_next_message_is_sent(
    fleet_executor: FleetExecutor,
) -> None:
    first, second, third = (task(name=f"t{number}") for number in range(3))
    send(fleet_executor, first, second)
    watched = fleet_executor._reconciler.watched
    assert not any(one.doubted for one in watched.values())
    fleet_executor._publisher.close()
    send(fleet_executor, third)
    assert {name for name, one in watched.items() if one.doubted} == {
        first.ti.external_executor_id,
        second.ti.external_executor_id,
    }


def test_a_revoked_task_is_forgotten(fleet_executor: FleetExecutor) -> None:
    workload = task()
    send(fleet_executor, workload)
    fleet_executor.revoke_task(ti=row("t"))
    assert (fleet_executor.running, fleet_executor.flights, fleet_executor.workloads) == (set(), {}, {})


def test_without_a_broker_everything_stays_queued_and_is_sent_when_it_is_back(without_broker: FleetExecutor) -> None:
    tasks = [task(name=f"t{number}") for number in range(3)]
    send(without_broker, *tasks)
    assert set(without_broker.queued_tasks) == {each.key for each in tasks}
    assert (without_broker.running, without_broker.get_event_buffer()) == (set(), {})
    first_pause = without_broker._backoff.broker_at
    without_broker.trigger_tasks(8)  # in the pause: not even tried
    assert without_broker._backoff.broker_at == first_pause
    broker_is_back(without_broker)
    assert not without_broker.queued_tasks
    assert without_broker.running == {each.key for each in tasks}


def test_pauses_between_attempts_to_reach_the_broker_grow_and_end_with_the_first_success(
    without_broker: FleetExecutor,
) -> None:
    send(without_broker, task())
    pauses = []
    for _ in range(3):
        without_broker._backoff.broker_at = 0.0
        without_broker.trigger_tasks(8)
        pauses.append(without_broker._backoff.broker_at - time.monotonic())
    assert pauses == pytest.approx([1.0, 1.0, 1.0], abs=0.3)  # the half second was after the first try
    broker_is_back(without_broker)
    assert without_broker._backoff.unreached == 0


def refused(fleet_executor: FleetExecutor, count: int) -> list[ExecuteTask]:
    """Tasks for a queue that is refused, as RabbitMQ refuses one that was made otherwise; of high priority."""
    fleet_executor.celery_app.amqp.queues.create_missing = False
    workloads = [task(name=f"refused{number}") for number in range(count)]
    for workload in workloads:
        workload.ti.queue, workload.ti.priority_weight = "classic", 9
    return workloads


def test_messages_that_are_refused_keep_nothing_from_those_behind_them(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    others = refused(fleet_executor, 8)
    one = task(name="one")
    send(fleet_executor, *others, one)
    fleet_executor.trigger_tasks(8)
    assert fleet_executor.running == {one.key}
    assert set(fleet_executor.queued_tasks) == {other.key for other in others}


def test_while_a_message_is_refused_it_is_seen_which_others_are_missing(
    fleet_executor: FleetExecutor, database: sqlalchemy.Engine
) -> None:
    one = task(name="one")
    write(database, one, "queued")
    send(fleet_executor, one, *refused(fleet_executor, 1))
    fleet_executor.trigger_tasks(8)
    message(fleet_executor)  # as if it was lost
    look(fleet_executor)
    assert fleet_executor._reconciler.watched[one.ti.external_executor_id or ""].missing_since is not None


def test_a_message_that_is_refused_is_tried_again_later_each_time_and_sent_when_it_is_taken(
    fleet_executor: FleetExecutor,
) -> None:
    (one,) = refused(fleet_executor, 1)
    send(fleet_executor, one)
    pauses = []
    for _ in range(9):
        refusal = fleet_executor._backoff.refused[one.key]
        pauses.append(refusal.again_at - time.monotonic())
        fleet_executor.event_buffer.clear()
        fleet_executor.patience_seconds = 5.0
        assert 0.0 < fleet_executor._patience(sent_anything=True) <= pauses[-1]
        fleet_executor._backoff.refused[one.key] = replace(refusal, again_at=0.0)
        assert fleet_executor._patience(sent_anything=False) == 0.0
        fleet_executor.trigger_tasks(8)
    assert pauses == pytest.approx([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0], abs=0.3)
    fleet_executor._backoff.refused[one.key] = replace(refusal, again_at=0.0)
    fleet_executor.celery_app.amqp.queues.create_missing = True
    fleet_executor.trigger_tasks(8)
    assert fleet_executor.running == {one.key}
    assert fleet_executor._backoff.refused == {}


def test_without_postgresql_a_heartbeat_waits_and_does_not_when_there_is_something_to_do(
    fleet_executor: FleetExecutor,
) -> None:
    assert fleet_executor.listener is None
    assert fleet_executor._patience(sent_anything=False) == module.WAIT_SECONDS
    assert fleet_executor._patience(sent_anything=True) == 0.0
    fleet_executor.patience_seconds = 0.25  # a scheduler that knows when something is due
    assert fleet_executor._patience(sent_anything=True) == 0.25
    fleet_executor.freed = True
    assert fleet_executor._patience(sent_anything=False) == 0.0


def test_with_nothing_to_see_to_a_heartbeat_rests_as_long_as_the_scheduler_allows(
    fleet_executor: FleetExecutor,
) -> None:
    fleet_executor.patience_seconds = 5.0
    assert fleet_executor._patience(sent_anything=False) == 5.0
    send(fleet_executor, task())
    fleet_executor.event_buffer.clear()
    assert fleet_executor.flights
    assert fleet_executor._patience(sent_anything=False) == module.WAIT_SECONDS
