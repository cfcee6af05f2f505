"""What wakes a scheduler: notifications that PostgreSQL sends when something it would act upon was committed.

Triggers on Airflow's tables call ``pg_notify`` on these channels; whoever commits a change sends them, once for each
transaction (and run):

- ``airfleet_dags``: a Dag may be due for a run (a new or changed schedule, an unpaused Dag, asset events, a backfill);
- ``airfleet_runs``: a run was made, queued, or has ended, so that a run may start;
- ``airfleet_tasks``: tasks of a run, named in the payload, ended or may be scheduled; or slots of a pool changed;
- ``airfleet_other``: a callback or the test of a connection waits;
- ``airfleet_jobs``: a scheduler has ended, or was found dead, and what it queued wants another to look after it;
- ``airfleet_lost``: attempts lost their processes (:mod:`airfleet.metadata.lost_attempts`); with a payload, a worker
  died, and messages that it had taken may have gone with it.

The payload is ``dag_id`` and ``run_id`` with a unit separator between; with no ``run_id``, all runs of the Dag, and
an empty one names none. The scheduler's own way from *scheduled* to *queued*, and *running*, say nothing: nothing can
be done about them.

The conditions stand in the functions, not in the triggers, and nothing there but the functions' text names a column:
no trigger stands in the way of a migration that changes a table.

What fails: no connection — :class:`Listener` waits without news and tries again, later each time; connected again —
it says that everything may have changed; triggers that somebody took away — it says so and puts them back, within half
a minute. The scheduler does not depend on news: without any it does what stock Airflow does, once a second.
"""

from __future__ import annotations

import hashlib
import logging
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg

from airfleet.backoff import Backoff
from airfleet.metadata import heartbeat_trigger
from airfleet.system.connection_timeouts import CLIENT

log = logging.getLogger(__name__)

DAGS, RUNS, TASKS, OTHER = "airfleet_dags", "airfleet_runs", "airfleet_tasks", "airfleet_other"
JOBS, LOST = "airfleet_jobs", "airfleet_lost"
CHANNELS = (DAGS, RUNS, TASKS, OTHER, JOBS, LOST)

#: between two attempts to connect
RECONNECT_BACKOFF = Backoff(first=0.5, most=30.0)
#: seconds between two looks whether the triggers are still there
LOOK_SECONDS = 30.0
#: seconds that others may be in the way of putting them back
PUT_BACK_SECONDS = 5
_SEPARATOR = "\x1f"


@dataclass
class News:
    """What was heard since the last time somebody took it."""

    dags: bool = False
    runs: bool = False
    #: slots of a pool may be free
    slots: bool = False
    #: (dag_id, run_id) of runs to look at; no run_id: all runs of the Dag
    changed: set[tuple[str, str]] = field(default_factory=set)
    other: bool = False
    #: a scheduler is no more
    jobs: bool = False
    #: attempts have no process any more
    lost: bool = False
    #: messages that were taken from the broker may have been lost
    messages: bool = False
    #: notifications may have been missed
    everything: bool = False

    def __bool__(self) -> bool:
        some = self.dags or self.runs or self.slots or self.changed or self.other
        return bool(some or self.jobs or self.lost or self.messages or self.everything)

    def hear(self, channel: str, payload: str) -> None:
        """Add one notification."""
        if channel == JOBS:
            self.jobs = True
            return
        if channel == LOST:
            self.lost = True
            self.messages |= bool(payload)
            return
        if payload:
            dag_id, _, run_id = payload.partition(_SEPARATOR)
            self.changed.add((dag_id, run_id))
        if channel == DAGS:
            self.dags = True
        elif channel == RUNS:
            self.runs = True
        elif channel == TASKS:
            self.slots = True
        else:
            self.other = True


