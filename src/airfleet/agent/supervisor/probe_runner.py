"""When to ask components how they are; the asking happens in threads, because a probe may block."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from airfleet.agent.probes import component_probe
from airfleet.agent.states import State
from airfleet.agent.supervisor.process import Running
from airfleet.events import in_words
from airfleet.fleet.planning.plan import BrokerWorks, FileBeats, Watch

#: seconds between two probes of a component that is not ready yet, and of one that is
STARTING_PROBE_SECONDS = 0.15
READY_PROBE_SECONDS = 5.0
#: and of a broker, or a worker, which are cheap to ask: within 15 s one that takes nothing has to be replaced
BROKER_PROBE_SECONDS = 2.0
#: between two of a broker that was never well: each question is a new connection
WATCH_PROBE_SECONDS = 1.0


@dataclass(frozen=True)
class Answer:
    """What came of one probe; ``pid`` is the process that was asked about."""

    name: str
    pid: int | None
    verdict: component_probe.Verdict


class Prober:
    """Asks each component at its own pace, one question at a time; ``wake`` is called after each answer."""

    def __init__(self, database_url: str, wake: Callable[[], None]) -> None:
        self.database = component_probe.Database(database_url)
        self._lines = component_probe.Lines()
        self._beats = component_probe.Beats()
        self._wake = wake
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="probe")
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._asked: dict[str, float] = {}
        self._in_flight: set[str] = set()

    def ask(self, running: Running, now: float) -> None:
        """Ask about a running component, if it is time to."""
        watched = isinstance(running.component.start, Watch)
        if (running.pid is None and not watched) or running.state not in (State.STARTING, State.READY, State.DEGRADED):
            return
        pause = _pause(running)
        if running.name in self._in_flight or now - self._asked.get(running.name, -pause) < pause:
            return
        self._asked[running.name] = now
        self._in_flight.add(running.name)
        was_ready = running.state != State.STARTING
        subject = component_probe.Subject(
            running.pid, running.started_at, self.database, self._lines, self._beats, was_ready
        )
        self._threads.submit(self._probe, running, subject)

    def answers(self) -> Iterator[Answer]:
        """Every answer that has come since the last time."""
        while not self._answers.empty():
            answer = self._answers.get()
            self._in_flight.discard(answer.name)
            yield answer

    def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.database.close()
        self._lines.close()

    def _probe(self, running: Running, subject: component_probe.Subject) -> None:
        try:
            verdict = component_probe.ask(running.component.probe, subject)
        except Exception as surprise:  # without an answer it would never be asked again
            verdict = component_probe.Verdict(False, f"cannot be asked: {in_words(surprise)}")
        self._answers.put(Answer(running.name, subject.pid, verdict))
        self._wake()


def _pause(running: Running) -> float:
    """Seconds between two probes of this component."""
    if running.state == State.STARTING:
        return WATCH_PROBE_SECONDS if isinstance(running.component.start, Watch) else STARTING_PROBE_SECONDS
    return BROKER_PROBE_SECONDS if isinstance(running.component.probe, BrokerWorks | FileBeats) else READY_PROBE_SECONDS
