"""A pipeline that reads well can still make no sense: every such problem is said at its place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check

STEPS = """
import functools
from helpers import imported, Loader as Renamed

CONSTANT = 3
made = functools.partial(print)

def fetch(source, rows=10, *, mode="all"): ...
def clean(files, ti, ds, **more): ...
async def chunk(files): ...
def positional(a, /, b): ...

@functools.cache
def decorated(x): ...

class Loader: ...

def tell(context): ...
def tell_all(*contexts): ...
def tell_with(context, channel="ops"): ...
def tell_nobody(): ...
def tell_two(context, channel): ...
def tell_by_name(context, *, channel): ...
"""
NOTIFIERS = """
from airflow.sdk import BaseNotifier
from somewhere import HouseNotifier

class Tell(BaseNotifier):
    def notify(self, context): ...

class TellIn(BaseNotifier):
    def __init__(self, channel, text="it failed"): ...

class TellAgain(Tell): ...
class OfTheHouse(HouseNotifier): ...

told = TellIn("ops")
"""
HELPERS = """
def imported(x): ...
class Loader: ...
"""
OPERATORS = """
from airflow.sdk import BaseOperator
from airflow.providers.standard.operators.bash import BashOperator

class LoadOperator(BaseOperator):
    template_fields = ("table",)

    def __init__(self, *, table, batch=100, **kwargs):
        super().__init__(**kwargs)

class FixedOperator(BashOperator):
    template_fields = (*BashOperator.template_fields, "where")

    def __init__(self, *, where="here", **kwargs):
        super().__init__(bash_command="true", **kwargs)