class Listener:
    """One connection that listens, made when it is first needed and made again when it is lost.

    ``url`` is what libpq understands. ``clock`` is in seconds; ``sleep`` waits while there is no connection.
    """

    def __init__(
        self, url: str, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url = url
        self._clock = clock
        self._sleep = sleep
        self._connection: psycopg.Connection[Any] | None = None
        self._news = News()
        self._failures = 0
        self._next_attempt = clock()
        self._told = False
        #: when it was seen that the database has all triggers
        self._looked = float("-inf")

    @property
    def listening(self) -> bool:
        """Whether news arrive now."""
        return self._connection is not None

    @property
    def has_news(self) -> bool:
        """Whether anything was heard that nobody took yet."""
        return bool(self._news)

    def wait(self, seconds: float) -> None:
        """Wait until there are news, at most this long; without a connection, exactly this long."""
        began = self._clock()
        if self._connection is None and began >= self._next_attempt:
            self._connect()
        if self._connection is None:
            self._sleep(seconds)
            return
        remaining = 0.0 if self._news else max(0.0, seconds - (self._clock() - began))
        self._read(remaining)

    def take(self) -> News:
        """What was heard since the last call, up to this moment."""
        if self._connection is not None:
            self._read(0.0)
        if self._connection is not None and self._clock() - self._looked >= LOOK_SECONDS:
            self._look(self._connection)
        taken, self._news = self._news, News()
        return taken

    def fetch(self, query: LiteralString, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]] | None:
        """The rows of a small query over the same connection; None when there is none now."""
        if self._connection is None:
            return None
        try:
            rows = self._connection.execute(query, parameters).fetchall()
            # What arrived with the answer makes the socket readable no more: waiting for it would find nothing.
            self._hear_all(self._connection)
            return rows
        except psycopg.OperationalError as error:
            self._lost(error)
            return None

    def close(self) -> None:
        """Listen no more."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> None:
        try:
            connection = psycopg.connect(
                self._url,
                autocommit=True,
                application_name="airfleet wake-ups",
                **CLIENT,
            )
            try:
                put_back(connection)
                self._looked = self._clock()
                if not installed(connection):
                    raise psycopg.OperationalError(
                        "the database has no triggers for wake-ups; 'airfleet up' makes them"
                    )
                for channel in CHANNELS:
                    connection.execute(f"LISTEN {channel}".encode())
            except BaseException:
                connection.close()
                raise
        except psycopg.Error as error:
            self._lost(error)
            return
        if self._told:
            log.warning("The database tells of changes again")
        self._connection, self._told, self._failures = connection, False, 0
        self._news.everything = True

    def _look(self, connection: psycopg.Connection[Any]) -> None:
        """See whether the database still tells; what somebody took away meanwhile is put back."""
        self._looked = self._clock()
        try:
            self._news.everything |= put_back(connection)
        except psycopg.Error as error:
            self._lost(error)

    def _read(self, seconds: float) -> None:
        connection = self._connection
        assert connection is not None
        try:
            # Not psycopg's own wait, which looks for signals ten times a second.
            poller = select.poll()
            poller.register(connection.fileno(), select.POLLIN)
            if poller.poll(seconds * 1000):
                self._hear_all(connection)
        except psycopg.Error as error:
            self._lost(error)

    def _hear_all(self, connection: psycopg.Connection[Any]) -> None:
        for note in connection.notifies(timeout=0):
            self._news.hear(note.channel, note.payload)

    def _lost(self, error: psycopg.Error) -> None:
        self.close()
        self._failures += 1
        self._next_attempt = self._clock() + RECONNECT_BACKOFF.delay(self._failures)
        if not self._told:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            log.warning("The database does not tell of changes; the scheduler looks once a second instead: %s", reason)
            self._told = True


# --- what the database does ---------------------------------------------------------------------


def install(connection: psycopg.Connection[Any]) -> bool:
    """Make functions and triggers where they are not yet as here; whether anything was to be made."""
    if installed(connection):
        return False
    with connection.transaction():
        remove(connection)
        for statement in _CREATE:
            connection.execute(statement)
        connection.execute(f"COMMENT ON FUNCTION {_RUN_FUNCTION}() IS '{_FINGERPRINT}'".encode())
    return True


def put_back(connection: psycopg.Connection[Any]) -> bool:
    """Make triggers that somebody has taken away while the fleet runs; whether there were any.

    Those of another airfleet, whose functions say something else, are its own affair. Raises psycopg.Error.
    """
    row = connection.execute("SELECT obj_description(to_regproc(%s)::oid, 'pg_proc')", (_RUN_FUNCTION,)).fetchone()
    is_of_another = row is not None and row[0] not in (None, _FINGERPRINT)
    lacks = [] if is_of_another or installed(connection) else ["wake-ups"]
    lacks += [] if heartbeat_trigger.installed(connection) else ["heartbeats"]
    if not lacks:
        return False
    with connection.transaction():
        connection.execute(f"SET LOCAL lock_timeout = '{PUT_BACK_SECONDS}s'".encode())
        if "wake-ups" in lacks:
            install(connection)
        heartbeat_trigger.install(connection)
    log.warning("The database had lost triggers of airfleet (%s); they were put back", ", ".join(lacks))
    return True


def installed(connection: psycopg.Connection[Any]) -> bool:
    """Whether the database has these functions and every trigger."""
    row = connection.execute(
        "SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        " WHERE t.tgname = %s AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace"
        " AND obj_description(to_regproc(%s)::oid, 'pg_proc') = %s",
        (_TRIGGER, _RUN_FUNCTION, _FINGERPRINT),
    ).fetchone()
    return row is not None and row[0] == len(_TRIGGERS)


def remove(connection: psycopg.Connection[Any]) -> None:
    """Take them away again, whatever of them there is."""
    for name in _FUNCTIONS:
        connection.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE".encode())


_TRIGGER = "airfleet_wake"
_RUN_FUNCTION = "airfleet_wake_for_run"

#: name -> body
_FUNCTIONS = {
    "airfleet_wake_for_task": """
