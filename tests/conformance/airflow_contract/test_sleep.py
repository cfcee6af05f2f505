"""What we rely on in Airflow for components that end while they have nothing to do."""

from __future__ import annotations

import inspect

import pytest
from airflow.api_fastapi.core_api import app as core_app
from airflow.dag_processing.manager import DagFileProcessorManager, DagFileStat
from airflow.jobs.job import Job, run_job
from airflow.jobs.triggerer_job_runner import TriggererJobRunner, TriggerRunnerSupervisor
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.db_callback_request import DbCallbackRequest
from airflow.models.trigger import Trigger

from airfleet.agent.sleep import work


def test_the_loop_of_the_dag_processor_ends_when_all_runs_are_done() -> None:
    source = inspect.getsource(DagFileProcessorManager._run_parsing_loop)
    assert "if self.max_runs_reached():" in source
    assert source.index("self.max_runs_reached()") > source.index("self.fetch_callbacks()")


def test_a_file_that_has_a_statistic_is_no_new_one() -> None:
    assert "for file in self._file_stats" in inspect.getsource(DagFileProcessorManager._add_new_files_to_queue)
    names = {"num_dags", "import_errors", "last_finish_time", "run_count"}
    assert names <= set(inspect.signature(DagFileStat).parameters)


@pytest.mark.parametrize("name", ["prepare_bundles", "max_runs_reached", "request_bundle_refresh"])
def test_the_dag_processor_has_what_we_override(name: str) -> None:
    assert callable(getattr(DagFileProcessorManager, name))


def test_the_triggerer_asks_before_each_turn_whether_to_stop() -> None:
    assert "while not self.should_stop():" in inspect.getsource(TriggerRunnerSupervisor.run)
    assert callable(TriggererJobRunner._execute)


def test_a_job_ends_only_after_its_function_has_returned() -> None:
    """Whoever ends the process in it leaves the row as it is."""
    source = inspect.getsource(run_job)
    assert source.index("execute_job") < source.index("complete_execution")


def test_the_tables_and_columns_of_our_statements_exist() -> None:
    job = {column.name: column for column in Job.__table__.columns}
    given = {"job_type", "state", "hostname", "start_date", "latest_heartbeat"}
    assert given | {"id", "end_date"} <= job.keys()
    needed = {name for name, column in job.items() if not column.nullable and column.default is None}
    assert needed - given <= {"id"}, "a row is made without these"
    assert f"FROM {Trigger.__tablename__})" in work._LOOK
    assert f"FROM {DagPriorityParsingRequest.__tablename__})" in work._LOOK
    assert f"FROM {DbCallbackRequest.__tablename__} WHERE" in work._LOOK
    assert {"type", "state"} <= set(DbCallbackRequest.__table__.columns.keys())


def test_the_application_of_the_api_keeps_the_key_of_its_tokens_where_we_set_it() -> None:
    source = inspect.getsource(core_app)
    assert 'app.state.secret_key = get_signing_key("api", "secret_key")' in source
