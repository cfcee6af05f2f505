"""Events of the agent's log: a name for machines, a sentence for people."""

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
    WORKERS_INHERITED = "reattached to {count} workers of an earlier agent; they drain"
    COMPONENT_CHANGED = "{component} is {state} {reason}"
    COMPONENT_WOKEN = "{component} is started, because {why}"
    COMPONENT_DIED = "{component} {how}; deaths so far: {restarts}"
    TRIED_AGAIN = "{component} was given up and is retried: its cause may be gone"
    JOB_FENCED = "{component} is gone: its job {job} is marked as failed"
    OUTCOME_TOLD = "reported the result of attempt {attempt} from the outbox, because its monitor is gone: {status}"
    OUTCOME_UNTELLABLE = "the result of attempt {attempt} in the outbox is refused, so it runs again: {why}"
    ATTEMPTS_LOST = "{count} attempts of this host are lost: none of their processes is left"
    HOST_REGISTERED = "this is host '{host}', '{hostname}' for Airflow; its last incarnation left {lost} attempts"
    HOST_REFUSED = "host '{host}' {why}"
    HOST_GONE = "host '{host}' ({boot}) is gone: its {lost} attempts run again on other hosts"
    UPSTREAMS_CHANGED = "nginx has a new list of api-servers: {servers}"
    API_SERVERS_UNTOLD = "tasks keep their old list of api-servers: {why}"
    UPSTREAMS_REFUSED = "nginx keeps its old list of api-servers: {why}"
    ATTEMPTS_ENDED = "ended all attempts of this host: {why}"
    STARTED_ANEW = "other hosts took this one over; its new incarnation is {hostname}"
    WORKERS_DRAIN = "this host drains: its workers finish what they run"
    LIMITS_IMPOSSIBLE = "memory limits of fleet.yaml are not kept on this machine: {why}"
    LOGS_DELETED = "deleted {count} log files older than log_retention"
    LOG_SET_ASIDE = "the log of {component} had {size} MB and begins anew; its text until now is in {file}"
    DISK_FULL = "{trouble}"
    DISK_HAS_ROOM = "the disks of this host have room again"
    CLOCK_WRONG = "wrong clock: {trouble}"
    CLOCK_RIGHT = "the clock of this host agrees with the database's again"
    PROCESSES_UNWRITTEN = "the list of processes for the next agent cannot be written: {why}"
    PROCESSES_WRITTEN = "the list of processes for the next agent is written again"
    WATCHDOG_MISSING = "no watchdog would end this host's attempts if the agent died: {why}"
    RELEASE_FETCHED = "fetched release {release} in {seconds} s"
    RELEASE_NOT_FETCHED = "release {release} is not on this host yet, and is fetched again later: {why}"
    RELEASE_FROM_HOST = "release {release} is fetched from {place}: {why}"
    RELEASE_LIVE = "release {release} is live on this host"
    RELEASE_NOT_LIVE = "release {release} cannot go live on this host, which is tried again later: {why}"
    RELEASE_REFUSED = "release {release} may not go live on this host: it {why}"
    RELEASE_RETIRED = "no release is live any more: the folder of pipelines is in force again"
    RELEASES_DELETED = "deleted {count} releases that no run needs any more"
    RELEASES_UNHEARD = "no news of releases, so this host goes on with those that it has: {why}"
    RELEASES_HEARD = "news of releases arrives again"
    SURPRISED = "unexpected error in {part}, which goes on; please report it: {why}"
    FLEET_READY = "fleet '{fleet}' is ready after {seconds} s"
    FLEET_STOPPING = "fleet '{fleet}' stops"
    FLEET_STOPPED = "fleet '{fleet}' has stopped"


#: takes an event and its payload
Log: TypeAlias = Callable[..., None]


def to_file(file: TextIO, now: Callable[[], dt.datetime]) -> Log:
    """Make a log that writes one line per event: time, sentence, and the event as JSON."""

    def write(event: Event, **payload: Any) -> None:
        sentence = event.value.format(**payload).strip()
        data = json.dumps({"action": event.name.lower(), **payload})
        file.write(f"{now().isoformat(timespec='milliseconds')} {sentence} {data}\n")
        file.flush()

    return write


def in_words(error: BaseException) -> str:
    """Describe an unexpected error, with the line it came from."""
    places = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(places[-1].filename)}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{place}"


#: different errors of one part that are logged; further ones come from a loop
MANY = 100


class Surprises:
    """Logs unexpected errors of a part that has to go on all the same; a repeated one once."""

    def __init__(self, part: str, log: Log) -> None:
        self._part = part
        self._log = log
        self._said: set[str] = set()

    def met(self, error: Exception) -> None:
        """Log an error, unless it was logged before, or ``MANY`` others were."""
        why = in_words(error)
        if why not in self._said and len(self._said) < MANY:
            self._said.add(why)
            self._log(Event.SURPRISED, part=self._part, why=why)

    @contextmanager
    def borne(self) -> Iterator[None]:
        """Log an error of the block, and go on."""
        try:
            yield
        except Exception as error:
            self.met(error)
