"""Is a component ready, and is it still well? One function per kind of probe.

Probes may block for up to ``TIMEOUT_SECONDS``; the agent asks from a thread. A probe never
raises: what is wrong is a sentence.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from airfleet.agent.probes.broker_probe import BrokerRefuses, BrokerTrouble, Line, line_to
from airfleet.agent.servers.embedded_postgres import SUPERUSER
from airfleet.fleet.planning.plan import (
    BrokerWorks,
    FileBeats,
    HttpAnswers,
    JobBeats,
    PostgresAnswers,
    Probe,
    Started,
)
from airfleet.fleet.servers.brokers import Broker
from airfleet.spool import job_marks
from airfleet.system import http_client
from airfleet.system.connection_timeouts import CLIENT
from airfleet.system.http_client import Timeouts

TIMEOUT_SECONDS = 10.0
_HTTP_TIMEOUTS = Timeouts(TIMEOUT_SECONDS, TIMEOUT_SECONDS)
#: for the first word of a database server that had been ready
GREETING_SECONDS = 5.0
#: a worker needs not as long to take tasks again after its broker came back
RECONNECT_SECONDS = 8.0


@dataclass(frozen=True)
class Verdict:
    """Whether it is well, and if not, why."""

    well: bool
    reason: str = ""
    #: it does not do its work, and will not do it however long one waits
    useless: bool = False
    #: it does not do its work now, although the database does
    silent: bool = False


WELL = Verdict(True)

#: by the database's own clock: the clocks of hosts differ
_AGE: LiteralString = "SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job"


class Database:
    """One connection for all questions to Airflow's database; a new one for each costs more than the answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def row(self, query: LiteralString, parameters: Sequence[Any]) -> tuple[Any, ...] | None:
        """The first row of an answer. Raises psycopg.Error."""
        return next(iter(self.rows(query, parameters)), None)

    def rows(self, query: LiteralString, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of an answer. Raises psycopg.Error."""
        with self._lock:
            if self._connection is not None:
                try:
                    return self._connection.execute(query, parameters).fetchall()
                except psycopg.OperationalError:  # the server was started anew, perhaps
                    self._close()
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                application_name="airfleet health",
                **CLIENT,
            )
            try:
                return self._connection.execute(query, parameters).fetchall()
            except BaseException:
                self._close()
                raise

    def close(self) -> None:
        """Ask no more; a question that is still open is left alone."""
        if self._lock.acquire(blocking=False):
            self._close()
            self._lock.release()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Beats:
    """Since when files have not been touched, as seen from here: the machine's clock may be put right meanwhile."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}

    def age(self, path: str, touched: int) -> float:
        """Seconds since it was first seen that ``path`` was touched at ``touched``."""
        now = self._clock()
        seen = self._seen.get(path)
        if seen is None or seen[0] != touched:
            self._seen[path] = (touched, now)
            return 0.0
        return now - seen[1]


class Lines:
    """One line to each broker, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[Broker, Line] = {}

    def to(self, broker: Broker) -> Line:
        """The line to a broker; it connects when first used."""
        with self._lock:
            return self._lines.setdefault(broker, line_to(broker))

    def close(self) -> None:
        """Give all connections up."""
        for line in self._lines.values():
            line.close()


@dataclass(frozen=True)
class Subject:
    """What a probe may need to know beside its own fields."""

    pid: int | None
    #: when the process started, seconds since the epoch
    started_at: float
    database: Database
    lines: Lines = field(default_factory=Lines)
    beats: Beats = field(default_factory=Beats)
    #: whether it has been ready since
    was_ready: bool = False


def ask(probe: Probe, subject: Subject) -> Verdict:
    """The verdict on a running component."""
    try:
        match probe:
            case Started():
                return WELL
            case PostgresAnswers():
                return _postgres_greets(probe.port) if subject.was_ready else _postgres(probe)
            case BrokerWorks():
                subject.lines.to(probe.broker).check()
                return WELL
            case HttpAnswers():
                return _http_or_silence(probe, subject)
            case JobBeats():
                return _job(probe, subject)
            case FileBeats():
                return _file(probe, subject)
    except BrokerTrouble as trouble:
        return Verdict(False, str(trouble), useless=isinstance(trouble, BrokerRefuses))
    except (OSError, psycopg.Error) as error:
        return Verdict(False, f"does not answer yet: {_plain(error)}")


def _postgres(probe: PostgresAnswers) -> Verdict:
    with psycopg.connect(
        host="127.0.0.1",
        port=probe.port,
        user=SUPERUSER,
        password=probe.password,
        dbname="postgres",
        connect_timeout=5,
        autocommit=True,
    ) as db:
        if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = 'airflow'").fetchone():
            db.execute("CREATE ROLE airflow LOGIN")
        # At each start: it may have been replaced.
        db.execute(sql.SQL("ALTER ROLE airflow PASSWORD {}").format(sql.Literal(probe.airflow_password)))
        if not db.execute("SELECT 1 FROM pg_database WHERE datname = 'airflow'").fetchone():
            db.execute("CREATE DATABASE airflow OWNER airflow")
    return WELL


def _postgres_greets(port: int) -> Verdict:
    """Whether the server asks a newcomer for a password: a tenth of the work of a session, for both sides.

    Raises psycopg.OperationalError when it does not, TimeoutError when it says nothing.
    """
    connection = pq.PGconn.connect_start(
        make_conninfo(
            host="127.0.0.1",
            port=port,
            user=SUPERUSER,
            dbname="postgres",
            sslmode="disable",
            gssencmode="disable",
            # None, and none from the environment or a file: then the server's question is the end of it.
            password="",
            passfile=os.path.join(os.devnull, "none"),
        ).encode()
    )
    try:
        _until_answered(connection, time.monotonic() + GREETING_SECONDS)
        if not connection.needs_password:
            raise psycopg.OperationalError(connection.error_message.decode(errors="replace"))
    finally:
        connection.finish()
    return WELL


def _until_answered(connection: pq.abc.PGconn, deadline: float) -> None:
    """Go on with a connection until it is made, or fails. Raises TimeoutError at the deadline."""
    interest = {pq.PollingStatus.READING: select.POLLIN, pq.PollingStatus.WRITING: select.POLLOUT}
    while (status := pq.PollingStatus(connection.connect_poll())) in interest:
        poll = select.poll()
        poll.register(connection.socket, interest[status])
        if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError(f"no answer within {GREETING_SECONDS:g} s")


def _http_or_silence(probe: HttpAnswers, subject: Subject) -> Verdict:
    try:
        return _http(probe)
    except OSError as error:
        silent = subject.was_ready and _answers(subject.database)
        return Verdict(False, f"does not answer{'' if subject.was_ready else ' yet'}: {_plain(error)}", silent=silent)


def _answers(database: Database) -> bool:
    try:
        return database.row("SELECT 1", ()) is not None
    except psycopg.Error:
        return False


def _http(probe: HttpAnswers) -> Verdict:
    for url in probe.urls:
        status = http_client.ask("GET", url, _HTTP_TIMEOUTS, most_bytes=0).status
        if status >= 500:
            return Verdict(False, f"{urlsplit(url).path} answers {status}")
    return WELL


def _job(probe: JobBeats, subject: Subject) -> Verdict:
    age = _age_of_own(Path(probe.file), subject) if probe.file else _age_of_any(probe.job_type, subject)
    if age is None:
        return Verdict(False, "has not written its first heartbeat yet")
    if age > probe.late_seconds:
        return Verdict(False, f"its last heartbeat is {age:.0f} s old", silent=subject.was_ready)
    return WELL


def _age_of_own(file: Path, subject: Subject) -> float | None:
    """Of the heartbeat of the very process, which has written down its row: a host may have several of a kind."""
    job = job_marks.read_down(file.parent, file.stem)
    if job is None or job.pid != subject.pid:
        return None
    # Whatever its state: another scheduler calls one that is silent failed long before its agent ends it, and when it
    # goes on, it calls itself running again (Airflow's Job.heartbeat merges all it remembers).
    return _seconds(subject.database.row(f"{_AGE} WHERE id = %s", (job.number,)))


def _age_of_any(job_type: str, subject: Subject) -> float | None:
    return _seconds(
        subject.database.row(
            f"{_AGE} WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)",
            (job_type, subject.started_at - 1.0),
        )
    )


def _seconds(row: tuple[Any, ...] | None) -> float | None:
    return float(row[0]) if row and row[0] is not None else None


def _file(probe: FileBeats, subject: Subject) -> Verdict:
    try:
        pid = job_marks.left(Path(probe.path)).strip()
        touched = os.lstat(probe.path).st_mtime_ns
    except FileNotFoundError:
        return Verdict(False, "has not reported that it is ready yet")
    if pid != str(subject.pid):
        return Verdict(False, "has not reported that it is ready yet")
    age = subject.beats.age(probe.path, touched)
    if age > probe.late_seconds:
        return _late(probe, age, subject)
    return WELL


def _late(probe: FileBeats, age: float, subject: Subject) -> Verdict:
    if probe.broker is None:
        return Verdict(False, f"its last sign of life is {age:.0f} s old")
    line = subject.lines.to(probe.broker)
    try:
        line.check()
    except OSError as error:
        return Verdict(False, f"takes no tasks: the broker {_plain(error)}")
    sentence = f"took nothing from its queues for {age:.0f} s, and the broker is well"
    return Verdict(False, sentence, useless=line.well_seconds > RECONNECT_SECONDS)


def _plain(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__
