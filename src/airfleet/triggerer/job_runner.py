"""Airflow's triggerer, at rest while nothing is deferred, and alive while its database is away. [A]

Stock asks the database some eight questions a second, whether any task is deferred or not: which triggers nobody
runs, which are mine, which are needed no more. While there is no trigger at all, here or in the database, one small
question a second is enough to notice the first.

Stock ends when one of these questions is not answered, and its triggers begin anew elsewhere. Here they go on: what
they tell is kept, and told when the database is back. Another triggerer may have taken them over by then; the database
says so, and they are ended here.

A trigger that cannot be made, or tells what the database refuses, fails with its task, and no other one: stock's
triggerer ends, and ends again as soon as it has the trigger back. So does a trigger that ends the process of the
triggers, or blocks it beyond interruption (:mod:`airfleet.triggerer.trigger_runner` handles other blocks). The board of
that process names the trigger (:mod:`airfleet.triggerer.trigger_steps`), and the others begin anew in another process.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import structlog
from airflow import settings
from airflow._shared.observability.metrics import stats
from airflow._shared.timezones import timezone
from airflow.configuration import conf
from airflow.jobs.triggerer_job_runner import TriggererJobRunner, TriggerRunnerSupervisor
from airflow.sdk.observability.metrics import stats_utils
from airflow.utils.session import create_session
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from airfleet.metadata import database_errors
from airfleet.monitor import process_exit
from airfleet.monitor.limits import BoundedMonitor
from airfleet.scheduler.isolation import unloadable_rows
from airfleet.system import clock_skew
from airfleet.trigger_failures import TriggerFailure, TriggerFault
from airfleet.triggerer import trigger_releases
from airfleet.triggerer.trigger_runner import CarefulTriggerRunner
from airfleet.triggerer.trigger_steps import StepBoard

log = structlog.get_logger(logger_name=__name__)

#: processes that may be killed in a step of a trigger before that one has failed; who else was it?
MOST_KILLED = 2
#: processes that may end within a minute for no trigger that is known, before the triggerer ends itself
MOST_UNEXPLAINED = 3
#: seconds for which a trigger without a task, which the database gives again and again, rests after it had failed
REST_SECONDS = 60.0
#: seconds for which one turn goes on to read
_READ_ON_SECONDS = 0.3
#: reads of what a process had written when it ended
_LAST_READS = 50

#: bytes; a length has four
_LONGEST_MESSAGE = 1 << 32
_ANY_TRIGGER = text("SELECT EXISTS (SELECT 1 FROM trigger)")


class RestingTriggerRunner(BoundedMonitor, TriggerRunnerSupervisor):
    """Runs triggers as Airflow does; looks for them only when there are any."""

    _resting: bool = False
    #: seconds without triggers, after which it ends; None: it never does
    sleep_after_seconds: float | None = None
    #: since when there are no triggers, by the monotonic clock; None while there are
    _idle_since: float | None = None
    _away: bool = False
    #: where the process says whose step it runs
    board: StepBoard | None = None
    #: triggers that rest, and until when
    rests: dict[int, float] | None = None
    #: whether a trigger had it for so long that it was killed
    was_blocked: bool = False
    #: the board of the process that is forked next
    _next_board: StepBoard | None = None

    @classmethod
    def start(cls, **kwargs: Any) -> RestingTriggerRunner:
        """Start the process as Airflow does; notice its end at once."""
        board = cls._next_board = StepBoard()
        runner: RestingTriggerRunner = super().start(**kwargs)
        runner.board = board
        process_exit.notice(runner)
        return runner

    def _events(self, loggers: tuple[Any, ...]) -> Generator[None, Any, None]:
        return self._process_log_messages_from_subprocess()

    def _most_message_bytes(self) -> int:
        return _LONGEST_MESSAGE  # one message has what all triggers tell: refused, all of them would end

    def _message_unreadable(self, error: Exception) -> None:
        raise error  # the process of the triggers would wait for an answer, and they with it

    def _line_lost(self, error: Exception) -> None:
        log.warning("A line of a trigger's log cannot be written", error=repr(error)[:1000])

    def should_stop(self) -> bool:
        """Tell whether it was told to end, or has had no triggers for long enough."""
        return bool(super().should_stop()) or self.rests_for_good

    @property
    def rests_for_good(self) -> bool:
        """Tell whether it ends for want of triggers."""
        if self.sleep_after_seconds is None or self._idle_since is None or self.stop:
            return False
        return time.monotonic() - self._idle_since >= self.sleep_after_seconds

    def run_once(self) -> None:
        """Run one turn of the loop, as far as the database answers."""
        answered = self._if_answered(self.load_triggers)
        self._service_subprocess(1)  # triggers run on, and the runner must not believe that nobody listens
        self._read_on()
        self.end_if_blocked()
        if not answered:
            return
        for step in (self.handle_events, self.handle_failed_triggers, self.clean_unused, self.heartbeat):
            if not self._if_answered(step):
                return
        self.emit_metrics()  # type: ignore[no-untyped-call]

    def _read_on(self) -> None:
        """Read for some moments what triggers write; who writes much would wait for each turn of the loop."""
        until = time.monotonic() + _READ_ON_SECONDS
        while self._exit_code is None and time.monotonic() < until and self.selector.select(0):
            self._service_subprocess(0)

    def _if_answered(self, step: Callable[[], None]) -> bool:
        """Run a step; tell whether the database answered all its queries."""
        try:
            step()
        except Exception as error:
            if not _is_away(error):
                raise
            if not self._away:
                log.warning("The database does not answer; triggers go on", error=database_errors.in_words(error))
            self._away = True
            return False
        if self._away:
            self._away = False
            log.warning("The database answers again")
        return True

    def load_triggers(self) -> None:
        """Take on triggers that nobody runs, when there are any."""
        self._resting = not (self._has_any() or self.events or self.failed_triggers)
        if not self._resting:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = time.monotonic()
        if not self._resting:
            super().load_triggers()

    def update_triggers(self, requested_trigger_ids: set[int]) -> None:
        """Update as Airflow does; a trigger whose rows cannot be loaded fails alone."""
        now = time.monotonic()
        requested_trigger_ids = {one for one in requested_trigger_ids if (self.rests or {}).get(one, now) <= now}
        try:
            super().update_triggers(requested_trigger_ids)
            return
        except Exception as error:
            if _is_away(error):
                raise
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
        except Exception as error:
            if _is_away(error):
                raise
            log.exception("A trigger cannot be loaded; it fails", trigger_id=trigger_id)
            self.failed_triggers.append((trigger_id, [f"The trigger cannot be loaded: {error!r}"[:1000]]))

    def heartbeat(self) -> None:
        """Send a heartbeat, also when the clock was set back."""
        if self.job is not None:
            clock_skew.catch_up(self.job, timezone.utcnow())
        super().heartbeat()  # type: ignore[no-untyped-call]

    def clean_unused(self) -> None:
        """Remove triggers that no task waits for, when there are any."""
        if not self._resting:
            super().clean_unused()

    @classmethod
    def run_in_process(cls) -> None:
        """Run the triggers, in their process."""
        CarefulTriggerRunner(cls._next_board).run()

    def end_if_blocked(self) -> None:
        """Kill the process when a trigger has it and nothing in there can end that."""
        step = self.board.read() if self.board and self._exit_code is None else None
        most = self.runner_health_check_threshold
        if step is None or most <= 0 or (seconds := time.monotonic() - step.since) < most:
            return
        log.error(
            "A trigger blocks the process of all triggers; it is killed", trigger_id=step.trigger, seconds=seconds
        )
        self.was_blocked = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def take_over(self, before: RestingTriggerRunner) -> None:
        """Go on with what a process has left that ended: what its triggers had told, and their logs."""
        self.events.extend(before.events)
        self.failed_triggers.extend(before.failed_triggers)
        self.logger_cache.update(before.logger_cache)
        self.stop = before.stop

    def close(self) -> None:
        """Read what a process had written when it ended, for a second at the most, and forget it."""
        for _ in range(_LAST_READS):
            if not self._open_sockets:
                break
            self._service_subprocess(1 / _LAST_READS)
        for source in list(self._open_sockets):
            source.close()
        self.selector.close()
        if self.board is not None:
            self.board.close()

    def _create_workload(self, trigger: Any, *args: Any, **kwargs: Any) -> Any:
        """Make a workload as Airflow does, with the release of its run; the log of one that ran before goes on."""
        begun = self.logger_cache.get(trigger.id)
        workload = super()._create_workload(trigger, *args, **kwargs)
        if begun is not None:
            self.logger_cache[trigger.id] = begun
        if workload is None:
            return None
        classpath = trigger_releases.with_release(workload.classpath, trigger.task_instance)
        return workload.model_copy(update={"classpath": classpath})

    def handle_events(self) -> None:
        """Store what triggers tell; what could not be stored is told again, what is refused fails its trigger."""
        for told, refused in self._in_full(self.events, super().handle_events):
            why = database_errors.storable(database_errors.in_words(refused))
            log.error("What a trigger tells cannot be stored; it fails", trigger_id=told.trigger_id, error=why)
            failure = TriggerFailure(TriggerFault.EVENT_NOT_STORED, why)
            self.failed_triggers.append((told.trigger_id, [str(failure)]))

    def handle_failed_triggers(self) -> None:
        """Store which triggers failed; what could not be stored is told again."""
        told = [(trigger_id, _storable(lines)) for trigger_id, lines in self.failed_triggers]
        self.failed_triggers.clear()
        self.failed_triggers.extend(told)
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
                if _is_away(error):
                    line.appendleft(taken)
                    raise
                refused.append((taken, error))
        return refused

    def _has_any(self) -> bool:
        if self.running_triggers or self.creating_triggers or self.cancelling_triggers:
            return True
        with settings.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return bool(connection.execute(_ANY_TRIGGER).scalar())


def _storable(lines: list[str] | None) -> list[str] | None:
    """Return a failure as the database takes it: else the trigger would begin anew, and fail again, for ever."""
    return None if lines is None else [database_errors.storable(line) for line in lines]


def _is_away(error: Exception) -> bool:
    """Tell whether the database did not answer, or may answer otherwise a moment later."""
    return isinstance(error, SQLAlchemyError) and database_errors.passes(error)


class Deaths:
    """Deaths of processes of triggers, and the triggers at fault."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._killed: dict[int, int] = {}
        self._unexplained: list[float] = []
        #: triggers that rest, and until when
        self.rests: dict[int, float] = {}

    def fault(self, runner: RestingTriggerRunner) -> tuple[int, str] | None:
        """Return the trigger at fault for the end of this process, and why; None when it is unknown."""
        step, code = runner.board.read() if runner.board else None, int(runner._exit_code or 0)
        if step is None:
            return None
        if runner.was_blocked and code == -signal.SIGKILL:
            return step.trigger, str(TriggerFailure(TriggerFault.BLOCKED_PROCESS))
        if code == -signal.SIGKILL:
            times = self._killed[step.trigger] = self._killed.get(step.trigger, 0) + 1
            if times < MOST_KILLED:
                return None
        return step.trigger, str(TriggerFailure(TriggerFault.ENDED_PROCESS, _end(code)))

    def goes_on(self, fault: tuple[int, str] | None) -> bool:
        """Tell whether another process may be tried."""
        now = self._clock()
        self._unexplained = [when for when in self._unexplained if when > now - 60]
        if fault is None:
            self._unexplained.append(now)
        else:
            self.rests[fault[0]] = now + REST_SECONDS
        return len(self._unexplained) <= MOST_UNEXPLAINED


