"""Moments with and without a time and a zone, in any order."""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.timetables.events import EventsTimetable

MOMENTS = [
    pendulum.datetime(2026, 7, 1, 12),
    pendulum.datetime(2026, 12, 24, tz="Europe/Berlin"),
    pendulum.datetime(2026, 12, 31, 12, tz="Europe/Berlin"),
]

with DAG(
    "here",
    schedule=EventsTimetable(MOMENTS, restrict_to_events=True, description="Days"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin"),
) as here:
    EmptyOperator(task_id="a")

with DAG("anywhere", schedule=EventsTimetable([pendulum.datetime(2026, 12, 24)])) as anywhere:
    EmptyOperator(task_id="a")
