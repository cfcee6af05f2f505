"""Runs that a scheduler would make of a Dag, from the Dag as the database keeps it."""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction


def scheduled_runs(dag: DAG, after: str, count: int) -> list[DagRunInfo]:
    """Give the next runs after a moment."""
    timetable = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable
    moment: Any = pendulum.parse(after)
    last, found = DataInterval(moment, moment), []
    for _ in range(count):
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=TimeRestriction(moment, None, True)
        )
        assert info is not None
        last = info.data_interval
        found.append(info)
    return found
