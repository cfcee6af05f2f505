"""Probes of components: one function for each kind.

A probe may block for up to ``HTTP_TIMEOUT_SECONDS``; the agent runs it in a thread. It changes nothing, and raises no
error of the network or the database: those are reasons of its result.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import urlsplit

import psycopg

from airfleet.agent.probes import postgres_probe
from airfleet.agent.probes.broker_line import BrokerRefuses, BrokerTrouble, Line
from airfleet.agent.probes.broker_probe import line_to
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.probes.results import (
    WELL,
    BrokerError,
    Health,
    HttpError,
    LateHeartbeat,
    LateSign,
    NoAnswer,
    NoBroker,
    NoHeartbeat,
    NotConsuming,
    NotReported,
    ProbeResult,
    unwell,
)
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
from airfleet.system.http_client import Timeouts

HTTP_TIMEOUT_SECONDS = 10.0
_HTTP_TIMEOUTS = Timeouts(HTTP_TIMEOUT_SECONDS, HTTP_TIMEOUT_SECONDS)
#: seconds that a worker may need to consume again after its broker came back
RECONNECT_SECONDS = 8.0

#: by the database's own clock: the clocks of hosts differ
_AGE: LiteralString = "SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job"


class FileAges:
    """Ages of files by this process's clock, which stays right when the clock of the machine is set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}

    def age(self, path: str, touched_ns: int) -> float:
        """Return the seconds since ``path`` was first seen with this time of change."""
        now = self._clock()
        seen = self._seen.get(path)
        if seen is None or seen[0] != touched_ns:
            self._seen[path] = (touched_ns, now)
            return 0.0
        return now - seen[1]


class BrokerLines:
    """One line to each broker, shared by all probes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[Broker, Line] = {}

    def to(self, broker: Broker) -> Line:
        """Return the line to a broker; it connects when first used."""
        with self._lock:
            return self._lines.setdefault(broker, line_to(broker))

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines.values():
            line.close()


@dataclass(frozen=True)
class ProbeSubject:
    """The process that a probe asks about, and the connections that probes share."""

    pid: int | None
    #: start of the process, seconds since the epoch
    started_at: float
    database: DatabaseConnection
    lines: BrokerLines = field(default_factory=BrokerLines)
    ages: FileAges = field(default_factory=FileAges)
    #: whether the component has been ready since
    was_ready: bool = False


def ask(probe: Probe, subject: ProbeSubject) -> ProbeResult:
    """Probe a running component."""
    try:
        match probe:
            case Started():
                return WELL
            case PostgresAnswers():
                postgres_probe.greet(probe.port)
                return WELL
            case BrokerWorks():
                subject.lines.to(probe.broker).check()
                return WELL
            case HttpAnswers():
                return _http_or_stalled(probe, subject)
            case JobBeats():
                return _job(probe, subject)
            case FileBeats():
                return _file(probe, subject)
    except BrokerRefuses as refused:
        return ProbeResult(Health.USELESS, BrokerError(str(refused)))
    except BrokerTrouble as trouble:
        return unwell(BrokerError(str(trouble)))
    except (OSError, psycopg.Error) as error:
        return unwell(NoAnswer(first_line(error)))


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type when it has none."""
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


def _http_or_stalled(probe: HttpAnswers, subject: ProbeSubject) -> ProbeResult:
    try:
        return _http(probe)
    except OSError as error:
        stalled = subject.was_ready and _answers(subject.database)
        health = Health.STALLED if stalled else Health.UNWELL
        return ProbeResult(health, NoAnswer(first_line(error), subject.was_ready))


def _answers(database: DatabaseConnection) -> bool:
    try:
        return database.row("SELECT 1", ()) is not None
    except psycopg.Error:
        return False


def _http(probe: HttpAnswers) -> ProbeResult:
    for url in probe.urls:
        status = http_client.ask("GET", url, _HTTP_TIMEOUTS, most_bytes=0).status
        if status >= 500:
            return unwell(HttpError(urlsplit(url).path, status))
    return WELL


def _job(probe: JobBeats, subject: ProbeSubject) -> ProbeResult:
    age_seconds = _age_of_own(Path(probe.file), subject) if probe.file else _age_of_any(probe.job_type, subject)
    if age_seconds is None:
        return unwell(NoHeartbeat())
    if age_seconds > probe.late_seconds:
        return ProbeResult(Health.STALLED if subject.was_ready else Health.UNWELL, LateHeartbeat(age_seconds))
    return WELL


def _age_of_own(file: Path, subject: ProbeSubject) -> float | None:
    """Return the age of the very process's heartbeat, by the row in its mark: a host may have several of a kind."""
    job = job_marks.read_job(file.parent, file.stem)
    if job is None or job.pid != subject.pid:
        return None
    # Whatever its state: another scheduler calls one that is silent failed long before its agent ends it, and when it
    # goes on, it calls itself running again (Airflow's Job.heartbeat merges all it remembers).
    return _seconds(subject.database.row(f"{_AGE} WHERE id = %s", (job.number,)))


def _age_of_any(job_type: str, subject: ProbeSubject) -> float | None:
    return _seconds(
        subject.database.row(
            f"{_AGE} WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)",
            (job_type, subject.started_at - 1.0),
        )
    )


def _seconds(row: tuple[Any, ...] | None) -> float | None:
    return float(row[0]) if row and row[0] is not None else None


def _file(probe: FileBeats, subject: ProbeSubject) -> ProbeResult:
    try:
        pid = job_marks.read(Path(probe.path)).strip()
        touched_ns = os.lstat(probe.path).st_mtime_ns
    except FileNotFoundError:
        return unwell(NotReported())
    if pid != str(subject.pid):
        return unwell(NotReported())
    age_seconds = subject.ages.age(probe.path, touched_ns)
    if age_seconds > probe.late_seconds:
        return _late(probe, age_seconds, subject)
    return WELL


def _late(probe: FileBeats, age_seconds: float, subject: ProbeSubject) -> ProbeResult:
    if probe.broker is None:
        return unwell(LateSign(age_seconds))
    line = subject.lines.to(probe.broker)
    try:
        line.check()
    except OSError as error:
        return unwell(NoBroker(first_line(error)))
    had_time = line.well_seconds > RECONNECT_SECONDS
    return ProbeResult(Health.USELESS if had_time else Health.UNWELL, NotConsuming(age_seconds))