class Helper: ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as `airfleet init` makes it: fleet.yaml, pipelines, Python modules."""
    (tmp_path / "fleet.yaml").write_text("")
    (tmp_path / "pipelines" / "sql").mkdir(parents=True)
    (tmp_path / "pipelines" / "sql" / "load.sql").write_text("select 1")
    (tmp_path / "etl").mkdir()
    (tmp_path / "etl" / "__init__.py").write_text("")
    (tmp_path / "etl" / "steps.py").write_text(STEPS)
    (tmp_path / "etl" / "notify.py").write_text(NOTIFIERS)
    (tmp_path / "etl" / "operators.py").write_text(OPERATORS)
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "broken.py").write_text("def oops(:\n")
    return tmp_path


def checked(project: Path, text: str) -> CheckedFile:
    file = project / "pipelines" / "p.yaml"
    file.write_text(text)
    return read_and_check(file, environ={})


def said(project: Path, text: str) -> list[str]:
    """The problems, with the folder of the file left out."""
    return [str(problem).replace(f"{project}/pipelines/", "") for problem in checked(project, text).problems]


def with_tasks(*tasks: str) -> str:
    return "dag_id: d\ntasks:\n" + "".join(f"- {{{task}}}\n" for task in tasks)


GOOD_TASKS = [
    "id: t",
    "id: t, uses: 'etl.steps:fetch', with: {source: x}",
    "id: t, uses: 'etl.steps:fetch', with: {source: {$t: x}, mode: y}",
    "id: t, uses: 'etl.steps:clean', with: {files: [], anything: 1}",
    "id: t, uses: 'etl.steps:chunk', with: {files: []}",
    "id: t, uses: 'etl.steps:decorated'",
    "id: t, uses: 'etl.steps:made'",
    "id: t, uses: 'etl.steps:imported', with: {x: 1}",
    "id: t, uses: 'etl.steps:Loader', with: {any: 1}",
    "id: t, uses: 'helpers:imported', with: {x: 1}",
    "id: t, uses: 'json:dumps', with: {obj: 1, extra: 2}",
    "id: t, uses: 'math:sqrt'",
    "id: t, uses: bash, with: {bash_command: x, cwd: {$t: y}, env: {A: {$f: sql/load.sql}}}",
    "id: t, uses: file_sensor, with: {filepath: x, poke_interval: 5, mode: reschedule}",
    "id: t, uses: etl.operators.LoadOperator, with: {table: {$t: x}}",
    "id: t, uses: etl.operators.FixedOperator, with: {where: {$t: x}, cwd: {$t: x}}",
    "id: t, uses: airflow.operators.bash.BashOperator, with: {bash_command: x}",
    "id: t, on_failure_callback: etl.steps:fetch",
    "id: t, uses: branch_python, with: {python_callable: 'etl.steps:fetch'}",
    "id: t, uses: time_delta_sensor, with: {delta: 1h30m, deferrable: true, poke_interval: 5}",
    "id: t, uses: time_delta_sensor, with: {delta: {$t: '{{ params.wait }}'}, poke_interval: '60'}",
    "id: t, uses: bash, with: {bash_command: x, append_env: null}",
]


@pytest.mark.parametrize("task", GOOD_TASKS)
def test_nothing_is_said_of_a_good_task(task: str, project: Path) -> None:
    found = checked(project, with_tasks(task))
    assert [str(problem) for problem in found.problems] == []
    assert [pipeline.dag_id for pipeline in found.pipelines] == ["d"]


def test_a_file_that_a_link_leads_out_to_is_not_read(project: Path) -> None:
    (project.parent / "secret").write_text("s3cret")
    (project / "pipelines" / "link.sh").symlink_to(project.parent / "secret")
    found = said(project, with_tasks("id: t, uses: bash, with: {bash_command: {$f: link.sh}}"))
    assert [problem.partition(": ")[2] for problem in found] == [
        "tasks.t.with.bash_command: 'link.sh' lies outside the project"
    ]


#: ▸ marks the place
BAD_TASKS = [
    ("id: ▸'a b'",
     "tasks.a b.id: the id of a task cannot contain ' '\nhint: letters, digits, '_', '-' and '.' can be used"),
    ("id: t, needs: [▸u]", "tasks.t.needs[0]: there is no task 'u'"),
    ("id: t, needs: ▸t", "tasks.t.needs[0]: 't' waits for itself"),
    ("id: t, uses: bash, with: {bash_command: ▸{$x: u}}", "tasks.t.with.bash_command: there is no task 'u'"),
    ("id: t, uses: bash, with: {bash_command: ▸{$x: t}}", "tasks.t.with.bash_command: 't' waits for itself"),
    ("id: t, uses: bash, with: {bash_command: x, env: {A: ▸{$f: sql/laod.sql}}}",
     "tasks.t.with.env.A: there is no file 'sql/laod.sql'\nhint: did you mean 'sql/load.sql'?"),
    ("id: t, uses: bash, with: {bash_command: ▸{$t: {$f: ../../fleet.yaml}}}",
     "tasks.t.with.bash_command: '../../fleet.yaml' lies outside the project"),
    ("id: t, uses: bash, with: {bash_command: ▸{$f: sql}}", "tasks.t.with.bash_command: 'sql' is a folder, not a file"),
    ("id: t, uses: bash, with: {bash_command: ▸{$f: \"a\\0b\"}}",
     "tasks.t.with.bash_command: 'a\\x00b' is not the name of a file"),
    ("▸id: t, uses: bash", "tasks.t: bash needs 'bash_command'\nhint: write it under 'with' of 't'"),
    ("id: t, uses: bash, with: {bash_comand: ▸x}",
     "tasks.t.with.bash_comand: bash takes no argument 'bash_comand'\nhint: did you mean 'bash_command'?"),
    ("id: t, uses: bash, with: {bash_command: x, append_env: ▸{$t: x}}",
     "tasks.t.with.append_env: 'append_env' is not rendered, so it cannot hold a marker\n"
     "hint: bash takes markers in bash_command, cwd, env"),
    ("▸id: t, uses: python", "tasks.t: python needs 'python_callable'\n"
     "hint: to run a Python function, write uses: module:function"),
    ("▸id: t, uses: file_sensor", "tasks.t: file_sensor needs 'filepath'\nhint: write it under 'with' of 't'"),
    ("id: t, uses: etl.operators.LoadOperator, with: {table: x, batsh: ▸1}",
     "tasks.t.with.batsh: etl.operators.LoadOperator takes no argument 'batsh'\nhint: did you mean 'batch'?"),
    ("id: t, uses: etl.operators.FixedOperator, with: {bash_command: ▸x}",
     "tasks.t.with.bash_command: etl.operators.FixedOperator takes no argument 'bash_command'"),
    ("id: t, uses: ▸etl.operators.LaodOperator",
     "tasks.t.uses: 'etl.operators' has no operator 'LaodOperator'\nhint: did you mean 'LoadOperator'?"),
    ("id: t, uses: ▸etl.operators.Helper",
     "tasks.t.uses: 'etl.operators.Helper' is not an operator\n"
     "hint: a Python function is written etl.operators:Helper"),
    ("id: t, uses: ▸etl.operator.LoadOperator",
     "tasks.t.uses: there is no module 'etl.operator'\nhint: did you mean 'etl.operators'?"),
    ("id: t, uses: ▸airflow.providers.slack.operators.slack.SlackAPIPostOperator",
     "tasks.t.uses: provider 'slack' is not installed\n"
     "hint: add apache-airflow-providers-slack to the requirements"),
    ("id: t, uses: ▸airflow.providers.apache.drill.operators.drill.DrillOperator",
     "tasks.t.uses: provider 'apache.drill' is not installed\n"
     "hint: add apache-airflow-providers-apache-drill to the requirements"),
    ("id: t, uses: ▸airflow.providers.standard.operators.bsh.BashOperator",
     "tasks.t.uses: there is no module 'airflow.providers.standard.operators.bsh'\n"
     "hint: did you mean 'airflow.providers.standard.operators.bash'?"),
    ("id: t, uses: ▸'etl.steps:fecth'",
     "tasks.t.uses: 'etl.steps' has no function 'fecth'\nhint: did you mean 'fetch'?"),
    ("id: t, uses: ▸'etl.setps:fetch'",
     "tasks.t.uses: there is no module 'etl.setps'\nhint: did you mean 'etl.steps'?"),
    ("id: t, uses: ▸'elt:fetch'", "tasks.t.uses: there is no module 'elt'\nhint: did you mean 'etl'?"),
    ("id: t, uses: ▸'zzz_nowhere:f'", "tasks.t.uses: there is no module 'zzz_nowhere'"),
    ("▸id: t, uses: 'etl.steps:fetch'", "tasks.t: etl.steps:fetch needs 'source'\nhint: write it under 'with' of 't'"),
    ("id: t, uses: 'etl.steps:fetch', with: {sorce: ▸1}",
     "tasks.t.with.sorce: etl.steps:fetch takes no argument 'sorce'\nhint: did you mean 'source'?"),
    ("id: t, uses: 'etl.steps:fetch', with: {source: a, retries: ▸1}",
     "tasks.t.with.retries: etl.steps:fetch takes no argument 'retries'\n"
     "hint: write 'retries' beside 'uses' and 'with', not under 'with'"),
    ("id: t, uses: short_circuit, with: {python_callable: ▸'etl.steps:fecth'}",
     "tasks.t.with.python_callable: 'etl.steps' has no function 'fecth'\nhint: did you mean 'fetch'?"),
    ("id: t, uses: short_circuit, with: {python_callable: ▸fetch}",
     "tasks.t.with.python_callable: must be the name of a function\nhint: write module:function"),
    ("id: t, uses: time_delta_sensor, with: {delta: ▸soon}",
     "tasks.t.with.delta: must be a duration such as 90s, 5m or 1h30m, not 'soon'"),
    ("id: t, uses: bash, with: {bash_command: x, append_env: ▸yes}",
     "tasks.t.with.append_env: must be true or false, not 'yes'"),
    ("id: t, uses: trigger_dagrun, with: {trigger_dag_id: x, poke_interval: ▸[1]}",
     "tasks.t.with.poke_interval: must be a whole number, not a list"),
    ("id: t, with: {x: ▸1}",
     "tasks.t.with.x: a task without 'uses' does no work and takes no arguments\nhint: add 'uses'"),
    ("id: t, on_failure_callback: ▸etl.steps:fecth",
     "tasks.t.on_failure_callback: 'etl.steps' has no function 'fecth'\nhint: did you mean 'fetch'?"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "sentence"), BAD_TASKS)
def test_what_is_wrong_with_a_task(task: str, sentence: str, project: Path) -> None:
    column = len("- {") + task.index("▸") + 1
    if task.startswith("▸id"):  # the place of a task is its mapping
        column = len("- ") + 1
    found = checked(project, with_tasks(task.replace("▸", "")))
    assert [str(problem) for problem in found.problems] == [f"{project}/pipelines/p.yaml:3:{column}: {sentence}"]
    assert found.pipelines == ()


TOP_LEVEL = [
    ("schedule: ▸'0 25 * * *'", "schedule: the hour '25' is not between 0 and 23"),
    ("schedule: ▸'@dialy'", "schedule: there is no preset '@dialy'\nhint: did you mean '@daily'?"),
    ("schedule: ▸'@continuous'", "schedule: '@continuous' needs one run at a time\nhint: add 'max_active_runs: 1'"),
    ("schedule: {uses: ▸etl.nowhere.Workdays}", "schedule.uses: there is no module 'etl.nowhere'"),
    ("schedule: {uses: ▸etl.steps.Laoder}",
     "schedule.uses: 'etl.steps' has no timetable 'Laoder'\nhint: did you mean 'Loader'?"),
    ("start_date: ▸0001-01-01T00:00:00+01:00",
     "start_date: 0001-01-01 00:00:00+01:00 is outside the calendar in UTC, which has the years 1 to 9999"),
    ("on_success_callback: ▸etl.steps:nope", "on_success_callback: 'etl.steps' has no function 'nope'"),
    ("defaults: {on_retry_callback: ▸etl.setps:fetch}",
     "defaults.on_retry_callback: there is no module 'etl.setps'\nhint: did you mean 'etl.steps'?"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "sentence"), TOP_LEVEL)
def test_what_is_wrong_at_the_top_level(lines: str, sentence: str, project: Path) -> None:
    before, _, _ = lines.partition("▸")
    place = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    text = f"{lines.replace('▸', '')}\ndag_id: d\ntasks: [{{id: t}}]\n"
    assert said(project, text) == [f"p.yaml:{place}: {sentence}"]


@pytest.mark.parametrize(
    ("dag_id", "sentence"),
    [
        ("a b/c", "the id of a Dag cannot contain ' /'\nhint: letters, digits, '_', '-' and '.' can be used"),
        ("x" * 251, "the id is 251 characters long; Airflow takes 250"),
    ],
)
def test_the_id_of_a_dag(dag_id: str, sentence: str, project: Path) -> None:
    assert said(project, f"dag_id: {dag_id}\ntasks: [{{id: t}}]") == [f"p.yaml:1:9: dag_id: {sentence}"]


FUNCTION_INSTEAD = "\nhint: write a function that takes the context, and name that"


@pytest.mark.parametrize(
    ("callback", "sentence"),
    [
        ("etl.steps:Loader", "'etl.steps:Loader' is a class, and a callback is a function" + FUNCTION_INSTEAD),
        ("etl.steps:imported", None),
        ("etl.steps:Renamed", "'etl.steps:Renamed' is a class, and a callback is a function" + FUNCTION_INSTEAD),
        ("etl.notify:Tell", None),
        ("etl.notify:TellAgain", None),
        ("etl.notify:OfTheHouse", None),
        ("etl.notify:told", None),
        (
            "etl.notify:TellIn",
            "'etl.notify:TellIn' is a notifier that needs 'channel'\n"
            "hint: write {uses: etl.notify:TellIn, with: {channel: …}}",
        ),
        ("etl.steps:tell", None),
        ("etl.steps:tell_all", None),
        ("etl.steps:tell_with", None),
        ("etl.steps:chunk", None),
        ("etl.steps:decorated", None),
        ("etl.steps:made", None),
        (
            "etl.steps:tell_nobody",
            "'etl.steps:tell_nobody' takes nothing, but a callback is given the context alone\n"
            "hint: write def tell_nobody(context)",
        ),
        (
            "etl.steps:tell_two",
            "'etl.steps:tell_two' takes context, channel, but a callback is given the context alone\n"
            "hint: give the others by name: {uses: etl.steps:tell_two, with: {channel: …}}",
        ),
        (
            "etl.steps:tell_by_name",
            "'etl.steps:tell_by_name' takes context, channel, but a callback is given the context alone\n"
            "hint: give the others by name: {uses: etl.steps:tell_by_name, with: {channel: …}}",
        ),
    ],
)
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("on_failure_callback: {}\ntasks: [{{id: t}}]", "p.yaml:2:22: on_failure_callback"),
        ("defaults: {{on_retry_callback: [{}]}}\ntasks: [{{id: t}}]", "p.yaml:2:32: defaults.on_retry_callback[0]"),
        ("tasks: [{{id: t, on_success_callback: {}}}]", "p.yaml:2:38: tasks.t.on_success_callback"),
    ],
)
def test_a_callback_can_be_called_with_the_context(
    callback: str, sentence: str | None, text: str, path: str, project: Path
) -> None:
    expected = [f"{path}: {sentence}"] if sentence else []
    assert said(project, "dag_id: d\n" + text.format(f"'{callback}'")) == expected


@pytest.mark.parametrize(("zone", "is_wrong"), [("Europe/Berlin", False), ("America/New_York", True), ("", True)])
def test_dates_without_a_zone_are_compared_in_the_default_time_zone(zone: str, is_wrong: bool, project: Path) -> None:
    file = project / "pipelines" / "p.yaml"
    file.write_text("dag_id: d\nstart_date: 2026-02-01\nend_date: 2026-01-31T23:30:00Z\ntasks: [{id: t}]\n")
    found = read_and_check(file, environ={"AIRFLOW__CORE__DEFAULT_TIMEZONE": zone} if zone else {}).remarks
    assert [one.sentence for one in found] == ["is before the start_date, 2026-02-01, so no run is ever due"] * is_wrong


def test_a_misspelt_task_is_found(project: Path) -> None:
    assert said(project, with_tasks("id: extract", "id: load, needs: [extrct]")) == [
        "p.yaml:4:22: tasks.load.needs[0]: there is no task 'extrct'\nhint: did you mean 'extract'?"
    ]


def test_dots_in_ids_make_no_group(project: Path) -> None:
    assert said(project, with_tasks("id: load.a", "id: load.b", "id: report, needs: load")) == [
        "p.yaml:5:23: tasks.report.needs[0]: there is no task 'load'\n"
        "hint: dots in ids make no group: name the tasks themselves, as in needs: [load.a, load.b]"
    ]


@pytest.mark.parametrize(
    ("tasks", "circles"),
    [
        (("id: a, needs: b", "id: b, needs: a"), ["3:18: tasks.a.needs: {}: a → b → a"]),
        (("id: a, needs: c", "id: b, needs: a", "id: c, needs: b"), ["3:18: tasks.a.needs: {}: a → b → c → a"]),
        (
            ("id: a, needs: b", "id: b, needs: a", "id: c, needs: d", "id: d, needs: [a, c]"),
            ["3:18: tasks.a.needs: {}: a → b → a", "5:18: tasks.c.needs: {}: c → d → c"],
        ),
        (
            ("id: a, uses: bash, with: {bash_command: {$x: b}}", "id: b, needs: a"),
            ["3:3: tasks.a: {}: a → b → a"],
        ),
    ],
)
def test_every_circle_is_named_whole(tasks: tuple[str, ...], circles: list[str], project: Path) -> None:
    sentence = "the tasks wait for each other in a circle"
    assert said(project, with_tasks(*tasks)) == [f"p.yaml:{circle.format(sentence)}" for circle in circles]


def test_a_long_chain_is_no_circle(project: Path) -> None:
    chain = ["id: t0", *(f"id: t{i}, needs: t{i - 1}" for i in range(1, 2000))]
    assert said(project, with_tasks(*chain)) == []


def test_reading_and_checking_problems_are_said_together(project: Path) -> None:
    assert [line.partition(": ")[2] for line in said(project, with_tasks("id: a, retires: 1, needs: b", "id: c"))] == [
        "tasks.a.retires: a task has no key 'retires'\nhint: did you mean 'retries'?",
        "tasks.a.needs[0]: there is no task 'b'",
    ]


def test_nothing_more_is_said_of_what_is_wrong_already(project: Path) -> None:
    assert said(project, with_tasks("id: a, uses: bahs, with: {x: 1}")) == [
        "p.yaml:3:17: tasks.a.uses: there is no operator 'bahs'\nhint: did you mean 'bash'?"
    ]


@pytest.mark.parametrize(
    "task",
    [
        "id: t, uses: 'etl.steps:fetch', map: {source: [1]}",
        "id: t, uses: 'etl.steps:fetch', partial: {source: 1}",
        "id: t, uses: 'etl.steps:fetch', op_kwargs: {source: 1}",
        "id: t, uses: bash, bash_command: ls",
        "id: t, uses: bash, params: {a: 1}, for_each: {bash_command: [ls]}",
    ],
)
def test_an_argument_that_stands_where_none_is_taken_is_not_missed_as_well(task: str, project: Path) -> None:
    assert len(said(project, with_tasks(task))) == 1


def test_an_argument_is_missed_whatever_else_is_wrong_with_the_task(project: Path) -> None:
    assert len(said(project, with_tasks("id: t, uses: bash, retires: 3"))) == 2


def test_an_edited_module_is_read_anew(project: Path) -> None:
    text = with_tasks("id: t, uses: 'etl.steps:added'")
    assert len(said(project, text)) == 1
    (project / "etl" / "steps.py").write_text("def added(): ...\n")
    assert said(project, text) == []


def test_only_the_asked_dag_is_made_and_checked(project: Path) -> None:
    file = project / "pipelines" / "p.yaml"
    file.write_text(
        "dag_id: '${{ job.name }}'\nschedule: '${{ job.at }}'\n"
        "jobs: [{name: a, at: '@daily'}, {name: b, at: never}]\ntasks: [{id: t}]\n"
    )
    found = read_and_check(file, environ={}, only="a")
    assert ([pipeline.dag_id for pipeline in found.pipelines], found.problems) == (["a"], ())
    assert [pipeline.dag_id for pipeline in read_and_check(file, environ={}).pipelines] == ["a"]
    assert len(read_and_check(file, environ={}).problems) == 1
    assert read_and_check(file, environ={}, only="").dag_ids == ("a", "b")


def test_variables_and_environment_reach_the_file(project: Path) -> None:
    file = project / "pipelines" / "p.yaml"
    file.write_text("dag_id: ${{ vars.team }}_${{ env.STAGE }}\ntasks: [{id: t}]\n")
    given = read_and_check(file, environ={"STAGE": "prod"}, variables={"team": "air"})
    assert (given.dag_ids, given.problems) == (("air_prod",), ())
    in_a_component = read_and_check(file, environ={"STAGE": "prod", "AIRFLEET_VAR_team": "air"})
    assert (in_a_component.dag_ids, in_a_component.problems) == (("air_prod",), ())


def test_a_fleet_without_variables_has_none_whatever_the_environment_says(project: Path) -> None:
    file = project / "pipelines" / "p.yaml"
    file.write_text("dag_id: ${{ vars.team }}\ntasks: [{id: t}]\n")
    [problem] = read_and_check(file, environ={"AIRFLEET_VAR_team": "air"}, variables={}).problems
    assert problem.sentence == "the fleet has no variable 'team'"


# -- files that cannot be read


def test_a_limit_of_the_whole_file_is_said_once(project: Path) -> None:
    line = "  - {id: t%d, uses: bash, with: {bash_command: '${{ replace(vars.A, \"a\", vars.B) }}'}}\n"
    file = project / "pipelines" / "p.yaml"
    file.write_text("dag_id: d\ntasks:\n" + "".join(line % number for number in range(14)))
    found = read_and_check(file, environ={}, variables={"A": "a" * 1000, "B": "b" * 4900}).problems
    assert [problem.sentence for problem in found] == ["the '${{ }}' of this file make more than 50,000,000 characters"]
    assert found[0].path == "tasks.t10.with.bash_command"


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("dag_id: é".encode("latin-1"))
    said = {name: read_and_check(tmp_path / name, environ={}).problems for name in ("no.yaml", "latin.yaml", ".")}
    assert {name: [str(p).removeprefix(str(tmp_path)) for p in problems] for name, problems in said.items()} == {
        "no.yaml": ["/no.yaml:1:1: there is no such file"],
        "latin.yaml": ["/latin.yaml:1:9: the file is not UTF-8 text (byte 0xE9 here)\nhint: save it as UTF-8"],
        ".": [":1:1: this is a folder, not a file"],
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(content=st.binary())
def test_no_content_makes_a_check_raise(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(content)
    found = read_and_check(tmp_path / "p.yaml", environ={})
    assert found.problems or found.pipelines or found.foreign


# -- what it costs


def test_checking_imports_no_airflow_and_is_quick(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = project / "pipelines" / "p.yaml"
    file.write_text(
        with_tasks("id: a, uses: bash, with: {bash_command: x}", "id: b, uses: 'etl.steps:chunk', with: {files: []}")
    )
    code = f"""
