"""A pipeline file becomes Pipeline values, or every problem in it at its place."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airfleet.errors import Place
from airfleet.pipelines.language import wrong_key_hints
from airfleet.pipelines.language.arguments import (
    BASE_OPERATOR_ARGUMENTS,
    DAG_ARGUMENTS,
    DAG_OWN_KEYS,
    DAG_PYTHON_ONLY,
    DOCUMENT_KEYS,
    TASK_KEYS,
)
from airfleet.pipelines.language.spec import (
    CallableRef,
    Const,
    FileText,
    JinjaText,
    OperatorRef,
    Pipeline,
    Task,
    Timetable,
    XCom,
)
from airfleet.pipelines.reading.reader import PipelineFile, read

BASH = OperatorRef("airflow.providers.standard.operators.bash.BashOperator", "bash")


def parsed(text: str, **environ: str) -> PipelineFile:
    return read(text, "p.yaml", variables={"team": "air", "retries": "4"}, environ=environ)


def only(text: str) -> Pipeline:
    """The pipeline of a file that has one and nothing wrong."""
    reading = parsed(text)
    assert [str(problem) for problem in reading.problems] == []
    (pipeline,) = reading.pipelines
    return pipeline


def said(text: str, **environ: str) -> list[str]:
    return [str(problem) for problem in parsed(text, **environ).problems]


def task(line: str, head: str = "") -> Task:
    return only(f"dag_id: d\n{head}tasks:\n  - {{id: t{', ' + line if line else ''}}}\n").tasks[0]


# -- what is accepted


def test_a_whole_pipeline() -> None:
    pipeline = only(
        """
$schema: https://airflow.apache.org/schemas/dag/2026-10-30.json
dag_id: hello
schedule: "@daily"
start_date: 2026-01-01
catchup: false
tags: [a, 5]
defaults: {retries: 1, retry_delay: 5m}
templates:
  shell: {uses: bash, queue: q1, with: {cwd: /tmp, env: {A: b}}}
tasks:
  - {id: one}
  - id: two
    extends: shell
    needs: one
    retries: 3
    with: {bash_command: {$t: "echo {{ ds }}"}, cwd: /var}
"""
    )
    assert pipeline == Pipeline(
        dag_id="hello",
        schedule="@daily",
        options={"start_date": dt.datetime(2026, 1, 1), "catchup": False, "tags": ("a", "5")},
        defaults={"retries": 1, "retry_delay": dt.timedelta(minutes=5)},
        tasks=(
            Task(id="one", uses=None, options={"retries": 1, "retry_delay": dt.timedelta(minutes=5)}, path="tasks.one"),
            Task(
                id="two",
                uses=BASH,
                args={"cwd": "/var", "env": {"A": "b"}, "bash_command": JinjaText("echo {{ ds }}")},
                options={"retries": 3, "retry_delay": dt.timedelta(minutes=5), "queue": "q1"},
                needs=("one",),
                path="tasks.two",
            ),
        ),
        file="p.yaml",
    )


def test_a_date_among_params_is_text_as_airflow_keeps_them_as_json() -> None:
    pipeline = only("dag_id: d\nparams: {day: 2026-01-05, at: [2026-01-05T06:00:00Z, 7]}\ntasks: [{id: a}]\n")
    assert pipeline.options["params"] == {"day": "2026-01-05", "at": ("2026-01-05T06:00:00Z", 7)}


def test_every_value_has_its_place() -> None:
    pipeline = only("dag_id: d\ntasks:\n  - id: a\n    uses: 'm:f'\n    needs: []\n    with: {env: {K: [1]}}\n")
    places = {
        "dag_id": (1, 9),
        "tasks.a": (3, 5),
        "tasks.a.uses": (4, 11),
        "tasks.a.with.env.K[0]": (6, 22),
        "tasks.a.with.env.nowhere": (6, 17),
    }
    assert {path: pipeline.place(path) for path in places} == {
        path: Place("p.yaml", *place) for path, place in places.items()
    }


@pytest.mark.parametrize(
    ("written", "uses"),
    [
        ("uses: bash", BASH),
        ("uses: trigger_dagrun", OperatorRef(
            "airflow.providers.standard.operators.trigger_dagrun.TriggerDagRunOperator", "trigger_dagrun")),
        ("uses: file_sensor", OperatorRef("airflow.providers.standard.sensors.filesystem.FileSensor", "file_sensor")),
        ("uses: my.own.LoadOperator", OperatorRef("my.own.LoadOperator", "my.own.LoadOperator")),
        ('uses: "pkg.steps:fetch"', CallableRef("pkg.steps", "fetch")),
        ("uses: null", None),
        ("", None),
    ],
)  # fmt: skip
def test_what_a_task_runs(written: str, uses: object) -> None:
    assert task(written).uses == uses


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("plain", "plain"),
        ("{$t: x}", JinjaText("x")),
        ("{$template: x}", JinjaText("x")),
        ("{$t: {$f: a.sql}}", JinjaText(FileText("a.sql"))),
        ("{$x: up}", XCom("up")),
        ("{$xcom: {task: up, key: k}}", XCom("up", "k")),
        ("{$x: {task: up}}", XCom("up")),
        ("{$f: a.txt}", FileText("a.txt")),
        ("{$file: a.txt}", FileText("a.txt")),
        ("{$const: {$t: [x]}}", Const({"$t": ("x",)})),
        ('{$const: "${{ job.x }}"}', Const("${{ job.x }}")),
        ("[1, {$t: x}, {deep: [{$x: up}]}]", (1, JinjaText("x"), {"deep": (XCom("up"),)})),
    ],
)
def test_values_and_markers(written: str, value: object) -> None:
    assert task(f"uses: bash, with: {{env: {written}}}").args == {"env": value}


@pytest.mark.parametrize(
    ("written", "name", "value"),
    [
        *(
            (f"retry_delay: {text}", "retry_delay", dt.timedelta(seconds=seconds))
            for text, seconds in [
                ("5m", 300), ("1h30m", 5400), ("90s", 90), ("1d", 86400), ("2w", 1209600), ("1h 30m", 5400),
                ("1.5h", 5400), ("500ms", 0.5), ("PT5M", 300), ("P1DT12H", 129600), ("45", 45), ("0.5", 0.5),
                ('"45"', 45),
            ]
        ),
        ("start_date: 2026-01-31", "start_date", dt.datetime(2026, 1, 31)),
        ('start_date: "2026-01-31T06:00"', "start_date", dt.datetime(2026, 1, 31, 6)),
        (
            "start_date: 2026-01-31T06:00:00+01:00",
            "start_date",
            dt.datetime(2026, 1, 31, 6, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        ),
        ('retries: "3"', "retries", 3),
        ('depends_on_past: "true"', "depends_on_past", True),
        ("queue: 2024", "queue", "2024"),
        ("owner: 1.10", "owner", "1.10"),
        ("email: a@b.c", "email", ("a@b.c",)),
        ("trigger_rule: none_failed", "trigger_rule", "none_failed"),
        ("retry_exponential_backoff: true", "retry_exponential_backoff", True),
        ("executor_config: {a: [1]}", "executor_config", {"a": (1,)}),
        ("on_failure_callback: pkg.alerts:page", "on_failure_callback", "pkg.alerts:page"),
        ("on_failure_callback: [a:b, c:d]", "on_failure_callback", ("a:b", "c:d")),
        ("retries: '${{ vars.retries }}'", "retries", 4),
        ("retries: '${{ env.NO_SUCH or 3 }}'", "retries", 3),
        ("priority_weight: 99999999999", "priority_weight", 99999999999),
    ],
)  # fmt: skip
def test_arguments_of_a_task(written: str, name: str, value: object) -> None:
    assert task(written).options == {name: value}


def test_null_takes_a_default_away() -> None:
    assert task("retries: null", "defaults: {retries: 3, queue: q}\n").options == {"queue": "q", "retries": None}


def test_a_timetable() -> None:
    pipeline = only("dag_id: d\nschedule: {uses: my.Workdays, with: {hour: 6}}\ntasks: [{id: a}]\n")
    assert pipeline.schedule == Timetable("my.Workdays", {"hour": 6})


def test_documents_are_pipelines_of_their_own() -> None:
    reading = parsed("dag_id: a\ntasks: [{id: x}]\n---\ndag_id: b\ntasks: [{id: x}]\n")
    assert [pipeline.dag_id for pipeline in reading.pipelines] == ["a", "b"]


@pytest.mark.parametrize("written", ["été", "猫", "1e3", "0o7", "007", "2026-01-01", "12:30", "yes", "on", "off", "no"])
def test_an_id_is_the_text_that_was_written(written: str) -> None:
    pipeline = only(f"dag_id: {written}\ntasks: [{{id: {written}}}, {{id: b, needs: {written}}}]\n")
    first, second = pipeline.tasks
    assert (pipeline.dag_id, first.id, second.needs) == (written, written, (written,))


# -- templates

TEMPLATES = """
dag_id: d
templates:
  base: {retries: 1, queue: base, with: {a: 1, b: 1}}
  shell: {extends: base, uses: bash, queue: shell, with: {b: 2}}
  other: {queue: other, with: {c: 3}}
