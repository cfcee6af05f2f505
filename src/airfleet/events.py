"""Everything worth a line in the agent's log: a name for machines, a sentence for people."""

from __future__ import annotations

import datetime as dt
import json
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, TextIO, TypeAlias


class Event(Enum):
    """An event and its sentence; the words in braces are its payload."""

    AGENT_STARTED = "the agent of fleet '{fleet}' runs as process {pid}"
    LEFTOVERS_ENDED = "ended {count} processes that an earlier agent had left"
    WORKERS_INHERITED = "{count} workers that an earlier agent had left finish what they run"
    COMPONENT_CHANGED = "{component} is {state} {reason}"
    COMPONENT_DIED = "{component} {how}; deaths so far: {restarts}"
    TRIED_AGAIN = "{component}, which was given up, is tried again: its cause may be gone"
    JOB_FENCED = "{component} is gone: its job {job} is marked as failed"
    OUTCOME_TOLD = "the API was told how attempt {attempt} ended, which its monitor could not do any more: {status}"
    OUTCOME_UNTELLABLE = "how attempt {attempt} ended cannot be told, so it runs again: {why}"
    ATTEMPTS_LOST = "{count} attempts that ran here have no process any more"
    HOST_REGISTERED = "this is host '{host}', which Airflow knows as {hostname}; its last life left {lost} attempts"
    HOST_REFUSED = "host '{host}' {why}"
    HOST_GONE = "host '{host}' ({boot}) is gone: {lost} attempts that ran there run again elsewhere"
    UPSTREAMS_CHANGED = "nginx was told which api-servers there are: {servers}"
    API_SERVERS_UNTOLD = "tasks were not told which api-servers there are: {why}"
    UPSTREAMS_REFUSED = "nginx was not told which api-servers there are: {why}"
    ATTEMPTS_ENDED = "ended what ran here: {why}"
    STARTED_ANEW = "other hosts took this one over; it comes back as {hostname}"
    WORKERS_DRAIN = "this host is drained: its workers finish what runs"
    LIMITS_IMPOSSIBLE = "limits of memory in fleet.yaml are not kept on this machine: {why}"
    LOGS_DELETED = "deleted {count} log files that were older than the fleet keeps them"
    LOG_SET_ASIDE = "the log of {component} had grown to {size} MB and begins anew; what was in it is in {file}"
    DISK_FULL = "{trouble}"
    DISK_HAS_ROOM = "the disks of this host have room again"
    CLOCK_WRONG = "the time is wrong: {trouble}"
    CLOCK_RIGHT = "the clock of this host agrees with the database's again"
    PROCESSES_UNWRITTEN = "which processes run here cannot be written down for the next agent: {why}"
    PROCESSES_WRITTEN = "which processes run here is written down again"
    GUARD_MISSING = "no guard watches over this host's attempts: {why}"
    SURPRISED = "{part} met what nobody had thought of, and goes on; please report it: {why}"
    FLEET_READY = "fleet '{fleet}' is ready after {seconds} s"
    FLEET_STOPPING = "fleet '{fleet}' stops"
    FLEET_STOPPED = "fleet '{fleet}' has stopped"


#: takes an event and its payload
Log: TypeAlias = Callable[..., None]


def to_file(file: TextIO, now: Callable[[], dt.datetime]) -> Log:
    """A log that writes one line per event: time, sentence, and the event as JSON."""

    def write(event: Event, **payload: Any) -> None:
        sentence = event.value.format(**payload).strip()
        data = json.dumps({"action": event.name.lower(), **payload})
        file.write(f"{now().isoformat(timespec='milliseconds')} {sentence} {data}\n")
        file.flush()

    return write


def in_words(error: BaseException) -> str:
    """An error that nobody expected, with the line it came from."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(places[-1].filename)}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{place}"


#: errors of one part that are said; a message may be another one each time
MANY = 100


class Surprises:
    """Errors that nobody expected in a part that has to go on all the same; one that repeats is said once."""

    def __init__(self, part: str, log: Log) -> None:
        self._part = part
        self._log = log
        self._said: set[str] = set()

    def met(self, error: Exception) -> None:
        """Say it, unless it was said before, or too many were: they come from a loop."""
        why = in_words(error)
        if why not in self._said and len(self._said) < MANY:
            self._said.add(why)
            self._log(Event.SURPRISED, part=self._part, why=why)

    @contextmanager
    def borne(self) -> Iterator[None]:
        """Whatever goes wrong in the block is said, and borne."""
        try:
            yield
        except Exception as error:
            self.met(error)