import time; begin = time.perf_counter()
import sys
from pathlib import Path
from airfleet.pipelines.checks.pipeline_checks import read_and_check
found = read_and_check(Path({str(file)!r}), environ={{}})
assert not found.problems, found.problems
print(f"{{(time.perf_counter() - begin) * 1e3:.0f}} ms")
print([name for name in sys.modules if name.partition(".")[0] in ("airflow", "etl", "croniter", "pendulum")])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took, imported = run.stdout.splitlines()
    with capsys.disabled():
        print(f"\nimport, read and check one file in a new process: {took}")
    assert imported == "[]"


def test_many_files_cost_little_each(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import time

    tasks = ["id: t0", *(f"id: t{i}, uses: bash, needs: t{i - 1}, with: {{bash_command: x}}" for i in range(1, 11))]
    file = project / "pipelines" / "p.yaml"
    file.write_text(with_tasks(*tasks))
    read_and_check(file, environ={})
    begin = time.perf_counter()
    for _ in range(50):
        assert not read_and_check(file, environ={}).problems
    with capsys.disabled():
        print(f"\nread and check, 10 tasks: {(time.perf_counter() - begin) / 50 * 1e3:.2f} ms")


@pytest.mark.parametrize(
    ("uses", "sentence", "hint"),
    [
        ("airflow.operators.bash_operator.BashOperator", "'{}' is not there in Airflow 3", "write uses: bash"),
        ("airflow.operators.BashOperator", "'{}' is not there in Airflow 3", "write uses: bash"),
        ("airflow.operators.dummy.DummyOperator", "'{}' is not there in Airflow 3", "write uses: empty"),
        (
            "airflow.contrib.operators.ssh_operator.SSHOperator",
            "'{}' is not there in Airflow 3",
            "write uses: ssh, and add apache-airflow-providers-ssh to the requirements",
        ),
        (
            "airflow.operators.subdag.SubDagOperator",
            "'{}' is not there in Airflow 3",
            "put its tasks into a TaskGroup (from airflow.sdk import TaskGroup), or into a Dag of their own",
        ),
        (
            "airflow.providers.standard.operators.empty.DummyOperator",
            "'airflow.providers.standard.operators.empty' has no operator 'DummyOperator'",
            "write uses: empty",
        ),
        (
            "airflow.providers.postgres.operators.postgres.PostgresOperator",
            "there is no module 'airflow.providers.postgres.operators.postgres'",
            "write uses: sql_execute_query",
        ),
        ("airflow.nosuch.X", "there is no module 'airflow.nosuch'", "did you mean 'airflow.jobs'?"),
        ("DummyOperator", "there is no operator 'DummyOperator'", "write uses: empty"),
    ],
)
def test_operators_of_airflow_2_are_known_by_what_to_write_now(
    uses: str, sentence: str, hint: str | None, project: Path
) -> None:
    expected = f"p.yaml:3:17: tasks.t.uses: {sentence.format(uses)}" + (f"\nhint: {hint}" if hint else "")
    assert said(project, with_tasks(f"id: t, uses: {uses}, with: {{bash_command: ls}}")) == [expected]


def test_an_old_path_that_airflow_still_answers_for_is_checked_as_the_new_one(project: Path) -> None:
    task = "id: t, uses: airflow.operators.bash.BashOperator, with: {bash_comand: ls}"
    [problem] = said(project, with_tasks(task))
    assert problem.endswith("takes no argument 'bash_comand'\nhint: did you mean 'bash_command'?")


def test_a_timetable_of_airflow_2_is_not_there(project: Path) -> None:
    text = "dag_id: d\nschedule: {uses: airflow.timetables.datasets.DatasetOrTimeSchedule}\ntasks: [{id: t}]\n"
    assert said(project, text) == [
        "p.yaml:2:18: schedule.uses: 'airflow.timetables.datasets.DatasetOrTimeSchedule' is not there in Airflow 3\n"
        "hint: write uses: airflow.timetables.assets.AssetOrTimeSchedule"
    ]


@pytest.mark.parametrize(
    "name", ["k" * 100_000 + ":f", "k" * 300 + ".K", "k." * 50_000 + "K", "airflow." + "k" * 300 + ".K"]
)
def test_a_name_that_no_file_can_have_is_a_module_that_is_not_there(name: str, project: Path) -> None:
    [problem] = said(project, f"dag_id: d\ntasks: [{{id: t, uses: '{name}'}}]\n")
    assert "tasks.t.uses: there is no module 'k" in problem or "tasks.t.uses: there is no module 'airflow" in problem


def test_what_a_terminal_would_obey_is_written_out(project: Path) -> None:
    text = 'dag_id: d\ntasks: [{id: t, needs: "\\e[2J\\e]0;title\\a\\u202e", uses: "b\\e[31mash"}]\n'
    assert said(project, text) == [
        r"p.yaml:2:24: tasks.t.needs[0]: there is no task '\x1b[2J\x1b]0;title\x07\u202e'",
        r"p.yaml:2:57: tasks.t.uses: there is no operator 'b\x1b[31mash'" + "\nhint: did you mean 'bash'?",
    ]


def test_a_pipe_and_a_huge_file_are_not_read_into_a_task(project: Path) -> None:
    os.mkfifo(project / "pipelines" / "pipe.sql")
    with (project / "pipelines" / "huge.sql").open("wb") as huge:
        huge.truncate(3_000_000_000)
    text = "dag_id: d\ntasks: [{id: t, uses: bash, with: {bash_command: {$f: pipe.sql}, cwd: {$f: huge.sql}}}]\n"
    assert said(project, text) == [
        "p.yaml:2:50: tasks.t.with.bash_command: 'pipe.sql' is not a regular file",
        "p.yaml:2:71: tasks.t.with.cwd: 'huge.sql' has 3000 MB; a file may have 16 at most"
        "\nhint: let the task read it when it runs",
    ]


def test_a_file_that_is_not_there_is_told_by_its_folder(project: Path) -> None:
    (project / "pipelines" / "sql" / "invoices.sql").write_text("select 1")
    text = "dag_id: d\ntasks: [{id: t, uses: bash, with: {bash_command: {$f: sql/invoice.sql}, cwd: {$f: zz/x}}}]\n"
    assert said(project, text) == [
        "p.yaml:2:50: tasks.t.with.bash_command: there is no file 'sql/invoice.sql'"
        "\nhint: did you mean 'sql/invoices.sql'?",
        "p.yaml:2:78: tasks.t.with.cwd: there is no file 'zz/x'",
    ]


def test_the_files_that_tasks_read_have_a_size_together(project: Path) -> None:
    (project / "pipelines" / "big.sql").write_text("x" * 15_000_000)
    tasks = "".join(f"- {{id: t{n}, uses: bash, with: {{bash_command: {{$f: big.sql}}}}}}\n" for n in range(6))
    assert said(project, f"dag_id: d\ntasks:\n{tasks}") == [
        f"p.yaml:{line}:45: tasks.t{line - 3}.with.bash_command: "
        "with 'big.sql', the tasks of this file read more than 64 MB of files\n"
        "hint: let the task read it when it runs"
        for line in (7, 8)
    ]


def test_a_file_to_render_holds_nothing_that_the_database_refuses(project: Path) -> None:
    (project / "pipelines" / "a.sql").write_text("a\0b {{ ds }}")
    text = "dag_id: d\ntasks: [{id: t, uses: bash, with: {bash_command: {$t: {$f: a.sql}}}}]\n"
    assert said(project, text) == [
        "p.yaml:2:50: tasks.t.with.bash_command: 'a.sql' holds a NUL character (\\0), which the database cannot keep"
    ]


LONG = "x" * 100_000
LONG_VALUES = [
    f"schedule: '{LONG} * * * *'",
    f"schedule: '{'1' * 100_000} * * * *'",
    f"tags: [{LONG}]",
    f"allowed_run_types: {LONG}",
    f"defaults: {{trigger_rule: {LONG}, on_failure_callback: 'm:{LONG}'}}",
    *(
        f"tasks: [{{id: t, {line}}}]"
        for line in (
            f"uses: {LONG}",
            f"uses: '{'x.' * 50_000}C'",
            f"uses: '{LONG}:f'",
            f"needs: {LONG}",
            f"extends: {LONG}",
            f"uses: bash, with: {{bash_command: {{$f: {LONG}}}}}",
            f"uses: bash, with: {{bash_command: {{$x: {LONG}}}}}",
            f"uses: bash, with: {{bash_command: '${{{{ {LONG} }}}}'}}",
        )
    ),
]


@pytest.mark.parametrize("line", LONG_VALUES, ids=lambda line: line[:40])
def test_of_a_very_long_value_the_two_ends_are_shown(line: str, project: Path) -> None:
    rest = "" if line.startswith("tasks") else "\ntasks: [{id: t}]"
    told = said(project, f"dag_id: d\n{line}{rest}\n")
    assert told
    assert max(map(len, told)) < 3000


def test_what_nobody_sees_is_written_out(project: Path) -> None:
    assert said(project, "dag_id: d\n\u200btasks: [{id: t, needs: \u00a0a}]\n") == [
        r"p.yaml:2:1: \u200btasks: a pipeline has no key '\u200btasks'" + "\nhint: did you mean 'tasks'?",
    ]
