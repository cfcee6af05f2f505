"""The end of a component that has nothing to do: it leaves a record for its agent, and its job stays as it is. [A]

Airflow would call the job ended, and so unhealthy. The agent sends its heartbeat from then on, and calls it ended when
another process of the component has one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from airfleet.file_stamps import Stamp
from airfleet.fleet.planning.plan import SLEEP_AFTER
from airfleet.spool import sleep_records
from airfleet.spool.sleep_records import SleepRecord
from airfleet.zygote import component_settings
from airfleet.zygote.component_settings import Options


def after_seconds(options: Options) -> float | None:
    """Return the seconds without work after which this component ends; None: it never does."""
    found = options.get(SLEEP_AFTER)
    return None if found is None else float(found)


def end(due_seconds: float | None = None, stamps: Mapping[str, Stamp | None] | None = None, notes: Any = None) -> None:
    """End this process, which has stopped its work; returns only if its record cannot be written."""
    record = SleepRecord(os.environ["AIRFLEET_COMPONENT"], os.getpid(), due_seconds, stamps or {})
    try:
        sleep_records.write(Path(os.environ["AIRFLOW_HOME"]), record, notes)
    except OSError as refused:
        print(f"ends for want of work, but the agent cannot be told: {refused}", file=sys.stderr)
        return
    component_settings.finish()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # not through Airflow's end of a job


def take_notes() -> Any:
    """Read the notes of the process before; None where there are none."""
    return sleep_records.take_notes(Path(os.environ["AIRFLOW_HOME"]), os.environ["AIRFLEET_COMPONENT"])
