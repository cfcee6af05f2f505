"""Whatever Airflow's own constructors refuse is a problem of ``check`` at its place, and nothing else is."""

from __future__ import annotations

import inspect
from pathlib import Path

import jinja2
import pytest

from airfleet.errors import FileProblems
from airfleet.pipelines.airflow import dag
from airfleet.pipelines.analysis.module_files import module_file
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.checks.refusals import JINJA_OPTIONS, RESOURCES_OF_DAGS
from airfleet.pipelines.reading import reader

SENSOR = "uses: file_sensor, with: {{filepath: /x, {}}}"
TASKS = "tasks: [{id: a}]"

#: lines of a file, and the problem at its place
WRONG = [
    (
        "tasks: [{id: a, executor: LocalExecutor}]",
        "2:27: tasks.a.executor: there is no executor 'LocalExecutor'\n"
        "hint: leave it out: a fleet has one executor, CeleryExecutor",
    ),
    (
        f"fail_fast: true\ndefaults: {{trigger_rule: all_done}}\n{TASKS}",
        "3:26: defaults.trigger_rule: cannot be 'all_done' in a pipeline with 'fail_fast: true'\n"
        "hint: one of all_success, all_done_setup_success",
    ),
    (
        f"allowed_run_types: [manual]\nschedule: '@daily'\n{TASKS}",
        "2:20: allowed_run_types: needs 'scheduled' in a pipeline with this schedule",
    ),
    (
        f"allowed_run_types: [scheduled]\n{TASKS}",
        "2:20: allowed_run_types: needs 'manual' in a pipeline without a schedule",
    ),
    (
        f"catchup: true\nschedule: '@daily'\n{TASKS}",
        "2:10: catchup: needs a start_date: without one there is nothing to catch up\nhint: add start_date",
    ),
    (
        f"owner_links: {{me: example.org}}\n{TASKS}",
        "2:19: owner_links.me: must be a link, not 'example.org'\nhint: write https://… or mailto:…",
    ),
    (
        f"owner_links: {{me: 'https://[x'}}\n{TASKS}",
        "2:19: owner_links.me: must be a link, not 'https://[x'\nhint: write https://… or mailto:…",
    ),
    (
        f"access_control: {{Viewer: can_read}}\n{TASKS}",
        "2:26: access_control.Viewer: must be a list of permissions\nhint: write [can_read], for example",
    ),
    (
        f"access_control: {{Viewer: {{DAGs: [can_read], Dag Runs: [can_read]}}}}\n{TASKS}",
        "2:26: access_control.Viewer: a Dag has no permissions on 'Dag Runs'\nhint: there are 'DAGs', 'DAG Runs'",
    ),
    (
        f"access_control: {{Viewer: {{DAGs: [3]}}}}\n{TASKS}",
        "2:26: access_control.Viewer: must be a list of permissions\nhint: write [can_read], for example",
    ),
    (
        f"jinja_environment_kwargs: {{trim_block: true}}\n{TASKS}",
        "2:40: jinja_environment_kwargs.trim_block: Jinja has no option 'trim_block'\n"
        "hint: did you mean 'trim_blocks'?",
    ),
    (
        "tasks: [{id: a, resources: {cpu: 1}}]",
        "2:34: tasks.a.resources.cpu: there is no resource 'cpu'\nhint: there are cpus, ram, disk, gpus",
    ),
    (
        "tasks: [{id: a, resources: {cpus: -1}}]",
        "2:35: tasks.a.resources.cpus: must be a number of 0 or more, not -1",
    ),
    (
        f"tasks: [{{id: a, {SENSOR.format('mode: pokes')}}}]",
        "2:63: tasks.a.with.mode: 'pokes' is not one of the values it can have\nhint: one of poke, reschedule",
    ),
    (
        f"tasks: [{{id: a, {SENSOR.format('poke_interval: -1')}}}]",
        "2:72: tasks.a.with.poke_interval: must not be negative, but is -1",
    ),
    (
        f"tasks: [{{id: a, {SENSOR.format('timeout: .inf')}}}]",
        "2:66: tasks.a.with.timeout: must be a duration such as 90s, 5m or 1h30m, not inf",
    ),
    (
        f"tasks: [{{id: a, {SENSOR.format('soft_fail: true, never_fail: true')}}}]",
        "2:86: tasks.a.with.never_fail: cannot be true together with 'soft_fail'",
    ),
    (
        "tasks: [{id: a, uses: time_delta_sensor, with: {delta: .nan}}]",
        "2:56: tasks.a.with.delta: must be a duration such as 90s, 5m or 1h30m, not nan",
    ),
    (
        "tasks: [{id: a, uses: time_delta_sensor, with: {delta: 36501d}}]",
        "2:56: tasks.a.with.delta: is a duration of 36501 days; Airflow can reckon with 36500 at most",
    ),
]  # fmt: skip


def written(folder: Path, text: str) -> Path:
    file = folder / "p.yaml"
    file.write_text(f"dag_id: p\n{text}\n")
    return file


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_check_says_what_airflow_would_refuse(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    assert [str(problem).replace(f"{file}:", "") for problem in read_and_check(file, environ={}).problems] == [said]


#: refused by others than the constructors: by the loader of Dags, by the calendar, or by nobody before it is too late
ELSEWHERE = ("executor", "36501d", ".nan", "access_control", "jinja_environment_kwargs")


@pytest.mark.parametrize("text", [text for text, _ in WRONG if not any(word in text for word in ELSEWHERE)])
def test_airflow_does_refuse_it(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    [draft] = reader.read(file.read_text(), str(file)).drafts
    with pytest.raises(FileProblems):
        dag.build(draft.pipeline)


def test_the_options_of_jinja_are_those_that_it_takes() -> None:
    assert inspect.signature(jinja2.Environment.__init__).parameters.keys() >= JINJA_OPTIONS


def test_the_resources_of_permissions_are_those_of_airflow() -> None:
    text = module_file("airflow.security.permissions")
    assert text is not None
    assert all(f'"{name}"' in text.read_text() for name in RESOURCES_OF_DAGS)


FINE = [
    f"access_control: {{Viewer: [can_read], Op: {{DAGs: [can_edit], DAG Runs: [can_create]}}}}\n{TASKS}",
    f"jinja_environment_kwargs: {{variable_start_string: '<<', extensions: [jinja2.ext.do]}}\n{TASKS}",
    "tasks: [{id: a, executor: CeleryExecutor}]",
    "fail_fast: true\ntasks: [{id: a, trigger_rule: all_success}]",
    f"allowed_run_types: [scheduled, backfill]\nschedule: '@daily'\n{TASKS}",
    f"catchup: true\nschedule: '@daily'\ndefaults: {{start_date: 2026-01-01}}\n{TASKS}",
    f"owner_links: {{me: 'mailto:me@example.org', you: 'https://example.org'}}\n{TASKS}",
    "tasks: [{id: a, resources: {cpus: 1, ram: 512}}]",
    f"tasks: [{{id: a, {SENSOR.format('mode: reschedule, poke_interval: 0, timeout: 1h')}}}]",
]


@pytest.mark.parametrize("text", FINE)
def test_both_take_the_rest(tmp_path: Path, text: str) -> None:
    checked = read_and_check(written(tmp_path, text), environ={})
    assert checked.problems == ()
    assert dag.build(checked.pipelines[0]).dag_id == "p"
