"""Everything worth a line in the agent's log: a name for machines, a sentence for people."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from enum import Enum
from typing import Any, TextIO, TypeAlias


class Event(Enum):
    """An event and its sentence; the words in braces are its payload."""

    AGENT_STARTED = "the agent of fleet '{fleet}' runs as process {pid}"
    LEFTOVERS_ENDED = "ended {count} processes that an earlier agent had left"
    WORKERS_INHERITED = "{count} workers that an earlier agent had left finish what they run"
    COMPONENT_CHANGED = "{component} is {state} {reason}"
    COMPONENT_DIED = "{component} {how}; deaths so far: {restarts}"
    JOB_FENCED = "{component} is gone: its job {job} is marked as failed"
    OUTCOME_TOLD = "the API was told how attempt {attempt} ended, which its monitor could not do any more: {status}"
    ATTEMPTS_LOST = "{count} attempts that ran here have no process any more"
    HOST_REGISTERED = "this is host '{host}', which Airflow knows as {hostname}; its last life left {lost} attempts"
    HOST_GONE = "host '{host}' ({boot}) is gone: {lost} attempts that ran there run again elsewhere"
    UPSTREAMS_CHANGED = "nginx was told which api-servers there are: {servers}"
    API_SERVERS_UNTOLD = "tasks were not told which api-servers there are: {why}"
    UPSTREAMS_REFUSED = "nginx was not told which api-servers there are: {why}"
    ATTEMPTS_ENDED = "ended what ran here: {why}"
    STARTED_ANEW = "other hosts took this one over; it comes back as {hostname}"
    WORKERS_DRAIN = "this host is drained: its workers finish what runs"
    LIMITS_IMPOSSIBLE = "limits of memory in fleet.yaml are not kept on this machine: {why}"
    LOGS_DELETED = "deleted {count} log files that were older than the fleet keeps them"
    DISK_FULL = "{trouble}"
    DISK_HAS_ROOM = "the disks of this host have room again"
    CLOCK_WRONG = "the time is wrong: {trouble}"
    CLOCK_RIGHT = "the clock of this host agrees with the database's again"
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
