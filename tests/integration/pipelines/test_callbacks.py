"""Claims on callbacks in a real database: no callback is lost with who had it, and none is run for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.callbacks.callback_requests import DagCallbackRequest
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager
from airflow.jobs.job import Job
from airflow.models.base import Base
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.models.team import Team
from airflow.models.trigger import Trigger
from airflow.utils.state import CallbackState, JobState
from sqlalchemy import create_engine, delete, select
from sqlalchemy.orm import Session

from airfleet.dag_processor import callback_requests, callback_running, release_rows
from airfleet.dag_processor.callback_requests import Claimed
from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from airfleet.monitor import process_exit
from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.releases.places import Places
from support.databases import NewDatabase, with_tables

ME, OTHER = "host/dag-processor", "elsewhere/dag-processor"


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    return with_tables(new_database("callbacks"), Base.metadata, Team, Trigger, Job, DbCallbackRequest)


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    with Session(engine) as opened:
        yield opened
        opened.rollback()
        for model in (DbCallbackRequest, Job):
            opened.execute(delete(model))
        opened.commit()
    engine.dispose()


def ask(session: Session, count: int, bundle: str = "pipelines") -> list[str]:
    """Store requests as a scheduler does; the runs that they are about."""
    runs = [f"{bundle}-{number}" for number in range(count)]
    for run in runs:
        request = DagCallbackRequest(
            filepath="shop.yaml", dag_id="shop", run_id=run, bundle_name=bundle, bundle_version=None
        )
        session.add(DbCallbackRequest(callback=request, priority_weight=1))
    session.commit()
    return runs


def job(session: Session, state: JobState = JobState.RUNNING, silent_seconds: float = 0.0) -> int:
    made = Job(job_type="DagProcessorJob", state=state)
    made.latest_heartbeat = datetime.now(UTC) - timedelta(seconds=silent_seconds)
    session.add(made)
    session.commit()
    return int(made.id)


def claim(session: Session, by: str, of_job: int, most: int = 100) -> list[Claimed]:
    return callback_requests.claim(session, ["pipelines"], most, by, of_job)


def runs(claimed: list[Claimed]) -> list[str]:
    return [str(one.request.run_id) for one in claimed]  # type: ignore[union-attr]


def test_a_callback_is_claimed_once_and_gone_when_it_was_run(session: Session) -> None:
    asked = ask(session, 3)
    ask(session, 1, bundle="of others")
    first, second = claim(session, ME, 1, most=2), claim(session, OTHER, 2)
    assert runs(first) + runs(second) == asked
    assert claim(session, ME, 1) == []
    callback_requests.done(session, callback_requests.rows(first + second))
    assert [row.bundle_name for row in session.scalars(select(DbCallbackRequest))] == ["of others"]


def test_who_starts_again_gives_back_what_it_had_before(session: Session) -> None:
    asked = ask(session, 3)
    before, now = job(session), job(session)
    assert runs(claim(session, ME, before)) == asked
    assert callback_requests.release_dead(session, ME, now) == 3
    again = claim(session, ME, now)
    assert runs(again) == asked
    assert not any(one.is_suspect for one in again)


def test_what_others_run_is_left_to_them_while_they_live(session: Session) -> None:
    ask(session, 1)
    theirs, mine = job(session), job(session)
    claim(session, OTHER, theirs)
    assert callback_requests.release_dead(session, ME, mine) == 0
    assert claim(session, ME, mine) == []


@pytest.mark.parametrize(("state", "silent"), [(JobState.FAILED, 0.0), (JobState.SUCCESS, 0.0), (JobState.RUNNING, 60)])
def test_what_the_dead_had_is_given_back(session: Session, state: JobState, silent: float) -> None:
    asked = ask(session, 2)
    theirs, mine = job(session, state, silent), job(session)
    claim(session, OTHER, theirs)
    assert callback_requests.release_dead(session, ME, mine) == 2
    assert runs(claim(session, ME, mine)) == asked


def test_what_costs_processes_is_run_alone_and_given_up_at_last(session: Session) -> None:
    ask(session, 1)
    for crash in range(callback_requests.MOST_CRASHES):
        claimed = claim(session, ME, 1)
        assert [one.is_suspect for one in claimed] == [crash > 0]
        callback_requests.crashed(session, callback_requests.rows(claimed))
    assert claim(session, ME, 1) == []
    assert session.scalars(select(DbCallbackRequest)).one().state == CallbackState.FAILED


def test_what_cannot_be_read_is_given_up_and_the_others_run(session: Session) -> None:
    asked = ask(session, 2)
    broken = session.scalars(select(DbCallbackRequest)).first()
    assert broken is not None
    broken.data = {"req_class": "NoSuchRequest", "req_data": "{}"}
    session.commit()
    assert len(runs(claim(session, ME, 1))) == len(asked) - 1
    assert claim(session, ME, 1) == []


def test_suspects_are_run_one_by_one_after_all_others(session: Session) -> None:
    ask(session, 4)
    one, two, three, four = claim(session, ME, 1)
    suspect = [Claimed(found.request, found.row, crashes=1) for found in (two, three)]
    assert callback_requests.first_batch([one, *suspect, four]) == ([one, four], suspect)
    assert callback_requests.first_batch(suspect) == (suspect[:1], suspect[1:])
    assert callback_requests.first_batch([]) == ([], [])
    worse = Claimed(one.request, one.row, crashes=2)
    assert callback_requests.first_batch([worse, *suspect]) == (suspect[:1], [suspect[1], worse])


# --- whose process is killed --------------------------------------------------------------------------

FILE = DagFileInfo(rel_path=Path("shop.yaml"), bundle_name="pipelines", bundle_path=Path("/nowhere"))


@pytest.fixture
def manager(session: Session, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PipelineFileProcessorManager]:
    """A dag-processor whose processes are none, and end when they are told to."""
    engine = create_engine(url)

    @contextmanager
    def create_session() -> Iterator[Session]:
        with Session(engine) as opened, opened.begin():
            yield opened

    def collect(self: Any) -> None:
        for file in [file for file, process in self._processors.items() if process.is_ready]:
            del self._processors[file]

    def create(self: Any, file: DagFileInfo) -> Any:
        self._callback_to_execute.pop(file, None)
        return SimpleNamespace(is_ready=False, _exit_code=0, was_through=True)

    monkeypatch.setattr(callback_running, "create_session", create_session)
    monkeypatch.setattr(process_exit, "notice", lambda process: None)
    monkeypatch.setattr(PipelineFileProcessorManager, "_start_process", create)
    monkeypatch.setattr(DagFileProcessorManager, "_collect_results", collect)
    yield PipelineFileProcessorManager(max_runs=-1)
    engine.dispose()


def let_it_call(manager: PipelineFileProcessorManager, claimed: list[Claimed]) -> None:
    """As the manager does with callbacks that it has claimed, and for a file that is parsed."""
    manager._claims |= {id(one.request): one for one in claimed}
    if claimed:
        manager._callback_to_execute[FILE] = [one.request for one in claimed]
    manager._processors[FILE] = manager._create_process(FILE)


def kill(manager: PipelineFileProcessorManager) -> None:
    """As Airflow does with a process that takes too long."""
    del manager._processors[FILE]


def end_well(manager: PipelineFileProcessorManager, was_through: bool = True) -> None:
    process: Any = manager._processors[FILE]
    process.is_ready, process.was_through = True, was_through
    manager._collect_results()


@pytest.mark.parametrize("arrived", [0, 1], ids=["the file was edited", "another callback has arrived"])
def test_callbacks_whose_process_was_killed_are_given_back_when_the_file_starts_again_at_once(
    session: Session, manager: PipelineFileProcessorManager, arrived: int
) -> None:
    asked = ask(session, 2)
    let_it_call(manager, claim(session, ME, 1))
    ask(session, arrived, bundle="pipelines")
    others = claim(session, ME, 1)
    kill(manager)
    let_it_call(manager, others)
    end_well(manager)
    session.expire_all()
    left = session.scalars(select(DbCallbackRequest)).all()
    assert [(row.state, callback_requests.Claim.read(row.output).crashes) for row in left] == [(None, 1)] * 2
    again = claim(session, ME, 1)
    assert sorted(runs(again)) == asked
    assert all(one.is_suspect for one in again)


def test_callbacks_that_were_run_are_forgotten_and_nothing_else_is(
    session: Session, manager: PipelineFileProcessorManager
) -> None:
    ask(session, 2)
    let_it_call(manager, claim(session, ME, 1))
    end_well(manager)
    assert session.scalars(select(DbCallbackRequest)).all() == []
    let_it_call(manager, [])
    end_well(manager)
    assert manager._calling == {}


def test_a_callback_that_ends_its_process_by_exit_code_0_costs_others_nothing(
    session: Session, manager: PipelineFileProcessorManager
) -> None:
    asked = ask(session, 2)
    let_it_call(manager, claim(session, ME, 1))
    end_well(manager, was_through=False)
    session.expire_all()
    again = claim(session, ME, 1)
    assert sorted(runs(again)) == asked
    for number, alone in enumerate(again, start=1):
        let_it_call(manager, [alone])
        end_well(manager, was_through=False)
        session.expire_all()
        assert len(session.scalars(select(DbCallbackRequest)).all()) == 2 - number


# --- whose release is not here ------------------------------------------------------------------------


@pytest.fixture
def waiting(
    manager: PipelineFileProcessorManager, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Places:
    """The releases of the manager's bundle; the run of a callback has release ``one``, its request says another."""
    ask(session, 1)
    places = Places(tmp_path)
    manager._dag_bundles = [PipelineBundle(name="pipelines", path="/nowhere", releases=str(tmp_path))]
    monkeypatch.setattr(release_rows, "of_run", lambda _session, _request: "one")
    monkeypatch.setattr(callback_running, "create_session", lambda: Session(session.get_bind()))
    monkeypatch.setattr(callback_running, "_requests", lambda: (False, True))
    monkeypatch.setattr(DagBundlesManager, "get_bundle", lambda *_, **__: manager._dag_bundles[0])
    return places


