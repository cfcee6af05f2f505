"""The states and days that sensors of the standard provider take."""

from __future__ import annotations

import inspect

from airflow.providers.standard.sensors.external_task import ExternalTaskSensor
from airflow.providers.standard.sensors.time import TimeSensor
from airflow.providers.standard.utils.weekday import WeekDay
from airflow.sdk import BaseSensorOperator
from airflow.utils.state import State

from airfleet.pipelines.analysis.annotations import kind_in
from airfleet.pipelines.checks.uses.sensors import MODES, RUN_STATES, TASK_STATES, WEEKDAYS


def test_the_states_that_a_sensor_waits_for() -> None:
    assert {state.value for state in State.task_states if state is not None} == TASK_STATES
    assert {state.value for state in State.dag_states} == RUN_STATES
    assert {"allowed_states", "skipped_states", "failed_states", "external_task_ids", "external_task_group_id"} <= set(
        inspect.signature(ExternalTaskSensor.__init__).parameters
    )


def test_modes_days_and_times() -> None:
    assert tuple(BaseSensorOperator.valid_modes) == MODES
    assert tuple(day.lower() for day in WeekDay.__members__) == WEEKDAYS
    assert kind_in(inspect.signature(TimeSensor.__init__).parameters["target_time"].annotation) == "time"
