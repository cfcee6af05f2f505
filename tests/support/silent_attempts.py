"""Asks a scheduler whose heartbeats are too old, of attempts on hosts that are there, cut off, gone or unknown. [A]

A process of its own, with Airflow configured for that database; prints what it found as JSON.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from support.beside_airflow import store_dags

DAG_ID = "silent"
#: the task of each attempt -> its host, as Airflow knows it, its last heartbeat and its state
OLD, GIVEN_UP = dt.timedelta(hours=2), None
ATTEMPTS: Mapping[str, tuple[str, dt.timedelta | None, str]] = {
    "seen": ("here.1", OLD, "running"),
    "seen_and_cleared": ("here.1", OLD, "restarting"),
    "cut_off": ("far.1", OLD, "running"),
    "given_up": ("here.1", GIVEN_UP, "running"),
    "of_a_former_life": ("here.0", OLD, "running"),
    "taken_over": ("gone.1", OLD, "running"),
    "of_no_host": ("pod-17", OLD, "running"),
    "heard": ("gone.1", dt.timedelta(), "running"),
}
HOSTS = "INSERT INTO airfleet_host (host, boot, hostname, pid, address, port, state, renewed_at) VALUES"
ROWS = (
    " ('here', '1', 'here.1', 1, '', 0, 'up', now()), ('far', '1', 'far.1', 1, '', 0, 'up', now() - interval '9 h'),"
    " ('gone', '1', 'gone.1', 1, '', 0, 'gone', now() - interval '9 h')"
)
DAG = f"""
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("{DAG_ID}", schedule=None):
    for task_id in {list(ATTEMPTS)}:
        EmptyOperator(task_id=task_id)
"""
#: who asks in a fleet with hosts, and in one without
WITH_HOSTS, WITHOUT = "here.1", "laptop"


def look() -> dict[str, Any]:
    """Look before there is a table of hosts, with hosts, and when there are none any more."""
    from airflow.configuration import conf

    from airfleet.metadata.migrations import runner
    from airfleet.system import host_name

    store_dags()
    job_id = _running()
    url = make_url(conf.get("database", "sql_alchemy_conn")).set(drivername="postgresql")
    told = {}
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        os.environ[host_name.HOST] = WITHOUT
        told["no table"] = _found(job_id)
        runner.apply(connection)
        connection.execute("INSERT INTO airfleet_api (since, beat) VALUES (now() - interval '1 day', now())")
        told["an empty table"] = _found(job_id)
        connection.execute((HOSTS + ROWS).encode())
        told["no hosts any more"] = _found(job_id)
        os.environ[host_name.HOST] = WITH_HOSTS
        told["hosts"] = _found(job_id)
    return told


def _running() -> int:
    from airflow.jobs.job import Job
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    from airfleet.scheduler.orphan_recovery import LONG_AGO

    now = dt.datetime.now(dt.UTC)
    with create_session() as session:
        job = Job(job_type="SchedulerJob", state="running")
        session.add(job)
        session.flush()
        serialized = SerializedDagModel.get(DAG_ID, session=session)
        assert serialized is not None
        run = serialized.dag.create_dagrun(
            run_id="one", logical_date=now, data_interval=(now, now), run_after=now, run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST, state=DagRunState.RUNNING, start_date=now, session=session,
        )  # fmt: skip
        for ti in run.task_instances:
            hostname, age, state = ATTEMPTS[ti.task_id]
            ti.hostname, ti.state, ti.queued_by_job_id = hostname, state, job.id
            ti.last_heartbeat_at = now - age if age is not None else LONG_AGO
        return int(job.id)


def _found(job_id: int) -> list[str]:
    """Give the tasks that a scheduler would give up, and how many others its session can see afterwards."""
    from airflow.jobs.job import Job
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    from airfleet.scheduler.job_runner import FleetSchedulerJobRunner

    with create_session() as session:
        runner = FleetSchedulerJobRunner(job=session.get(Job, job_id))
        found = runner._find_task_instances_without_heartbeats(session=session)
        assert all(ti.dag_model is not None and ti.dag_version is not None for ti in found)
        assert session.scalar(select(func.count()).select_from(TaskInstance)) == len(ATTEMPTS)
        return sorted(ti.task_id for ti in found)


if __name__ == "__main__":
    print(json.dumps(look()))