def next_requests(manager: PipelineFileProcessorManager) -> list[Any]:
    manager._asked_to_call = True
    found: list[Any] = manager.fetch_callbacks()
    for request in found:
        request.bundle_version = "moved on"
    return found


def test_a_callback_waits_for_the_release_of_its_run_and_runs_with_it(
    manager: PipelineFileProcessorManager, session: Session, waiting: Places
) -> None:
    for _ in range(2):
        (request,) = next_requests(manager)
        assert manager.prepare_callback_bundle(request) is None
    assert len(manager._claims) == 1
    waiting.tree("one").mkdir(parents=True)
    (request,) = next_requests(manager)
    assert manager.prepare_callback_bundle(request) is manager._dag_bundles[0]
    assert request.bundle_version == "one"
    assert next_requests(manager) == []
    assert session.scalars(select(DbCallbackRequest)).one().state == CallbackState.RUNNING


def test_a_callback_whose_release_does_not_come_is_given_up_at_last(
    manager: PipelineFileProcessorManager, session: Session, waiting: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_running, "AWAIT_RELEASE_SECONDS", 0.0)
    monkeypatch.setattr(DagBundlesManager, "get_bundle", raising)
    (request,) = next_requests(manager)
    assert manager.prepare_callback_bundle(request) is None
    assert next_requests(manager) == []
    session.expire_all()
    assert session.scalars(select(DbCallbackRequest)).all() == []


def raising(*_: object, **__: object) -> None:
    raise ValueError("no such bundle")
