"""Components that are jobs of Airflow: scheduler, dag-processor, triggerer. [A]"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from airfleet.spool import job_marks
from airfleet.zygote import component_sleep
from airfleet.zygote.component_settings import Options, end_on_signals, use_database


def scheduler(_: Options) -> None:
    """Run ``airflow scheduler --skip-serve-logs``, looking only where something may have changed."""
    from airflow.jobs.job import Job, run_job

    from airfleet.monitor import guarded_listeners
    from airfleet.scheduler.job_runner import FleetSchedulerJobRunner

    use_database()
    end_on_signals()
    guarded_listeners.guard()
    runner = FleetSchedulerJobRunner(job=Job())
    run_job(job=runner.job, execute_callable=lambda: _with_its_job_known(runner))


def dag_processor(options: Options) -> None:
    """Run ``airflow dag-processor``, with our discovery of pipelines."""
    from airfleet.dag_processor.job_runner import run_dag_processor
    from airfleet.dag_processor.rest import RestingManager
    from airfleet.monitor import guarded_listeners

    use_database()
    end_on_signals()
    guarded_listeners.guard()

    def rests(manager: RestingManager) -> None:
        component_sleep.end(manager.due_seconds(), manager.watched, manager.noted())

    run_dag_processor(tell_job, component_sleep.after_seconds(options), component_sleep.take_notes(), rests)


def triggerer(options: Options) -> None:
    """Run ``airflow triggerer --skip-serve-logs``."""
    from airflow.configuration import conf
    from airflow.jobs.job import Job, run_job
    from airflow.sdk._shared.secrets_masker import SecretsMasker

    from airfleet.monitor import guarded_listeners
    from airfleet.triggerer.job_runner import FleetTriggererJobRunner

    use_database()
    end_on_signals()
    guarded_listeners.guard()
    SecretsMasker.enable_log_masking()
    runner = FleetTriggererJobRunner(
        job=Job(heartrate=conf.getfloat("triggerer", "JOB_HEARTBEAT_SEC")),
        capacity=conf.getint("triggerer", "capacity"),
    )
    runner.sleep_after_seconds = component_sleep.after_seconds(options)

    def execute() -> int | None:
        code = _with_its_job_known(runner)
        if runner.rests:
            component_sleep.end()
        return code

    run_job(job=runner.job, execute_callable=execute)


def _with_its_job_known(runner: Any) -> int | None:
    """Tell the agent of a job that is in the database now, and run it."""
    tell_job(runner.job)
    code: int | None = runner._execute()
    return code


def tell_job(job: Any) -> None:
    """Tell the agent the row of this process, for the day that the process is gone."""
    name = os.environ["AIRFLEET_COMPONENT"]
    try:
        job_marks.write_job(Path(os.environ["AIRFLOW_HOME"]), job_marks.JobMark(name, os.getpid(), job.id))
    except OSError as refused:  # the agent cannot hear the heartbeat then, and may end it
        print(f"the agent is not told which job this is: {refused}", file=sys.stderr)