BEGIN
    IF NEW.state IS DISTINCT FROM OLD.state AND (
        NEW.state IS NULL
        OR NEW.state NOT IN ('scheduled', 'queued', 'running', 'restarting')
        OR NEW.state = 'scheduled' AND OLD.state NOT IN ('up_for_retry', 'up_for_reschedule')
    ) THEN
        PERFORM pg_notify('airfleet_tasks', NEW.dag_id || chr(31) || NEW.run_id);
    END IF;
    RETURN NULL;
END""",
    _RUN_FUNCTION: """
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('airfleet_runs', '');
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.state IN ('queued', 'running') THEN
            PERFORM pg_notify('airfleet_runs', NEW.dag_id || chr(31) || NEW.run_id);
        END IF;
    ELSIF NEW.state IS DISTINCT FROM OLD.state AND NOT (NEW.state = 'running' AND OLD.state = 'queued') THEN
        PERFORM pg_notify('airfleet_runs', NEW.dag_id || chr(31) || NEW.run_id);
    END IF;
    RETURN NULL;
END""",
    # As JSON: a Dag is written seldom, and a column that a later Airflow does not have counts as unchanged.
    "airfleet_wake_for_dag": """
DECLARE
    after jsonb := to_jsonb(NEW);
    before jsonb := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ELSE '{}' END;
    key text;
BEGIN
    FOREACH key IN ARRAY ARRAY['is_paused', 'is_stale', 'has_import_errors', 'exceeds_max_non_backfill',
        'next_dagrun_create_after', 'max_active_runs', 'max_active_tasks', 'bundle_name', 'asset_expression']
    LOOP
        IF after -> key IS DISTINCT FROM before -> key THEN
            PERFORM pg_notify('airfleet_dags', NEW.dag_id || chr(31));
            EXIT;
        END IF;
    END LOOP;
    RETURN NULL;
END""",
    "airfleet_wake_for_version": """
BEGIN
    PERFORM pg_notify('airfleet_tasks', NEW.dag_id || chr(31));
    RETURN NULL;
END""",
    "airfleet_wake_for_job": """
BEGIN
    IF OLD.state = 'running' AND NEW.state IS DISTINCT FROM 'running' AND NEW.job_type = 'SchedulerJob' THEN
        PERFORM pg_notify('airfleet_jobs', '');
    END IF;
    RETURN NULL;
END""",
    "airfleet_wake_channel": """
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END""",
}

#: table, when, each row or statement, function with its arguments
_TRIGGERS = (
    ("task_instance", "UPDATE", "ROW", "airfleet_wake_for_task()"),
    ("dag_run", "INSERT OR UPDATE OR DELETE", "ROW", "airfleet_wake_for_run()"),
    ("dag", "INSERT OR UPDATE", "ROW", "airfleet_wake_for_dag()"),
    ("dag_version", "INSERT", "ROW", "airfleet_wake_for_version()"),
    ("serialized_dag", "INSERT OR UPDATE", "ROW", "airfleet_wake_for_version()"),
    ("job", "UPDATE", "ROW", "airfleet_wake_for_job()"),
    ("asset_dag_run_queue", "INSERT OR UPDATE", "STATEMENT", f"airfleet_wake_channel('{DAGS}')"),
    ("asset_partition_dag_run", "INSERT", "STATEMENT", f"airfleet_wake_channel('{DAGS}')"),
    ("partitioned_asset_key_log", "INSERT", "STATEMENT", f"airfleet_wake_channel('{DAGS}')"),
    ("backfill", "UPDATE", "STATEMENT", f"airfleet_wake_channel('{RUNS}')"),
    ("slot_pool", "INSERT OR UPDATE", "STATEMENT", f"airfleet_wake_channel('{TASKS}')"),
    ("callback", "INSERT", "STATEMENT", f"airfleet_wake_channel('{OTHER}')"),
    ("connection_test_request", "INSERT", "STATEMENT", f"airfleet_wake_channel('{OTHER}')"),
)

_CREATE = tuple(
    statement.encode()
    for statement in (
        *(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$"
            for name, body in _FUNCTIONS.items()
        ),
        *(
            f"CREATE TRIGGER {_TRIGGER} AFTER {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}"
            for table, when, each, function in _TRIGGERS
        ),
    )
)
_FINGERPRINT = hashlib.sha256(b"\n".join(_CREATE)).hexdigest()
