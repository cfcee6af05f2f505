"""The agenda of a pass of the scheduler: which parts of Airflow's loop have a reason to run.

::

    part            reason
    ────────────────────────────────────────────────────────────────────────────────────────────
    make runs       news of a Dag, or one is due by its time
    start runs      the above, news of a run, or a queued run whose time has come
    look at runs    the runs that news name, those never looked at, those with a retry or a reschedule ahead
    queue tasks     any of the above, or slots of a pool or of the executor became free

One small query a second asks what is due by time. Every five seconds a pass does everything: it finds a run's timeout,
of which there is no news, and news that were missed. While no run is active, the query runs every five seconds and
everything is done every thirty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from airfleet.metadata.notifications import News

#: until the query for what is due is tried again, after no answer, seconds
UNANSWERED_SECONDS = 1.0
#: between two passes that do everything, seconds; and while no run is active
EVERYTHING_SECONDS, IDLE_EVERYTHING_SECONDS = 5.0, 30.0
#: between two of them in which Airflow looks at each run, whatever the states of its tasks say, seconds
THOROUGH_SECONDS = 30.0
#: between two queries for what is due by time, seconds; and while no run is active
DUE_SECONDS, IDLE_DUE_SECONDS = 1.0, 5.0

#: One row, by the database's clock, as Airflow's own queries: is a Dag due, is a queued run due, seconds until the next
#: Dag is due, runs with tasks that wait for a retry or for a reschedule whose time has come, is any run active, is a
#: scheduler silent. Tasks are found by their state, in two parts: with OR the server would read all tasks ever run.
DUE = """
WITH ready AS (
    SELECT next_dagrun_create_after AS at FROM dag
    WHERE NOT is_paused AND NOT is_stale AND NOT has_import_errors AND NOT exceeds_max_non_backfill
), timed AS (
    SELECT dag_id, run_id FROM task_instance WHERE state = 'up_for_retry'
    UNION
    SELECT ti.dag_id, ti.run_id FROM task_instance ti
    LEFT JOIN LATERAL (SELECT max(reschedule_date) AS at FROM task_reschedule WHERE ti_id = ti.id) r ON TRUE
    WHERE ti.state = 'up_for_reschedule' AND (r.at IS NULL OR r.at <= now())
)
SELECT
    EXISTS (SELECT FROM ready WHERE at <= now()),
    EXISTS (SELECT FROM dag_run WHERE state = 'queued' AND run_after <= now()),
    (SELECT extract(epoch FROM min(at) - now())::float FROM ready WHERE at > now()),
    ARRAY(SELECT ARRAY[dag_id, run_id] FROM timed),
    EXISTS (SELECT FROM dag_run WHERE state IN ('running', 'queued')),
    EXISTS (
        SELECT FROM job WHERE job_type = 'SchedulerJob' AND state = 'running'
        AND latest_heartbeat < clock_timestamp() - make_interval(secs => %s)
    )
"""


@dataclass(frozen=True)
class Due:
    """The row of :data:`DUE`."""

    dags: bool
    runs: bool
    next_dag_seconds: float | None
    #: Dag and run of each
    timed: frozenset[tuple[str, str]]
    any_run: bool
    one_is_silent: bool

    @classmethod
    def of(cls, row: tuple[bool, bool, float | None, list[list[str]], bool, bool]) -> Due:
        """Make the value of a row as psycopg gives it: an array of arrays is a list of lists."""
        dags, runs, next_dag_seconds, timed, any_run, one_is_silent = row
        return cls(
            dags,
            runs,
            next_dag_seconds,
            frozenset((dag_id, run_id) for dag_id, run_id in timed),
            any_run,
            one_is_silent,
        )


@dataclass
class Agenda:
    """The parts that a pass runs."""

    make_runs: bool = False
    start_runs: bool = False
    queue_tasks: bool = False
    everything: bool = False
    #: with everything: Airflow looks at each run itself
    thorough: bool = False
    #: Dag and run; an empty run stands for all runs of the Dag
    changed: set[tuple[str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.make_runs or self.start_runs or self.queue_tasks or self.everything or self.changed)


class Planner:
    """Makes the agenda of each pass from news and times. ``ask`` runs :data:`DUE`; None is no answer.

    All times are seconds of one monotonic clock.
    """

    def __init__(self, ask: Callable[[float], Due | None]) -> None:
        self._ask = ask
        self._did_everything_at = self._was_thorough_at = float("-inf")
        self._ask_at = float("-inf")
        #: whether any run was active at the last query, or there were news since
        self.any_run = True
        #: work that the last pass could not finish
        self.left = Agenda()

    def plan(self, news: News, slots_freed: bool, now: float) -> tuple[Agenda, float]:
        """Return the agenda of a pass, and the seconds until something else is due by time."""
        agenda, self.left = self.left, Agenda()
        agenda.changed |= news.changed
        agenda.make_runs |= news.dags
        agenda.start_runs |= news.runs
        agenda.queue_tasks |= news.slots or slots_freed
        if news:
            self.any_run = True
            self._ask_at = min(self._ask_at, now + DUE_SECONDS)
        pause = EVERYTHING_SECONDS if self.any_run else IDLE_EVERYTHING_SECONDS
        agenda.everything = news.everything or now - self._did_everything_at >= pause
        patience = self._add_due(agenda, now)
        if agenda.everything:
            self._did_everything_at = now
            agenda.thorough = news.everything or now - self._was_thorough_at >= THOROUGH_SECONDS
            self._was_thorough_at = now if agenda.thorough else self._was_thorough_at
            agenda.make_runs = True
        agenda.start_runs |= agenda.make_runs
        agenda.queue_tasks |= agenda.start_runs or bool(agenda.changed)
        return agenda, patience

    def _add_due(self, agenda: Agenda, now: float) -> float:
        if now < self._ask_at:
            return self._ask_at - now
        due = self._ask(now)
        if due is None:
            agenda.everything = True
            return UNANSWERED_SECONDS
        self.any_run = due.any_run
        agenda.make_runs |= due.dags
        agenda.start_runs |= due.runs
        agenda.changed |= due.timed
        pause = DUE_SECONDS if due.any_run else IDLE_DUE_SECONDS
        pause = min(pause, due.next_dag_seconds) if due.next_dag_seconds is not None else pause
        self._ask_at = now + pause
        return pause