tasks:
  - {id: t, extends: [shell, other], with: {a: 9}}
"""


def test_templates_are_merged_in_order_and_the_task_wins() -> None:
    (task,) = only(TEMPLATES).tasks
    assert (task.uses, task.options, task.args) == (BASH, {"retries": 1, "queue": "other"}, {"a": 9, "b": 2, "c": 3})


# -- jobs

JOBS = """
dag_id: ${{ job.name }}_job
schedule: ${{ job.schedule or '@daily' }}
defaults: {queue: "${{ job.queue }}"}
jobs:
  - {name: ozone, queue: q1, rows: 250_000, version: 3.10, on: true, none: null, day: 2026-01-01, c: {d: [x, y]}}
  - {name: gsod, queue: q2, schedule: "@weekly", source: "${{ env.DATA }}/${{ vars.team }}", rows: 1}
tasks:
  - id: fetch
    uses: m:f
    with: {job: "${{ job }}", text: "a ${{ job.rows }} ${{ job.name }} $${{ x }}", n: "${{ job.rows }}"}
"""


def test_each_job_is_a_dag() -> None:
    reading = parsed(JOBS, DATA="/data")
    assert reading.problems == ()
    assert [(p.dag_id, p.job, p.schedule, p.defaults) for p in reading.pipelines] == [
        ("ozone_job", "ozone", "@daily", {"queue": "q1"}),
        ("gsod_job", "gsod", "@weekly", {"queue": "q2"}),
    ]
    assert reading.pipelines[1].tasks[0].args == {
        "job": {"name": "gsod", "queue": "q2", "schedule": "@weekly", "source": "/data/air", "rows": 1},
        "text": "a 1 gsod ${{ x }}",
        "n": 1,
    }


def test_only_one_dag_is_made_when_asked_and_the_ids_of_all_are_known() -> None:
    reading = read(JOBS, "p.yaml", environ={"DATA": "/d"}, variables={"team": "x"}, only="gsod_job")
    assert [pipeline.dag_id for pipeline in reading.pipelines] == ["gsod_job"]
    assert reading.dag_ids == ("ozone_job", "gsod_job")


def test_jobs_can_be_named_by_their_keys() -> None:
    reading = parsed(
        "dag_id: '${{ job.name }}'\njobs: {a: {x: 1}, b: }\ntasks: [{id: t, uses: m:f, with: {j: '${{ job }}'}}]"
    )
    assert [(p.dag_id, p.tasks[0].args["j"]) for p in reading.pipelines] == [
        ("a", {"name": "a", "x": 1}),
        ("b", {"name": "b"}),
    ]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${{ job }}", None),
        ("${{ job.rows }}", 250_000),
        ("${{job.version}}", 3.1),
        ("v${{ job.version }}", "v3.10"),
        ("${{ job.on }}/${{ job.none }}", "true/"),
        ("${{ job.day }}", dt.date(2026, 1, 1)),
        ("on ${{ job.day }}", "on 2026-01-01"),
        ("${{ job.c.d }}", ("x", "y")),
        ("${{ job.c.d[1] }}", "y"),
        ("${{ job.absent or 'x y' }}", "x y"),
        ("${{ job.absent or 5 }}", 5),
        ("${{ job.absent or job.name }}", "ozone"),
        ("${{ job.absent or env.NONE or 'x' }}", "x"),
        ("${{ job.absent or '}}' }}", "}}"),
        ("${{ job.name }}/{{ ds }}", "ozone/{{ ds }}"),
        ("${{ job.name }}${{ job.name }}", "ozoneozone"),
        ("${{ job.absent or 007 }} ${{ job.rows }}", "007 250_000"),
        ("$$${{ job.name }}", "$ozone"),
        ("$$$${{ job.name }}", "$${{ job.name }}"),
        ("cost: $$$$${{ job.name }}!", "cost: $$ozone!"),
        ("$${{ ${{ job.name }} }}", "${{ ozone }}"),
        ("${{ job.absent or null }}", None),
        ("${{ env.DATA or 'none' }}", "/data"),
        ("${{ env.NONE or false }}", False),
        ("${{ vars.team }}", "air"),
        ("$${{ job.name }}", "${{ job.name }}"),
        ("{{ ds }}", "{{ ds }}"),
    ],
)
def test_expressions_keep_their_type_alone_and_are_written_out_in_text(expression: str, value: object) -> None:
    text = JOBS.replace('"${{ job.rows }}"', f'"{expression}"')
    first = parsed(text, DATA="/data").pipelines[0]
    expected = first.tasks[0].args["job"] if expression == "${{ job }}" else value
    assert first.tasks[0].args["n"] == expected


def test_a_bad_job_does_not_hide_the_others_nor_a_bad_document() -> None:
    text = (
        "dag_id: '${{ job.name }}'\ndefaults: {retries: '${{ job.r }}'}\n"
        "jobs: [{name: a, r: 1}, {name: b, r: x}]\ntasks: [{id: t}]\n"
        "---\ndag_id: c\n---\ndag_id: e\ntasks: [{id: t}]\n"
    )
    reading = parsed(text)
    assert [pipeline.dag_id for pipeline in reading.pipelines] == ["a", "e"]
    assert [str(problem) for problem in reading.problems] == [
        "p.yaml:3:38: defaults.retries: must be a whole number, not the text 'x'",
        "p.yaml:6:1: 'tasks' is missing",
    ]
    assert reading.dag_ids == ("a", "b", "c", "e")


def test_a_bad_document_in_the_middle_is_one_problem_and_the_others_are_pipelines() -> None:
    good = "dag_id: {}\ntasks: [{{id: a}}]\n"
    reading = parsed(f"{good.format('h_good')}---\nschedul: x\n{good.format('h_bad')}---\n{good.format('h_good2')}")
    assert [pipeline.dag_id for pipeline in reading.pipelines] == ["h_good", "h_good2"]
    assert [str(problem) for problem in reading.problems] == [
        "p.yaml:4:1: schedul: a pipeline has no key 'schedul'\nhint: did you mean 'schedule'?"
    ]


def test_a_duplicate_key_spoils_its_own_document_only() -> None:
    reading = parsed("dag_id: a\ntasks: [{id: x, id: y}]\n---\ndag_id: b\ntasks: [{id: x}]\n")
    assert [pipeline.dag_id for pipeline in reading.pipelines] == ["b"]
    assert len(reading.problems) == 1


# -- what is refused, as whole sentences

DOCUMENTS = [
    ("- dag_id: a\n  tasks: []\n", "p.yaml:1:1: a pipeline is a mapping of keys such as dag_id, schedule and tasks"),
    ("tasks: [{id: a}]", "p.yaml:1:1: 'dag_id' is missing"),
    ("dag_id:\ntasks: [{id: a}]", "p.yaml:1:8: dag_id: must be text, not empty"),
    ("dag_id: ''\ntasks: [{id: a}]", "p.yaml:1:9: dag_id: must not be empty"),
    ("dag_id: [x]\ntasks: [{id: a}]", "p.yaml:1:9: dag_id: must be text, not a list"),
    ("dag_id: d", "p.yaml:1:1: 'tasks' is missing"),
    ("dag_id: d\ntasks: []", "p.yaml:2:8: tasks: a pipeline needs at least one task"),
    (
        "dag_id: d\ntasks: {a: {uses: bash}}",
        "p.yaml:2:8: tasks: must be a list of tasks\nhint: begin each task with '- id: '",
    ),
    ("dag_id: d\ntasks: [a]", "p.yaml:2:9: tasks[0]: a task must be a mapping with an 'id'"),
    ("dag_id: d\ntasks: [{uses: bash}]", "p.yaml:2:9: tasks[0]: the task has no 'id'"),
    ("dag_id: d\ntasks: [null]", "p.yaml:2:9: tasks[0]: a task must be a mapping with an 'id'"),
    ("dag_id: d\ntasks: [{}]", "p.yaml:2:9: tasks[0]: the task has no 'id'"),
    ("dag_id: d\ntasks: [{id: ''}]", "p.yaml:2:14: tasks[0].id: must not be empty"),
    ("dag_id: d\non: x\ntasks: [{id: a}]", "p.yaml:2:1: on: a pipeline has no key 'on'"),
    ("dag_id: d\ntasks: [{id: a}, {id: a}]",
     "p.yaml:2:23: tasks.a.id: two tasks have the id 'a'\nhint: line 2 already has it"),
    ("dag_id: a\ntasks: [{id: a}]\n---\ndag_id: a\ntasks: [{id: a}]",
     "p.yaml:4:9: dag_id: two Dags have the id 'a'\nhint: line 1 already has it"),
    ("dag_id: d: e", "p.yaml:1:10: there is a ':' where no key can be\n"
     "hint: text that contains ': ' must be in quotes; otherwise look at the indentation of this line"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), DOCUMENTS)
def test_what_is_wrong_with_a_document(text: str, sentence: str) -> None:
    assert said(text) == [sentence]


TOP_LEVEL = [
    ("schedul: x", "1: schedul: a pipeline has no key 'schedul'\nhint: did you mean 'schedule'?"),
    ("zzz: x", "1: zzz: a pipeline has no key 'zzz'"),
    (
        "retries: 3",
        "1: retries: is an argument of tasks, not of a pipeline\n"
        "hint: write it under 'defaults' to give it to every task",
    ),
    ("default_args: {}", "1: default_args: is written 'defaults' in a pipeline"),
    (
        "schedule_interval: x",
        "1: schedule_interval: is written 'schedule'\nhint: write schedule: '@daily', for example",
    ),
    ("id: x", "1: id: the id of a Dag is written 'dag_id'\nhint: write dag_id: my_pipeline"),
    ("concurrency: 4", "1: concurrency: is written 'max_active_tasks'\nhint: write max_active_tasks: 4"),
    (
        "task_groups: {}",
        "1: task_groups: a group stands in the list 'tasks'\n"
        "hint: write an entry '- group: name' with a list 'tasks' of its own",
    ),
    ("dependencies: []", "1: dependencies: each task says what it waits for\nhint: write 'needs' at the task"),
    (
        "dags: []",
        "1: dags: each Dag is a document of its own\nhint: begin the next with a line '---', or write 'jobs'",
    ),
    (
        "vars: {}",
        "1: vars: is said in fleet.yaml, for all pipelines\nhint: write ${{ vars.name }} where a variable is used",
    ),
    ("sla_miss_callback: x", "1: sla_miss_callback: has no effect in Airflow 3\n"
     "hint: write deadline: {reference: queued_at, interval: 1h, callback: module:function} at the top level"),
    ("auto_register: true", "1: auto_register: is for Dags written in Python"),
    ("schedule: 5", "11: schedule: must be a cron expression, a preset such as '@daily', a list of cron expressions, "
     "a mapping, or null"),
    ("schedule: {with: {}}", "11: schedule: a timetable needs 'uses', the import path of its class"),
    (
        "schedule: {uses: a.B, wiht: {}}",
        "23: schedule.wiht: a schedule by 'uses' has no 'wiht'\nhint: did you mean 'with'?",
    ),
    ("catchup: maybe", "10: catchup: must be true or false, not the text 'maybe'"),
    ("catchup: yes", "10: catchup: must be true or false, not the text 'yes'\nhint: write true"),
    ("start_date: soon", "13: start_date: must be a date, not the text 'soon'\n"
     "hint: write 2026-01-31, or 2026-01-31T06:00:00"),
    ("start_date: 2026-02-30", "13: start_date: must be a date, not the text '2026-02-30'\n"
     "hint: write 2026-01-31, or 2026-01-31T06:00:00"),
    ("max_active_runs: 0", "18: max_active_runs: must be 1 or more, not 0"),
    ("tags: {a: b}", "7: tags: must be a text or a list of texts, not a mapping"),
    ("params: [a]", "9: params: must be a mapping, not a list"),
    ("allowed_run_types: [manual, scheduld]",
     "20: allowed_run_types: 'scheduld' is not one of the values it can have\nhint: did you mean 'scheduled'?"),
    ("description: {$t: x}",
     "14: description: a marker such as $t is only read under 'with'\nhint: write the value itself"),
    ("params: {a: [{$x: t}]}",
     "13: params.a: a marker such as $t is only read under 'with'\nhint: write the value itself"),
    ("on_failure_callback: page",
     "22: on_failure_callback: 'page' is not the name of a function\nhint: write module:function"),
    ("defaults: 5", "11: defaults: must be a mapping"),
    ("defaults: {retires: 3}", "12: defaults.retires: a task has no 'retires'\nhint: did you mean 'retries'?"),
    ("defaults: {retries: -1}", "21: defaults.retries: must be 0 or more, not -1"),
    ("defaults: {catchup: false}",
     "12: defaults.catchup: is an argument of the pipeline, not of tasks\nhint: write it at the top level"),
    ("defaults: {uses: bash}",
     "12: defaults.uses: cannot be a default\nhint: a template can hold it; see 'templates'"),
    ("defaults: {outlets: true}", "21: defaults.outlets: must be an asset\n"
     "hint: write its address (s3://lake/orders), its name, or {name: …, uri: …}"),
    ("templates: {a: 5}", "16: templates.a: a template must be a mapping, as a task is"),
    ("jobs: []", "7: jobs: is empty\nhint: leave 'jobs' out for a single Dag"),
    ("jobs: x", "7: jobs: must be a list of jobs, each with a 'name'"),
    ("jobs: [x]", "8: jobs[0]: a job must be a mapping of its values, with a 'name'"),
    ("jobs: [{nam: x}]", "8: jobs[0]: the job has no 'name'"),
    ("jobs: [{name: }]", "15: jobs[0].name: the name of a job must be text"),
    ("jobs: {a: {name: b}}",
     "18: jobs.a.name: the job is already named 'a' by its key\nhint: leave 'name' out"),
    ("jobs: {a: 5}", "11: jobs.a: a job must be a mapping of its values"),
    ("jobs: [{name: a, x: '${{ job.name }}'}]",
     "26: jobs.a.x: 'job' cannot be used here: a job cannot be named inside 'jobs'"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "sentence"), TOP_LEVEL)
def test_what_is_wrong_at_the_top_level(line: str, sentence: str) -> None:
    assert said(f"{line}\ndag_id: d\ntasks: [{{id: t}}]\n") == [f"p.yaml:1:{sentence}"]


def test_two_jobs_of_one_name_and_jobs_of_one_dag_id() -> None:
    assert said("dag_id: d\njobs:\n- {name: a}\n- {name: a}\n- {name: b}\ntasks: [{id: t}]\n") == [
        "p.yaml:1:9: dag_id: two Dags have the id 'd'\n"
        "hint: write ${{ job.name }} into dag_id, so that each job has an id of its own",
        "p.yaml:4:10: jobs.a: two jobs have this name\nhint: line 3 already has this name",
    ]


@pytest.mark.parametrize(
    ("jobs", "dags", "problem"),
    [
        ("[{name: a, x: '${{ job.name }}'}, {name: b}]", ["d_b"],
         "p.yaml:2:26: jobs.a.x: 'job' cannot be used here: a job cannot be named inside 'jobs'"),
        ("[{name: '${{ env.NOPE }}'}, {name: b}]", ["d_b"],
         "p.yaml:2:24: jobs.${{ env.NOPE }}.name: the environment has no 'NOPE'\n"
         "hint: give a default: ${{ env.NOPE or 'text' }}"),
        ("[{name: '${{ env.FIVE }}'}, {name: 5}]", ["d_5"],
         "p.yaml:2:42: jobs.5: two jobs have this name\nhint: line 2 already has this name"),
        ("{'': {}, b: {}}", ["d_b"], "p.yaml:2:8: jobs: the name of a job must not be empty"),
        ("[{name: ''}, {name: b}]", ["d_b"], "p.yaml:2:15: jobs[0].name: the name of a job must not be empty"),
        ("[{name: \"${{ env.NOPE or '' }}\"}, {name: b}]", ["d_b"],
         "p.yaml:2:15: jobs.${{ env.NOPE or '' }}.name: the name of a job must not be empty"),
        ("[{name: [a]}, {name: b}]", ["d_b"], "p.yaml:2:15: jobs[0].name: the name of a job must be text"),
    ],
)  # fmt: skip
def test_a_job_with_a_problem_makes_no_dag(jobs: str, dags: list[str], problem: str) -> None:
    reading = parsed(f"dag_id: 'd_${{{{ job.name }}}}'\njobs: {jobs}\ntasks: [{{id: t}}]\n", FIVE="5")
    assert ([pipeline.dag_id for pipeline in reading.pipelines], [str(one) for one in reading.problems]) == (
        dags,
        [problem],
    )


#: ▸ marks the place
TASKS = [
    ("uses: ▸bahs",
     "tasks.t.uses: there is no operator 'bahs'\n"
     "hint: did you mean 'bash'?"),
    ("uses: ▸zzzzz",
     "tasks.t.uses: there is no operator 'zzzzz'\n"
     "hint: write its import path"),
    ("uses: ▸standard.bahs",
     "tasks.t.uses: there is no operator 'standard.bahs'\n"
     "hint: did you mean 'standard.bash'?"),
    ("uses: ▸steps.fetch",
     "tasks.t.uses: there is no operator 'steps.fetch': its last part is not a class,"
     " and no provider is called 'steps'\n"
     "hint: a Python function is written steps:fetch"),
    ("uses: ▸'a:b:c'",
     "tasks.t.uses: 'a:b:c' is not the name of a function\n"
     "hint: write module:function"),
    ("uses: ▸[bash]",
     "tasks.t.uses: must be an operator (bash, or an import path) or a Python function (module:function)"),
    ("▸retires: 3",
     "tasks.t.retires: a task has no key 'retires'\n"
     "hint: did you mean 'retries'?"),
    ("uses: bash, ▸bash_command: x",
     "tasks.t.bash_command: a task has no key 'bash_command'\n"
     "hint: arguments of bash go under 'with'"),
    ("uses: 'm:f', ▸rows: 1",
     "tasks.t.rows: a task has no key 'rows'\n"
     "hint: arguments of the function go under 'with'"),
    ("▸task_id: x",
     "tasks.t.task_id: cannot be set on a task\n"
     "hint: the id of a task is written 'id'"),
    ("▸dag: x",
     "tasks.t.dag: cannot be set on a task\n"
     "hint: a task belongs to the pipeline it is written in"),
    ("▸default_args: {}",
     "tasks.t.default_args: cannot be set on a task\n"
     "hint: write what several tasks share under 'defaults' of the pipeline, or in a template"),
    ("▸operator: bash",
     "tasks.t.operator: is written 'uses'\n"
     "hint: write uses: bash, an import path, or module:function"),
    ("▸python_callable: f",
     "tasks.t.python_callable: a function is named by 'uses'\n"
     "hint: write uses: module:function, and its arguments under 'with'"),
    ("uses: branch_python, ▸python_callable: f",
     "tasks.t.python_callable: a task has no key 'python_callable'\n"
     "hint: arguments of branch_python go under 'with'"),
    ("uses: 'm:f', ▸op_kwargs: {}",
     "tasks.t.op_kwargs: is written 'with'\n"
     "hint: write the arguments under 'with', by name"),
    ("▸dependencies: [a]",
     "tasks.t.dependencies: is written 'needs'\n"
     "hint: write needs: [the ids of the tasks that come before]"),
    ("▸depends_on: [a]",
     "tasks.t.depends_on: is written 'needs'\n"
     "hint: write needs: [the ids of the tasks that come before]"),
    ("▸downstream: [a]",
     "tasks.t.downstream: is said by the tasks after this one\n"
     "hint: write 'needs' there"),
    ("uses: 'm:f', ▸map: {x: [1]}",
     "tasks.t.map: is written 'expand'\n"
     "hint: write expand: {argument: [items] or {$x: task}}"),
    ("uses: 'm:f', ▸partial: {x: 1}",
     "tasks.t.partial: is written 'with'\n"
     "hint: write the arguments that all have under 'with'"),
    ("▸group: g",
     "tasks.t.group: stands beside 'id'; an entry is a task or a group\n"
     "hint: write an entry '- group: name' with a list 'tasks' of its own"),
    ("▸task_group: g",
     "tasks.t.task_group: cannot be set on a task\n"
     "hint: a task stands in the list 'tasks' of its group"),
    ("▸when: x",
     "tasks.t.when: a task has no condition of its own\n"
     "hint: put a task before it that uses short_circuit or branch_python"),
    ("▸timeout: 5m",
     "tasks.t.timeout: is written 'execution_timeout'\n"
     "hint: write execution_timeout: 30m"),
    ("uses: python_sensor, ▸timeout: 5m",
     "tasks.t.timeout: a task has no key 'timeout'\n"
     "hint: arguments of python_sensor go under 'with'"),
    ("▸name: x",
     "tasks.t.name: the id of a task is written 'id'\n"
     "hint: the name to show is 'task_display_name'"),
    ("▸schedule: x",
     "tasks.t.schedule: is said of the pipeline, not of a task\n"
     "hint: write it at the top level"),
    ("outlets: [▸[x]]",
     "tasks.t.outlets[0]: must be an asset\n"
     "hint: write its address (s3://lake/orders), its name, or {name: …, uri: …}"),
    ("▸sla: 5m",
     "tasks.t.sla: has no effect in Airflow 3\n"
     "hint: write deadline: {reference: queued_at, interval: 1h, callback: module:function} at the top level"),
    ("▸run: {x: 1}",
     "tasks.t.run: tasks in other languages ('run') cannot be run here\n"
     "hint: write 'uses' with an operator or a Python function"),
    ("▸catchup: true",
     "tasks.t.catchup: is an argument of the pipeline, not of a task\n"
     "hint: write it at the top level"),
    ("uses: bash, with: {▸retries: 3}",
     "tasks.t.with.retries: is an argument of the task, not of the operator\n"
     "hint: write 'retries' beside 'uses' and 'with', not under 'with'"),
    ("uses: bash, with: {▸task_id: x}",
     "tasks.t.with.task_id: cannot be set on a task\n"
     "hint: the id of a task is written 'id'"),
    ("uses: bash, with: {▸on_failure_callback: x}",
     "tasks.t.with.on_failure_callback: is an argument of the task, not of the operator\n"
     "hint: write 'on_failure_callback' beside 'uses' and 'with', not under 'with'"),
    ("uses: bash, with: {▸inlets: x}",
     "tasks.t.with.inlets: is an argument of the task, not of the operator\n"
     "hint: write 'inlets' beside 'uses' and 'with', not under 'with'"),
    ("retries: ▸many",
     "tasks.t.retries: must be a whole number, not the text 'many'"),
    ("retries: ▸1.5",
     "tasks.t.retries: must be a whole number, not 1.5"),
    ("retries: ▸true",
     "tasks.t.retries: must be a whole number, not true"),
    ("retries: ▸[1]",
     "tasks.t.retries: must be a whole number, not a list"),
    ("retry_delay: ▸soon",
     "tasks.t.retry_delay: must be a duration, not the text 'soon'\n"
     "hint: write 90s, 5m, 1h30m, 1d or a number of seconds"),
    ("retry_delay: ▸-5",
     "tasks.t.retry_delay: must not be negative, but is -5"),
    ("execution_timeout: ▸5 minutes",
     "tasks.t.execution_timeout: must be a duration, not the text '5 minutes'\n"
     "hint: write 90s, 5m, 1h30m, 1d or a number of seconds"),
    ("trigger_rule: ▸all_sucess",
     "tasks.t.trigger_rule: 'all_sucess' is not one of the values it can have\n"
     "hint: did you mean 'all_success'?"),
    ("weight_rule: ▸zzz",
     "tasks.t.weight_rule: 'zzz' is not one of the values it can have\n"
     "hint: one of downstream, upstream, absolute"),
    ("queue: ▸{$t: x}",
     "tasks.t.queue: a marker such as $t is only read under 'with'\n"
     "hint: write the value itself"),
    ("queue: ▸true",
     "tasks.t.queue: must be text, not true\nhint: put it in quotes: 'true'"),
    ("needs: ▸{a: b}",
     "tasks.t.needs: must be the id of a task or group, or a list of ids"),
    ("with: ▸[a]",
     "tasks.t.with: must be a mapping of arguments"),
    ("with: {▸$t: x}",
     "tasks.t.with: '$t' must stand at an argument, not in place of all of them"),
    ("extends: ▸nope",
     "tasks.t.extends: there is no template 'nope'"),
    ("extends: ▸{a: b}",
     "tasks.t.extends: must be the name of a template, or a list of names"),
]  # fmt: skip


@pytest.mark.parametrize(("fragment", "sentence"), TASKS)
def test_what_is_wrong_with_a_task(fragment: str, sentence: str) -> None:
    line = f"- {{id: t, {fragment}}}"
    text = f"dag_id: d\ntasks:\n{line.replace('▸', '')}\n"
    assert said(text) == [f"p.yaml:3:{line.index('▸') + 1}: {sentence}"]


def test_templates_that_extend_each_other_in_a_circle() -> None:
    text = "dag_id: d\ntemplates: {a: {extends: b}, b: {extends: [a]}}\ntasks: [{id: t, extends: a}]\n"
    assert said(text) == ["p.yaml:2:44: templates.b.extends: the templates extend each other in a circle: a → b → a"]


MARKERS = [
    ("{$jinja: x}", "18: $: '$jinja' is not a marker; there are $t, $x, $f, $item, $new and $const\n"
     "hint: to pass such a key on as it is, wrap the mapping in {$const: ...}"),
    ("{$templat: x}", "18: $: '$templat' is not a marker; there are $t, $x, $f, $item, $new and $const\n"
     "hint: did you mean '$template'?"),
    ("{$t: x, other: 1}", "18: $: the marker '$t' must stand alone in its mapping, without 'other'"),
    ("{$t: [x]}", "22: $: $t must be text, not a list"),
    ("{$t: {$x: a}}", "22: $: $t takes text, or {$f: path} for a file to render"),
    ("{$f: [x]}", "22: $: $f takes the path of a file of the project"),
    ("{$x: [a]}", "22: $: $x takes the id of a task, or {task: id, key: name}"),
    ("{$x: {key: a}}", "22: $: $x does not say which task\nhint: write {task: id, key: name}"),
    ("{$x: {tsk: a}}", "22: $: $x does not know 'tsk'; it takes {task: id, key: name}"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "sentence"), MARKERS)
def test_what_is_wrong_with_a_marker(written: str, sentence: str) -> None:
    text = f"dag_id: d\ntasks:\n- id: t\n  uses: bash\n  with: {{x: [a, {written}]}}\n"
    column, _, rest = sentence.partition(": $: ")
    assert said(text) == [f"p.yaml:5:{column}: tasks.t.with.x[1]: {rest}"]


#: ▸ marks the place
EXPRESSIONS = [
    ("${{ job.▸nmae }}", "'job' has no 'nmae'\nhint: did you mean 'name'?"),
    ("${{ job.▸zzz }}", "'job' has no 'zzz'\nhint: it has name, cfg, items"),
    ("${{ job.cfg.▸hots }}", "'job.cfg' has no 'hots'\nhint: did you mean 'host'?"),
    ("${{ job.cfg.host.▸x }}", "'job.cfg.host' is a plain value and has no 'x'"),
    ("${{ job.items[▸7] }}", "'job.items' is a list of 2 and has no '7'\nhint: items count from 0"),
    ("x ${{ ▸job.items }}", "'job.items' is a list and cannot stand inside text\n"
     "hint: write ${{ job.items }} as the whole value, without text around it"),
    ("x ${{ ▸job }}", "'job' is a mapping and cannot stand inside text\n"
     "hint: write ${{ job }} as the whole value, without text around it"),
    ("${{ env.▸HOEM }}", "the environment has no 'HOEM'\nhint: did you mean 'HOME'?"),
    ("${{ env.▸ZZZ }}", "the environment has no 'ZZZ'\nhint: give a default: ${{ env.ZZZ or 'text' }}"),
    ("${{ ▸env }}", "'env' needs a name, as in env.NAME"),
    ("${{ vars.▸taem }}", "the fleet has no variable 'taem'\nhint: did you mean 'team'?"),
    ("${{ vars.▸zzz }}", "the fleet has no variable 'zzz'\nhint: write it under 'vars' in fleet.yaml"),
    ("${{ ▸jobs.name }}", "'jobs' is not known in '${{ }}'; there are job, env and vars\nhint: did you mean 'job'?"),
    ("${{ ▸ds }}", "'ds' is not known in '${{ }}'; there are job, env and vars\n"
     "hint: to render when the task runs, write {$t: \"{{ ... }}\"} without the '$'"),
    ("${{ job.x ▸| upper }}", "'${{ job.x | upper }}' cannot be understood, from | on\n"
     "hint: a function is written around its value, as in upper(job.name)"),
    ("▸${{ job.name", "'${{' is not closed by '}}'\nhint: to write it as text, double the dollar: $${{"),
    ("▸${{ job.name ${{ env.HOME }}",
     "'${{' is not closed by '}}'\nhint: to write it as text, double the dollar: $${{"),
    ("${{▸}}", "'${{ }}' is empty\n"
     "hint: write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"),
    ("${{ job.nope or ▸b.c }}", "'b.c' is not known in '${{ }}'; there are job, env and vars\n"
     "hint: to mean the text, put it in quotes: 'b.c'"),
    ("${{ job.nope or ▸eu }}", "'eu' is not known in '${{ }}'; there are job, env and vars\n"
     "hint: to mean the text, put it in quotes: 'eu'"),
    ("${{ job.nope or ▸jbo.name }}", "'jbo.name' is not known in '${{ }}'; there are job, env and vars\n"
     "hint: did you mean 'job'?"),
    ("${{ job.nope or ▸5m }}", "'${{ job.nope or 5m }}' cannot be understood, from 5m on\n"
     "hint: to mean the text, put it in quotes: '5m'"),
    ("${{ job.nope ▸or }}", "'or' in '${{ }}' needs a default behind it\n"
     "hint: write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"),
    ("${{ ▸or 'x' }}", "'${{ or 'x' }}' cannot be understood\n"
     "hint: write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"),
    ("${{ 'x' or ▸job.name }}", "what stands behind 'x' in '${{ }}' is never used\n"
     "hint: write the default last"),
    ("${{ job.nope or 'x' or ▸job.name }}", "what stands behind 'x' in '${{ }}' is never used\n"
     "hint: write the default last"),
    ("${{ job.nope ▸'x' }}", "'${{ job.nope 'x' }}' cannot be understood, from 'x' on\n"
     "hint: write job.name, env.NAME or vars.name, and a default as in: env.NAME or 'text'"),
    ("${{ job.▸nope and job.name }}", "'job' has no 'nope'\nhint: it has name, cfg, items"),
    ("${{ job.nope or ▸'x }} y", "a quote inside '${{ }}' is not closed: 'x }} y\nhint: add the closing quote"),
    ("${{ job.items[▸x] }}", "'x' is not known in '${{ }}'; there are job, env and vars\n"
     "hint: to mean the text, put it in quotes: 'x'"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "sentence"), EXPRESSIONS)
def test_what_is_wrong_with_an_expression(expression: str, sentence: str) -> None:
    text = (
        "dag_id: ${{ job.name }}\njobs: [{name: a, cfg: {host: h}, items: [1, 2]}]\n"
        f"tasks:\n- id: t\n  uses: m:f\n  with:\n    x: {_quoted(expression.replace('▸', ''))}\n"
    )
    column = 8 + _quoted(expression).index("▸")
    assert said(text, HOME="/root") == [f"p.yaml:7:{column}: tasks.t.with.x: {sentence}"]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def test_a_job_is_not_there_without_jobs() -> None:
    assert said("dag_id: d\ntasks: [{id: t, queue: '${{ job.q }}'}]\n")[0] == (
        "p.yaml:2:29: tasks.t.queue: 'job' cannot be used here: this document has no 'jobs'"
    )


def test_an_expression_in_a_key() -> None:
    assert said("dag_id: d\ntasks: [{id: t, uses: m:f, with: {'${{ env.A }}': 1}}]\n", A="x") == [
        "p.yaml:2:35: tasks.t.with: '${{ }}' cannot be used in a key"
    ]


def test_the_same_problem_in_several_jobs_is_said_once() -> None:
    text = "dag_id: '${{ job.name }}'\njobs: [{name: a}, {name: b}]\ntasks: [{id: t, retires: 1}]\n"
    assert said(text) == ["p.yaml:3:17: tasks.t.retires: a task has no key 'retires'\nhint: did you mean 'retries'?"]


def test_all_problems_are_said_at_once_in_order_of_place() -> None:
    reading = parsed("dag_id: d\nx1: 1\ntasks:\n- {id: a, x2: 1}\n- {id: b, x3: 1, with: {$y: 1}}\n")
    assert [problem.place.line for problem in reading.problems] == [2, 4, 5, 5]


# -- arbitrary text

SOME_DOCUMENT_KEYS = ["dag_id", "schedule", "tasks", "jobs", "templates", "defaults", "start_date", "params"]
SOME_TASK_KEYS = ["id", "uses", "with", "needs", "extends", "name", "retries", "retry_delay", "on_failure_callback"]
SOME_REPEAT_KEYS = ["for", "each", "as", "group", "matrix", "exclude", "include", "from", "job_defaults"]
KEYS = st.sampled_from([*SOME_DOCUMENT_KEYS, *SOME_TASK_KEYS, *SOME_REPEAT_KEYS, "$t", "$x", "$f", "$const", "<<", "x"])
SCALARS = [
    "bash",
    "m:f",
    "@daily",
    "5m",
    "2026-01-01",
    "${{ job.name }}",
    "${{ env.X }}",
    "${{ job }}",
    "a",
    "${{ each }}",
    "${{ [1, 2] }}",
]
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.sampled_from(SCALARS)
DOCUMENT = st.dictionaries(
    KEYS,
    st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4)),
    max_size=6,
)


@given(st.text())
def test_no_text_makes_read_raise(text: str) -> None:
    parsed(text)


@settings(max_examples=300)
@given(DOCUMENT)
def test_no_document_makes_read_raise(document: dict[str, object]) -> None:
    import json

    reading = parsed(json.dumps(document))
    assert reading.pipelines or reading.problems or reading.foreign or reading.is_shared


def test_reading_ten_tasks_takes_little(capsys: pytest.CaptureFixture[str]) -> None:
    import time

    tasks = "".join(
        f"- {{id: t{i}, uses: bash, with: {{bash_command: {{$t: x}}}}, needs: [t{i - 1}]}}\n" for i in range(1, 11)
    )
    text = f"dag_id: x\nschedule: '@daily'\ntasks:\n- {{id: t0}}\n{tasks}"
    only(text)
    begin = time.perf_counter()
    only(text)
    with capsys.disabled():
        print(f"\nread, 10 tasks: {(time.perf_counter() - begin) * 1e3:.2f} ms")


def test_no_habit_hides_a_key_that_can_be_written() -> None:
    assert not set(wrong_key_hints.OF_A_PIPELINE) & {*DOCUMENT_KEYS, *DAG_ARGUMENTS, *DAG_OWN_KEYS, *DAG_PYTHON_ONLY}
    assert not set(wrong_key_hints.OF_A_TASK) & {*TASK_KEYS, *BASE_OPERATOR_ARGUMENTS}


@pytest.mark.parametrize("written", ["007", "01234", "1_000", "0x10", "0o17", "1e3", "1.50", "+5", "2026-01-01", "1.0"])
def test_a_number_or_date_stands_in_text_as_it_was_written(written: str) -> None:
    text = f"dag_id: 'r_${{{{ job.name }}}}'\njobs: [{{name: a, code: {written}}}]\n"
    text += "tasks: [{id: t, uses: 'm:f', with: {x: 'code ${{ job.code }}!'}}]\n"
    assert parsed(text).pipelines[0].tasks[0].args["x"] == f"code {written}!"


def test_a_job_that_is_called_by_a_number_keeps_its_zeros_in_the_dag_id() -> None:
    text = "dag_id: 'r_${{ job.name }}'\njobs: [{name: 007}, {name: 1_000}]\ntasks: [{id: t}]\n"
    assert [pipeline.dag_id for pipeline in parsed(text).pipelines] == ["r_007", "r_1_000"]


def test_a_text_that_expressions_make_too_long_is_a_problem() -> None:
    text = f"dag_id: d\njobs: [{{name: a, big: {'x' * 100_000}}}]\n"
    text += "tasks: [{id: t, uses: 'm:f', with: {x: '" + "${{ job.big }}" * 100 + "'}}]\n"
    assert said(text) == [
        "p.yaml:3:40: tasks.t.with.x: the text gets longer than 5,000,000 characters by its '${{ }}'",
    ]


def chain_of_templates(length: int, tasks: str) -> str:
    lines = [f"  t{i}: {{extends: t{i + 1}}}" for i in range(length - 1)]
    return "\n".join(["dag_id: d", "templates:", *lines, f"  t{length - 1}: {{retries: 7}}", f"tasks: {tasks}\n"])


def test_two_thousand_templates_in_a_chain_are_merged() -> None:
    assert parsed(chain_of_templates(2000, "[{id: t, extends: t0}]")).pipelines[0].tasks[0].options == {"retries": 7}


def test_templates_are_not_merged_without_end() -> None:
    tasks = ", ".join(f"{{id: x{i}, extends: t{i}}}" for i in range(300))
    assert said(chain_of_templates(1000, f"[{tasks}]")) == [
        "p.yaml:1003:5884: tasks.x225.extends: templates are extended more than 200,000 times in this file, "
        "through others included"
    ]


def test_templates_that_extend_the_next_one_twice_are_merged_once() -> None:
    lines = [f"  t{i}: {{extends: [t{i + 1}, t{i + 1}], with: {{k{i}: {i}}}}}" for i in range(40)]
    text = "\n".join(["dag_id: d", "templates:", *lines, "  t40: {uses: 'm:f'}", "tasks: [{id: t, extends: t0}]\n"])
    assert parsed(text).pipelines[0].tasks[0].args == {f"k{i}": i for i in range(40)}


def test_of_a_template_that_comes_twice_the_last_place_counts() -> None:
    text = (
        "dag_id: d\ntemplates:\n  a: {retries: 1, queue: a}\n  b: {extends: a, retries: 2, pool: b}\n"
        "  c: {retries: 3}\ntasks:\n- {id: s, extends: [b, a]}\n- {id: t, extends: [a, c, b]}\n"
    )
    first, second = parsed(text).pipelines[0].tasks
    assert first.options == {"retries": 1, "queue": "a", "pool": "b"}
    assert second.options == {"retries": 2, "queue": "a", "pool": "b"}


def test_jobs_and_templates_do_not_make_values_without_end() -> None:
    many = f"[{', '.join(['1'] * 10_000)}]"
    tasks = "\n".join(f"  - {{id: t{i}, uses: 'm:f', with: {{a: '${{{{ job.a }}}}'}}}}" for i in range(100))
    head = f"dag_id: d_${{{{ job.name }}}}\njobs: [{{name: j, a: {many}}}]\n"
    assert said(f"{head}tasks:\n{tasks}\n")[0].startswith(
        "p.yaml:1:1: jobs and templates make more than 1,000,000 values of this file"
    )