def _end(code: int) -> str:
    """Describe the end of a process.

    >>> _end(3), _end(-11)
    ('exit code 3', 'SIGSEGV')
    """
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit code {code}"


class FleetTriggererJobRunner(TriggererJobRunner):
    """Airflow's job of the triggerer, with a runner that rests."""

    #: seconds without triggers, after which it ends; None: it never does
    sleep_after_seconds: float | None = None
    #: whether it has ended for want of triggers
    rests: bool = False

    def _execute(self) -> int | None:
        """Run the triggers as Airflow does, which names the class of its runner in its body."""
        before = os.environ.get("_AIRFLOW_PROCESS_CONTEXT")
        # Requests of the runner for connections are answered with the server's secrets backends.
        os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
        self.register_signals()
        stats.initialize(
            factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
        )
        try:
            return self._run_triggers(Deaths())
        finally:
            log.info("Waiting for triggers to clean up")
            if self.trigger_runner is not None:
                self.trigger_runner.kill(escalation_delay=10, force=True)
            _restore("_AIRFLOW_PROCESS_CONTEXT", before)

    def _run_triggers(self, deaths: Deaths) -> int | None:
        """Have a process of triggers until the end; the exit code of the last one."""
        runner = self._start(deaths)
        while True:
            self.trigger_runner = runner
            runner.run()
            code: int | None = runner._exit_code
            self.rests = code is None and runner.rests_for_good
            if runner.stop or code is None:
                return code
            fault = deaths.fault(runner)
            runner.close()
            if fault is not None:
                trigger_id, why = fault
                log.error("A trigger has ended the process of all triggers; it fails", trigger_id=trigger_id, why=why)
                runner.failed_triggers.append((trigger_id, [why]))
            if not deaths.goes_on(fault):
                return code
            before, runner = runner, self._start(deaths)
            runner.take_over(before)

    def _start(self, deaths: Deaths) -> RestingTriggerRunner:
        runner = RestingTriggerRunner.start(
            job=self.job, capacity=self.capacity, logger=log, queues=self.queues, team_name=self.team_name
        )
        runner.rests = deaths.rests
        runner.sleep_after_seconds = self.sleep_after_seconds
        return runner


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
