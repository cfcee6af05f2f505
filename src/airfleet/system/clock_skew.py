"""Clock skew between hosts: its measurement, its limits, and the sentence for people.

Liveness goes by the database's clock alone (leases, and heartbeats: :mod:`airfleet.metadata.heartbeat_trigger`). A
host's own clock still gives the time of a new token, the due time of a Dag, and the times in logs.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Protocol

#: a token is good on a host whose clock differs by so much from that of the host that made it, seconds
MAY_DIFFER_SECONDS = 150
#: less is not worth a word, seconds
WRONG_SECONDS = 2.0


def ahead(asked_at: float, theirs: float, answered_at: float) -> float:
    """Give the least seconds by which this clock is ahead of one that was read in between; below 0 when behind.

    >>> ahead(100.0, 101.0, 102.0), ahead(220.0, 101.0, 222.0), ahead(100.0, 220.0, 102.0)
    (0.0, 119.0, -118.0)
    """
    return max(0.0, asked_at - theirs) + min(0.0, answered_at - theirs)


class HeartbeatingJob(Protocol):
    """A job of Airflow's: when it sent its last heartbeat, by the clock of its host, and how often it does, seconds."""

    latest_heartbeat: Any

    @property
    def heartrate(self) -> float: ...


def catch_up(job: HeartbeatingJob, now: datetime) -> None:
    """Have a heartbeat sent that is due though the clock was set back.

    Airflow counts from the last one (``airflow.jobs.job.perform_heartbeat``): with that in the future it would send
    none until then, and others would hold the job to be dead.
    """
    if job.latest_heartbeat is not None and job.latest_heartbeat > now:
        job.latest_heartbeat = now - timedelta(seconds=job.heartrate)


def trouble(seconds_ahead: float) -> str:
    """Describe the fault of a clock in a sentence; empty while it is right enough."""
    if abs(seconds_ahead) < WRONG_SECONDS:
        return ""
    way = "ahead of" if seconds_ahead > 0 else "behind"
    return (
        f"the clock of this host is {abs(seconds_ahead):.0f} s {way} the database's: what is due by time starts at the"
        f" wrong moment, and from {MAY_DIFFER_SECONDS} s on tasks are refused; have chrony or another NTP client set it"
    )
