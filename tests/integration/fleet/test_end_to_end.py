"""The air-quality example on a real fleet, driven by Airflow's official client, compared value by value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import airflow_client.client as airflow
import httpx
import pytest

from airfleet.drill.waiting import wait_until
from support import air_quality_again
from support.fleets import EXAMPLE, GSOD, OZONE, AirQuality

RUN_SECONDS = 240.0
ROWS_PER_CHUNK = 200


@pytest.fixture(scope="module")
def client(air_quality_fleet: AirQuality) -> Iterator[airflow.ApiClient]:
    """The official client, logged in as a person would be: with the generated password."""
    snapshot = air_quality_fleet.fleet.snapshot()
    password = Path(snapshot.password_file).read_text().strip()
    answer = httpx.post(f"{snapshot.url}/auth/token", json={"username": snapshot.user, "password": password})
    assert answer.status_code == 201, answer.text
    configuration = airflow.Configuration(host=snapshot.url, access_token=answer.json()["access_token"])
    with airflow.ApiClient(configuration) as opened:
        yield opened


@pytest.fixture(scope="module")
def runs(air_quality_fleet: AirQuality, client: airflow.ApiClient) -> dict[str, airflow.DAGRunResponse]:
    """One finished run of each job; both run at the same time."""
    dags, dag_runs = airflow.DAGApi(client), airflow.DagRunApi(client)
    started = {}
    for job in (OZONE, GSOD):
        dag_id = f"{job}_job"
        air_quality_fleet.fleet.wait_for_dag(dag_id)
        dags.patch_dag(dag_id, airflow.DAGPatchBody(is_paused=False))
        body = airflow.TriggerDAGRunPostBody(logical_date=None, conf={"min_chunksize": ROWS_PER_CHUNK})
        started[job] = dag_runs.trigger_dag_run(dag_id, body)

    def finished(job: str) -> airflow.DAGRunResponse | None:
        run = dag_runs.get_dag_run(f"{job}_job", started[job].dag_run_id)
        return run if run.state in ("success", "failed") else None

    return {job: wait_until(lambda job=job: finished(job), RUN_SECONDS, f"{job} ends", 0.5) for job in started}


@pytest.mark.parametrize(
    ("job", "archives"), [(OZONE, "daily_44201_*.zip"), (GSOD, "20*.tar.gz")], ids=["ozone", "gsod"]
)
def test_a_triggered_job_succeeds_and_stores_what_the_archives_hold(
    air_quality_fleet: AirQuality, runs: dict[str, airflow.DAGRunResponse], job: str, archives: str
) -> None:
    assert runs[job].state == "success"
    sources = air_quality_fleet.archives(archives)
    entry = air_quality_again.read_job(EXAMPLE / "pipelines" / "air_quality.yaml", job)
    expected = air_quality_again.compare(air_quality_fleet.output, sources, entry, ROWS_PER_CHUNK)
    assert len(expected.rows) >= 1400  # the comparison had something to compare
    assert expected.rejected


def test_every_task_of_a_job_ran_once_on_the_queue_that_the_job_names(
    client: airflow.ApiClient, runs: dict[str, airflow.DAGRunResponse]
) -> None:
    for job, queue in ((OZONE, "queue_2"), (GSOD, "queue_1")):
        tasks = airflow.TaskInstanceApi(client).get_task_instances(f"{job}_job", runs[job].dag_run_id).task_instances
        assert {(t.task_id, t.state, t.try_number, t.queue) for t in tasks} == {
            (step, "success", 1, queue) for step in ("start", "fetch", "clean", "sort", "chunk", "store", "end")
        }


def test_a_fleet_that_calls_itself_healthy_runs_a_task_within_seconds(air_quality_fleet: AirQuality) -> None:
    fleet = air_quality_fleet.fleet
    assert fleet.snapshot().healthy
    fleet.wait_for_dag("hello")
    run = fleet.trigger("hello")
    assert fleet.wait_for_run("hello", run, seconds=60) == "success"
    found = fleet.api.get("dags", "hello", "dagRuns", run)
    queued, started = (dt.datetime.fromisoformat(found[key]) for key in ("queued_at", "start_date"))
    assert (started - queued).total_seconds() < 10
