"""One component that sleeps, and the events that wake it. Pure, but for stamps of files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from airfleet.agent.states import Reason
from airfleet.file_stamps import stamp
from airfleet.fleet.planning.plan import Wake
from airfleet.spool.sleep_records import SleepRecord


class Cause(Enum):
    """The event that has waked a component; its value is for people."""

    WORK = "the database has work for it"
    CHANGE = "a file changed, or another release is live"
    DUE = "files are due again"
    CALLER = "somebody asks for it"
    PERSON = "a person wants it"


#: what a component waits for, for people
_UNTIL = {
    Wake.DEFERRED: "until a task is deferred",
    Wake.CHANGED: "until a file or the release changes",
    Wake.ASKED: "until somebody looks",
}


@dataclass(frozen=True)
class Asleep(Reason):
    """The component has nothing to do."""

    until: Wake

    def __str__(self) -> str:
        return _UNTIL[self.until]


@dataclass(frozen=True)
class Sleeper:
    """One component that sleeps. Moments are seconds of the agent's clock."""

    name: str
    until: Wake
    record: SleepRecord
    #: when it fell asleep
    since: float
    #: its row in Airflow's table of jobs; None where it has none yet, or never
    job: int | None = None
    #: the type of that row; empty for a kind without one
    job_type: str = ""

    def cause(self, now: float, *, has_work: bool) -> Cause | None:
        """Return the event by which it has to be started now; None while it may sleep on."""
        if has_work:
            return Cause.WORK
        due_seconds = self.record.due_seconds
        if due_seconds is not None and now - self.since >= due_seconds:
            return Cause.DUE
        return Cause.CHANGE if self._sees_change() else None

    def due_in(self, now: float) -> float | None:
        """Return the seconds until it has something to do again; None where only an event tells."""
        due_seconds = self.record.due_seconds
        return None if due_seconds is None else max(0.0, self.since + due_seconds - now)

    def _sees_change(self) -> bool:
        return any(stamp(path) != seen for path, seen in self.record.stamps.items())
