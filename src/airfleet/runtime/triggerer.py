"""Airflow's triggerer, at rest while nothing is deferred. [A]

Stock asks the database some eight questions a second, whether any task is deferred or not: which triggers nobody
runs, which are mine, which are needed no more. While there is no trigger at all, here or in the database, one small
question a second is enough to notice the first.
"""

from __future__ import annotations

import os
from typing import Any

import structlog
from airflow import settings
from airflow._shared.observability.metrics import stats
from airflow.configuration import conf
from airflow.jobs.triggerer_job_runner import TriggererJobRunner, TriggerRunnerSupervisor
from airflow.sdk.observability.metrics import stats_utils
from sqlalchemy import text

log = structlog.get_logger(logger_name=__name__)

_ANY_TRIGGER = text("SELECT EXISTS (SELECT 1 FROM trigger)")


class RestingTriggerRunner(TriggerRunnerSupervisor):
    """Runs triggers as Airflow does; looks for them only when there are any."""

    _resting: bool = False

    def load_triggers(self) -> None:
        """Take on triggers that nobody runs, when there are any."""
        self._resting = not self._has_any()
        if not self._resting:
            super().load_triggers()

    def clean_unused(self) -> None:
        """Remove triggers that no task waits for, when there are any."""
        if not self._resting:
            super().clean_unused()

    def _has_any(self) -> bool:
        if self.running_triggers or self.creating_triggers or self.cancelling_triggers:
            return True
        with settings.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return bool(connection.execute(_ANY_TRIGGER).scalar())


class FleetTriggererJobRunner(TriggererJobRunner):
    """Airflow's job of the triggerer, with a runner that rests."""

    def _execute(self) -> int | None:
        """As Airflow's own, which names the class of its runner in its body."""
        before = os.environ.get("_AIRFLOW_PROCESS_CONTEXT")
        # Requests of the runner for connections are answered with the server's secrets backends.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        self.register_signals()
        stats.initialize(
            factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
        )
        runner: Any = None
        try:
            runner = self.trigger_runner = RestingTriggerRunner.start(
                job=self.job, capacity=self.capacity, logger=log, queues=self.queues, team_name=self.team_name
            )
            runner.run()
            code: int | None = runner._exit_code
            return code
        finally:
            log.info("Waiting for triggers to clean up")
            if runner is not None:
                runner.kill(escalation_delay=10, force=True)
            _restore("_AIRFLOW_PROCESS_CONTEXT", before)


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
