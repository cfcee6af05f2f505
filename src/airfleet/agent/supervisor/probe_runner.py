"""The probe runner: probes of all components, each at its own pace, in threads because a probe may block."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg

from airfleet.agent.probes import component_probe
from airfleet.agent.probes.component_probe import BrokerLines, FileAges, ProbeSubject
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.probes.results import NoAnswer, ProbeFailed, ProbeResult, unwell
from airfleet.agent.servers import airflow_database
from airfleet.agent.states import State
from airfleet.agent.supervisor.process import Running
from airfleet.events import in_words
from airfleet.fleet.planning.plan import BrokerWorks, FileBeats, PostgresAnswers, Probe, Watch

#: seconds between two probes of a component that is not ready yet, and of one that is
STARTING_PROBE_SECONDS = 0.15
READY_PROBE_SECONDS = 5.0
#: and of a broker, or a worker, whose probes are cheap: a worker that takes nothing is replaced within 15 s
BROKER_PROBE_SECONDS = 2.0
#: between two of a broker that was never well: each probe is a new connection
WATCH_PROBE_SECONDS = 1.0
THREADS = 4

_PROBED = frozenset({State.STARTING, State.READY, State.DEGRADED})


@dataclass(frozen=True)
class ProbeAnswer:
    """The result of one probe of the process ``pid``."""

    name: str
    pid: int | None
    result: ProbeResult


class ProbeRunner:
    """Runs one probe at a time for each component; calls ``wake`` after each."""

    def __init__(self, database: DatabaseConnection, wake: Callable[[], None]) -> None:
        self._database = database
        self._lines = BrokerLines()
        self._ages = FileAges()
        self._wake = wake
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="probe")
        self._answers: queue.SimpleQueue[ProbeAnswer] = queue.SimpleQueue()
        self._asked: dict[str, float] = {}
        self._in_flight: set[str] = set()

    def ask(self, running: Running, now: float) -> None:
        """Begin a probe of a running component, if it is due."""
        watched = isinstance(running.component.start, Watch)
        if (running.pid is None and not watched) or running.state not in _PROBED:
            return
        pause = _pause(running)
        if running.name in self._in_flight or now - self._asked.get(running.name, -pause) < pause:
            return
        self._asked[running.name] = now
        self._in_flight.add(running.name)
        was_ready = running.state != State.STARTING
        subject = ProbeSubject(running.pid, running.started_at, self._database, self._lines, self._ages, was_ready)
        self._threads.submit(self._run, running, subject)

    def answers(self) -> Iterator[ProbeAnswer]:
        """Yield the answers that came since the last call."""
        while not self._answers.empty():
            answer = self._answers.get()
            self._in_flight.discard(answer.name)
            yield answer

    def close(self) -> None:
        """Begin no more probes."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._lines.close()

    def _run(self, running: Running, subject: ProbeSubject) -> None:
        try:
            result = _prepare_and_ask(running.component.probe, subject)
        except Exception as surprise:  # without an answer it would never be asked again
            result = unwell(ProbeFailed(in_words(surprise)))
        self._answers.put(ProbeAnswer(running.name, subject.pid, result))
        self._wake()


def _prepare_and_ask(probe: Probe, subject: ProbeSubject) -> ProbeResult:
    """Probe a component; a database server that starts is given Airflow's role and database first."""
    if isinstance(probe, PostgresAnswers) and not subject.was_ready:
        try:
            airflow_database.provide(probe.port, probe.password, probe.airflow_password)
        except (OSError, psycopg.Error) as error:
            return unwell(NoAnswer(component_probe.first_line(error)))
    return component_probe.ask(probe, subject)


def _pause(running: Running) -> float:
    """Return the seconds between two probes of this component."""
    if running.state == State.STARTING:
        return WATCH_PROBE_SECONDS if isinstance(running.component.start, Watch) else STARTING_PROBE_SECONDS
    return BROKER_PROBE_SECONDS if isinstance(running.component.probe, BrokerWorks | FileBeats) else READY_PROBE_SECONDS
