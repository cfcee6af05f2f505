"""The zygote: imports Airflow once, and forks every Airflow component on command."""

from __future__ import annotations

import sys
from typing import Final

from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, Exec, Started

KIND: Final = "zygote"


def components(context: Context) -> tuple[Component, ...]:
    """Make the process, if it has anything to fork here; the agent adds its end of the socket."""
    if not context.runs_airflow:
        return ()
    start = Exec((sys.executable, "-m", "airfleet.zygote.main"))
    return (Component(name=KIND, kind=KIND, start=start, probe=Started(), start_seconds=120.0, grace_seconds=5.0),)
