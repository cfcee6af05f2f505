"""What sensors refuse: said by a check, at the place of the argument, before Airflow says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.airflow import dag
from airfleet.pipelines.checks.pipeline_checks import read_and_check

FILE = "uses: file_sensor, with: {filepath: x"
OTHER = "uses: external_task_sensor, with: {external_dag_id: x"
WHOLE = "uses: airflow.providers.standard.sensors.filesystem.FileSensor, with: {filepath: x"
RUN_STATES = "there are failed, queued, running, success"

WRONG = [
    (f"{FILE}, soft_fail: true, never_fail: true}}",
     "with.never_fail: cannot be true together with 'soft_fail'"),
    (f"{WHOLE}, never_fail: true, soft_fail: true}}",
     "with.never_fail: cannot be true together with 'soft_fail'"),
    (f"{FILE}, soft_fail: 'true', never_fail: 'true'}}",
     "with.never_fail: cannot be true together with 'soft_fail'"),
    (f"{FILE}, never_fail: true}}, expand: {{soft_fail: [false, true]}}",
     "expand.soft_fail[1]: cannot be true together with 'never_fail'"),
    ("uses: file_sensor, expand_kwargs: [{filepath: x}, {filepath: y, soft_fail: true, never_fail: true}]",
     "expand_kwargs[1].never_fail: cannot be true together with 'soft_fail'"),
    (f"{FILE}, mode: Poke}}", "with.mode: 'Poke' is not one of the values it can have\nhint: one of poke, reschedule"),
    (f"{FILE}}}, expand: {{mode: [poke, nope]}}",
     "expand.mode[1]: 'nope' is not one of the values it can have\nhint: one of poke, reschedule"),
    (f"{FILE}, mode: null}}", "with.mode: cannot be null\nhint: leave it out for Airflow's own default"),
    (f"{FILE}, poke_interval: null}}",
     "with.poke_interval: cannot be null\nhint: leave it out for Airflow's own default"),
    (f"{FILE}, timeout: -5}}", "with.timeout: must not be negative, but is -5"),
    (f"{OTHER}, external_task_id: a, external_task_ids: [b]}}",
     "with.external_task_ids: cannot stand beside 'external_task_id'"),
    (f"{OTHER}, external_task_ids: [b], external_task_group_id: a}}",
     "with.external_task_group_id: cannot stand beside 'external_task_ids'"),
    (f"{OTHER}, execution_delta: 1h, execution_date_fn: 'm:f'}}",
     "with.execution_date_fn: cannot stand beside 'execution_delta'"),
    (f"{OTHER}, external_task_ids: [b, c, b]}}", "with.external_task_ids: names a task twice"),
    (f"{OTHER}, allowed_states: [failed], failed_states: [failed]}}",
     "with.failed_states: cannot have 'failed': 'allowed_states' has it, too"),
    (f"{OTHER}, failed_states: [success]}}",
     "with.failed_states: cannot have 'success': 'allowed_states' has it by default, too"),
    (f"{OTHER}, allowed_states: [skipped]}}",
     f"with.allowed_states: 'skipped' is no state of a run\nhint: {RUN_STATES}"),
    (f"{OTHER}, external_task_id: a, allowed_states: [sucess]}}",
     "with.allowed_states: 'sucess' is no state of a task\nhint: did you mean 'success'?"),
    (f"{OTHER}, allowed_states: success}}", "with.allowed_states: must be a list of states\nhint: write [success]"),
    ("uses: day_of_week_sensor, with: {week_day: funday}",
     "with.week_day: 'funday' is no day of the week\nhint: did you mean 'sunday'?"),
    ("uses: day_of_week_sensor, with: {week_day: 1}", "with.week_day: must be the name of a day, such as monday"),
    ("uses: branch_day_of_week, with: {week_day: [x], follow_task_ids_if_true: b, follow_task_ids_if_false: b}",
     "with.week_day: 'x' is no day of the week\n"
     "hint: one of monday, tuesday, wednesday, thursday, friday, saturday, sunday"),
    ("uses: trigger_dagrun, with: {trigger_dag_id: x, failed_states: [nope]}",
     f"with.failed_states: 'nope' is no state of a run\nhint: {RUN_STATES}"),
    ("uses: branch_date_time, with: {target_lower: null, target_upper: null, follow_task_ids_if_true: b,"
     " follow_task_ids_if_false: b}", "with.target_lower: cannot be null where 'target_upper' is"),
    ("uses: time_sensor, with: {target_time: '25:00'}",
     "with.target_time: must be a time of the day such as '06:30', not '25:00'"),
    ("uses: time_sensor, with: {target_time: null}",
     "with.target_time: cannot be null"),
]  # fmt: skip
GOOD = [
    f"{FILE}, soft_fail: true, never_fail: false, timeout: null, mode: reschedule}}",
    f"{FILE}, soft_fail: true}}, expand: {{never_fail: [false]}}",
    f"{OTHER}, external_task_id: a, allowed_states: [success, skipped], failed_states: [failed, upstream_failed]}}",
    f"{OTHER}, external_task_ids: []}}",
    "uses: day_of_week_sensor, with: {week_day: [Monday, TUESDAY]}",
    "uses: time_sensor, with: {target_time: '00:00'}",
    "uses: trigger_dagrun, with: {trigger_dag_id: x, allowed_states: [success, failed], failed_states: [failed]}",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "m.py").write_text("def f(logical_date): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("task", "sentence"), WRONG)
def test_what_a_sensor_refuses_is_said_at_its_argument(task: str, sentence: str, folder: Path) -> None:
    (folder / "p.yaml").write_text(f"dag_id: d\ntasks: [{{id: t, {task}}}]\n")
    [problem] = read_and_check(folder / "p.yaml", environ={}).problems
    assert str(problem).partition(" tasks.t.")[2] == sentence


@pytest.mark.parametrize("task", GOOD)
def test_what_a_sensor_takes_is_built(task: str, folder: Path) -> None:
    (folder / "p.yaml").write_text(f"dag_id: d\ntasks: [{{id: t, {task}}}]\n")
    checked = read_and_check(folder / "p.yaml", environ={})
    assert checked.problems == ()
    assert dag.build(checked.pipelines[0]).task_ids == ["t"]
