"""Airflow's triggerer, at rest while nothing is deferred, and alive while its database is away. [A]

Stock asks the database some eight questions a second, whether any task is deferred or not: which triggers nobody
runs, which are mine, which are needed no more. While there is no trigger at all, here or in the database, one small
question a second is enough to notice the first.

Stock ends when one of these questions is not answered, and its triggers begin anew elsewhere. Here they go on: what
they tell is kept, and told when the database is back. Another triggerer may have taken them over by then; the database
says so, and they are ended here.

A trigger that cannot be made, or tells what the database refuses, fails with its task, and no other one: stock's
triggerer ends, and ends again as soon as it has the trigger back.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog
from airflow import settings
from airflow._shared.observability.metrics import stats
from airflow._shared.timezones import timezone
from airflow.configuration import conf
from airflow.jobs.triggerer_job_runner import TriggererJobRunner, TriggerRunner, TriggerRunnerSupervisor
from airflow.sdk.observability.metrics import stats_utils
from airflow.utils.session import create_session
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError

from airfleet import clocks, database_errors, ends
from airfleet.runtime import unloadable_rows

log = structlog.get_logger(logger_name=__name__)

_AWAY = (OperationalError, InterfaceError)
_ANY_TRIGGER = text("SELECT EXISTS (SELECT 1 FROM trigger)")


class RestingTriggerRunner(TriggerRunnerSupervisor):
    """Runs triggers as Airflow does; looks for them only when there are any."""

    _resting: bool = False
    _away: bool = False

    @classmethod
    def start(cls, **kwargs: Any) -> RestingTriggerRunner:
        """As Airflow's; its end is noticed at once, too."""
        runner: RestingTriggerRunner = super().start(**kwargs)
        ends.notice(runner)
        return runner

    def run_once(self) -> None:
        """One turn of the loop, whatever of it the database allows."""
        answered = self._if_answered(self.load_triggers)
        self._service_subprocess(1)  # triggers run on, and the runner must not believe that nobody listens
        if not answered:
            return
        for step in (self.handle_events, self.handle_failed_triggers, self.clean_unused, self.heartbeat):
            if not self._if_answered(step):
                return
        self.emit_metrics()  # type: ignore[no-untyped-call]

    def _if_answered(self, step: Callable[[], None]) -> bool:
        """Whether the database answered all that this step asked of it."""
        try:
            step()
        except _AWAY as error:
            if not self._away:
                log.warning("The database does not answer; triggers go on", error=str(error.orig).strip())
            self._away = True
            return False
        if self._away:
            self._away = False
            log.warning("The database answers again")
        return True

    def load_triggers(self) -> None:
        """Take on triggers that nobody runs, when there are any."""
        self._resting = not self._has_any()
        if not self._resting:
            super().load_triggers()

    def update_triggers(self, requested_trigger_ids: set[int]) -> None:
        """As Airflow's; a trigger of which the rows cannot be loaded fails alone."""
        try:
            super().update_triggers(requested_trigger_ids)
            return
        except _AWAY:
            raise
        except Exception:
            log.exception("Triggers cannot be loaded; each is tried alone")
        self._mend_rows()
        for trigger_id in sorted(requested_trigger_ids - self.running_triggers):
            self._load_alone(trigger_id)

    def _mend_rows(self) -> None:
        with create_session() as session:
            for row in unloadable_rows.mend(session):
                log.error("A row cannot be loaded", row=str(row), key=str(row.key))

    def _load_alone(self, trigger_id: int) -> None:
        try:
            super().update_triggers({trigger_id} | self.running_triggers)
        except _AWAY:
            raise
        except Exception as error:
            log.exception("A trigger cannot be loaded; it fails", trigger_id=trigger_id)
            self.failed_triggers.append((trigger_id, [f"The trigger cannot be loaded: {error!r}"[:1000]]))

    def heartbeat(self) -> None:
        """As Airflow's, also when the clock was set back."""
        if self.job is not None:
            clocks.catch_up(self.job, timezone.utcnow())
        super().heartbeat()  # type: ignore[no-untyped-call]

    def clean_unused(self) -> None:
        """Remove triggers that no task waits for, when there are any."""
        if not self._resting:
            super().clean_unused()

    @classmethod
    def run_in_process(cls) -> None:
        """What the process of the triggers does."""
        CarefulTriggerRunner().run()  # type: ignore[no-untyped-call]

    def handle_events(self) -> None:
        """Store what triggers tell; what could not be stored is told again, what is refused fails its trigger."""
        for told, refused in self._in_full(self.events, super().handle_events):
            why = database_errors.storable(database_errors.in_words(refused))
            log.error("What a trigger tells cannot be stored; it fails", trigger_id=told.trigger_id, error=why)
            self.failed_triggers.append((told.trigger_id, [f"What the trigger tells cannot be stored: {why}"]))

    def handle_failed_triggers(self) -> None:
        """Store which triggers failed; what could not be stored is told again."""
        for (trigger_id, _), refused in self._in_full(self.failed_triggers, super().handle_failed_triggers):
            log.error("That a trigger failed cannot be stored", trigger_id=trigger_id, error=repr(refused)[:1000])

    def _in_full(self, line: deque[Any], handle: Callable[[], None]) -> list[tuple[Any, Exception]]:
        """Handle all of them; those that were refused, and why. Raises what says that the database is away."""
        refused: list[tuple[Any, Exception]] = []
        while line:
            waiting = tuple(line)
            try:
                handle()
            except Exception as error:
                # Airflow takes each out before it is stored: the last one taken was not.
                taken = waiting[len(waiting) - len(line) - 1]
                if isinstance(error, _AWAY):
                    line.appendleft(taken)
                    raise
                refused.append((taken, error))
        return refused

    def _has_any(self) -> bool:
        if self.running_triggers or self.creating_triggers or self.cancelling_triggers:
            return True
        with settings.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return bool(connection.execute(_ANY_TRIGGER).scalar())


class CarefulTriggerRunner(TriggerRunner):
    """Airflow's runner of triggers, for which one that cannot be made has failed, whatever it raises."""

    async def create_triggers(self) -> None:
        """Make the triggers that are waited for."""
        while self.to_create:
            waiting = list(self.to_create)
            try:
                await super().create_triggers()  # type: ignore[no-untyped-call]
            except Exception as error:
                left = {id(workload) for workload in self.to_create}
                # Airflow takes each out before it is made: the last one taken was not.
                failed = [workload for workload in waiting if id(workload) not in left][-1]
                log.exception("A trigger cannot be made; it fails", trigger_id=failed.id, classpath=failed.classpath)
                self.failed_triggers.append((failed.id, error))


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
