"""Documents of dag-factory become documents of ours."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from airfleet.errors import Problem
from airfleet.pipelines.dialects.dag_factory.documents import documents
from airfleet.pipelines.dialects.environment_names import Environment
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.reading import reader
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping

BASH = "airflow.providers.standard.operators.bash.BashOperator"
NAMES = "airfleet.pipelines.airflow.parts.macro_names.MacroNames"
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"


def translated(
    text: str, file: str = "p.yaml", environ: dict[str, str] | None = None
) -> tuple[list[Any], list[Problem], list[Problem]]:
    """Give our documents as plain values, the problems and the remarks."""
    (document,), wrong = nodes.load(text, file)
    assert isinstance(document, Mapping)
    assert not wrong
    translation = Translation(file, Environment(environ or {}), dt.date(2026, 3, 15))
    found = [nodes.plain(ours) for ours in documents(document, translation)]
    return found, translation.report.problems, translation.remarks


def the_dag(text: str, **more: Any) -> Any:
    """Give the one Dag of a text, of which there is nothing to say."""
    found, problems, _ = translated(text, **more)
    assert [str(problem) for problem in problems] == []
    (dag,) = found
    return dag


def of_dag(keys: str, **more: Any) -> Any:
    """Give the keys of a Dag beside its id and its one task."""
    dag = the_dag(f"orders:\n  tasks: [{{task_id: a, operator: {BASH}, bash_command: ls}}]\n  {keys}\n", **more)
    assert dag.pop("dag_id") == "orders"
    assert dag.pop("tasks") == [{"id": "a", "uses": BASH, "with": {"bash_command": "ls"}}]
    return dag


def of_task(keys: str, **more: Any) -> Any:
    """Give the keys of a task beside its id."""
    task = the_dag(f"orders:\n  schedule: null\n  tasks: [{{task_id: a, {keys}}}]\n", **more)["tasks"][0]
    assert task.pop("id") == "a"
    return task


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("schedule: '0 6 * * *'", {"schedule": "0 6 * * *"}),
        ("schedule: ' None '", {"schedule": None}),
        ("description: x", {"schedule": None, "description": "x"}),
        ("schedule_interval: '@daily'", {"schedule": "@daily"}),
        ("schedule: 0 0 ? * 2-6 *", {"schedule": "0 0 * * 1-5"}),
        ("schedule: {__type__: datetime.timedelta, hours: 6}", {"schedule": {"every": "6h"}}),
        ("schedule: {__type__: dateutil.relativedelta.relativedelta, months: 1}", {"schedule": {"every": "P1M"}}),
        (
            "schedule: {__type__: dateutil.relativedelta.relativedelta, hour: 18}",
            {"schedule": {"uses": "dateutil.relativedelta.relativedelta", "with": {"hour": 18}}},
        ),
        (
            "schedule: {__type__: a.b.Cron, __args__: ['0 1 * * 3'], timezone: UTC}",
            {"schedule": {"uses": "a.b.Cron", "args": ["0 1 * * 3"], "with": {"timezone": "UTC"}}},
        ),
        (
            "timetable: {callable: a.b.Cron, params: {cron: '0 1 * * 3'}}",
            {"schedule": {"uses": "a.b.Cron", "with": {"cron": "0 1 * * 3"}}},
        ),
        ("schedule: [' s3://a ', None, 's3://b']", {"schedule": {"assets": ["s3://a", "s3://b"]}}),
        ("schedule: {__type__: airflow.datasets.Dataset, uri: 's3://a'}", {"schedule": {"assets": ["s3://a"]}}),
        (
            "schedule: {__type__: airflow.sdk.Asset, uri: 's3://a', name: a}",
            {"schedule": {"assets": [{"uri": "s3://a", "name": "a"}]}},
        ),
        (
            "schedule: {__or__: [{__and__: [{__type__: airflow.sdk.Asset, uri: a}, b]}, c]}",
            {"schedule": {"any": [{"all": ["a", "b"]}, "c"]}},
        ),
        ("schedule: {datasets: '((a & b) | c)'}", {"schedule": {"any": [{"all": ["a", "b"]}, "c"]}}),
        ("schedule: {datasets: [a, b]}", {"schedule": {"assets": ["a", "b"]}}),
        (
            "schedule: {datasets: 'a | b', timetable: {__type__: x.Cron, cron: '@daily'}}",
            {"schedule": {"assets": {"any": ["a", "b"]}, "or": {"uses": "x.Cron", "with": {"cron": "@daily"}}}},
        ),
    ],
)
def test_schedules(theirs: str, ours: dict[str, Any]) -> None:
    assert of_dag(theirs) == ours


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("concurrency: 4", {"max_active_tasks": 4}),
        ("dagrun_timeout: {__type__: datetime.timedelta, minutes: 90}", {"dagrun_timeout": "1h30m"}),
        ("catchup: off", {"catchup": False}),
        ("orientation: LR\n  default_view: tree", {}),
        ("dag_id: other", {}),
        ("vars: {a: 1}", {}),
        ("fail_fast: true", {"fail_fast": True}),
        ("timezone: Europe/Paris", {"timezone": "Europe/Paris"}),
        ("doc_md: hello", {"doc_md": "hello"}),
        (
            "params: {a: 1, b: {__type__: airflow.sdk.Param, default: 5, type: integer}}",
            {"params": {"a": 1, "b": {"default": 5, "type": "integer"}}},
        ),
        ("params: {}", {}),
        ("on_failure_callback: shop.told", {"on_failure_callback": "shop:told"}),
        (
            "on_success_callback: {callback: shop.tell.Notifier, channel: '#a'}",
            {"on_success_callback": {"uses": "shop.tell:Notifier", "with": {"channel": "#a"}}},
        ),
        ("on_success_callback: [a.b, {callback: a.c}]", {"on_success_callback": ["a:b", {"uses": "a:c"}]}),
        (
            "user_defined_macros: {x: a.b, y: {z: a.c, n: 1}}",
            {"user_defined_macros": {"x": "a:b", "y": {"$new": NAMES, "with": {"z": "a:c", "n": 1}}}},
        ),
        ("default_args: {owner: me, retry_delay_sec: 30}", {"defaults": {"owner": "me", "retry_delay": 30}}),
        ("default_args: {trigger_rule: dummy, provide_context: true}", {"defaults": {"trigger_rule": "always"}}),
        ("default_args: {bash_command: date, http_conn_id: x}", {}),
        ("default_args: {start_date: 2025/3/1}", {"timezone": "UTC", "defaults": {"start_date": "2025-03-01"}}),
    ],
)
def test_keys_of_a_dag(theirs: str, ours: dict[str, Any]) -> None:
    assert of_dag(theirs) == {"schedule": None, **ours}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            "operator: airflow.operators.dummy.DummyOperator",
            {"uses": "airflow.providers.standard.operators.empty.EmptyOperator"},
        ),
        (
            f"operator: {BASH}, bash_command: 'echo {{{{ ds }}}}'",
            {"uses": BASH, "with": {"bash_command": {"$t": "echo {{ ds }}"}}},
        ),
        (
            f"operator: {BASH}, bash_command: scripts/a.sh",
            {"uses": BASH, "with": {"bash_command": {"$t": "{% include 'scripts/a.sh' %}"}}},
        ),
        (
            f"operator: {BASH}, bash_command: ls, cwd: /x, retries: 2",
            {"uses": BASH, "retries": 2, "with": {"bash_command": "ls", "cwd": "/x"}},
        ),
        (
            f"operator: {BASH}, bash_command: {{__join__: [echo, ' ', 1]}}",
            {"uses": BASH, "with": {"bash_command": "echo 1"}},
        ),
        (f"operator: {PYTHON}, python_callable: a.b", {"uses": PYTHON, "with": {"python_callable": "a:b"}}),
        (
            "operator: shop.Operator, pod: {__type__: k8s.V1Pod, __args__: [1], name: x}",
            {"uses": "shop.Operator", "with": {"pod": {"$new": "k8s.V1Pod", "args": [1], "with": {"name": "x"}}}},
        ),
        (
            "operator: shop.Operator, x: {__type__: builtins.list, items: [1, 2]}",
            {"uses": "shop.Operator", "with": {"x": [1, 2]}},
        ),
        (
            "operator: shop.Operator, x: {$match: {a: 1}}",
            {"uses": "shop.Operator", "with": {"x": {"$const": {"$match": {"a": 1}}}}},
        ),
        (
            "operator: shop.Operator, inlets: ['s3://a'], outlets: []",
            {"uses": "shop.Operator", "inlets": ["s3://a"]},
        ),
        (
            "operator: shop.Operator, outlets: [{__type__: airflow.datasets.DatasetAlias, name: x}]",
            {"uses": "shop.Operator", "outlets": [{"alias": "x"}]},
        ),
        (
            "decorator: airflow.sdk.task, python_callable: a.b, n: 2, retries: 1",
            {"uses": "a:b", "retries": 1, "with": {"n": 2}},
        ),
        (
            "decorator: airflow.decorators.task, python_callable: a.b, x: +load, y: \"+load['k']\", z: [+load]",
            {
                "uses": "a:b",
                "with": {"x": {"$x": "load"}, "y": {"$x": {"task": "load", "key": "k"}}, "z": [{"$x": "load"}]},
            },
        ),
        (
            "decorator: airflow.sdk.task, python_callable: a.b, expand: {n: +load}, partial: {k: true}",
            {"uses": "a:b", "expand": {"n": {"$x": "load"}}, "with": {"k": True}},
        ),
        (
            f"operator: {PYTHON}, python_callable: a.b, partial: {{op_kwargs: {{k: 1}}}}, "
            "expand: {op_args: load.output}",
            {
                "uses": PYTHON,
                "expand": {"op_args": {"$x": "load"}},
                "with": {"op_kwargs": {"k": 1}, "python_callable": "a:b"},
            },
        ),
        (
            "operator: airflow.providers.standard.decorators.python._PythonDecoratedOperator, python_callable: a.b, "
            "op_args: [], op_kwargs: {n: 1}, expand: {x: +load}",
            {"uses": "a:b", "expand": {"x": {"$x": "load"}}, "with": {"n": 1}},
        ),
        (
            f"operator: {BASH}, bash_command: ls, variables_as_arguments: [{{variable: v, attribute: bash_command}}]",
            {"uses": BASH, "with": {"bash_command": {"$t": "{{ var.value.get('v', \"ls\") }}"}}},
        ),
        (
            "operator: airflow.providers.http.operators.http.HttpOperator, endpoint: /x, data: {a: 1}, "
            "headers: {Content-Type: application/json}",
            {
                "uses": "airflow.providers.http.operators.http.HttpOperator",
                "with": {"endpoint": "/x", "data": '{"a": 1}', "headers": {"Content-Type": "application/json"}},
            },
        ),
        (
            "operator: airflow.sensors.external_task.ExternalTaskSensor, external_dag_id: x, "
            "execution_delta: '1 days,'",
            {
                "uses": "airflow.providers.standard.sensors.external_task.ExternalTaskSensor",
                "with": {"external_dag_id": "x", "execution_delta": "1d"},
            },
        ),
        (
            "operator: shop.Operator, executor_config: {pod_override: {__type__: k.V1Pod}}",
            {"uses": "shop.Operator", "executor_config": {"pod_override": {"$new": "k.V1Pod"}}},
        ),
    ],
)
def test_tasks(theirs: str, ours: dict[str, Any]) -> None:
    assert of_task(theirs) == ours


def test_one_template_for_many_dags_as_their_documentation_promises_it() -> None:
    text = (
        "default:\n  schedule: '@daily'\n  tasks:\n"
        f"    - {{task_id: extract, operator: {BASH}, bash_command: date}}\n"
        f"    - {{task_id: load, operator: {BASH}, dependencies: [extract]}}\n"
        "science:\n  tasks: [{task_id: load, bash_command: science}]\n"
        "learning:\n  tasks: {load: {bash_command: learning}}\n"
    )
    dags, problems, _ = translated(text)
    assert problems == []
    assert [dag["dag_id"] for dag in dags] == ["science", "learning"]
    for dag in dags:
        extract, load = dag["tasks"]
        assert extract == {"id": "extract", "uses": BASH, "with": {"bash_command": "date"}}
        assert load == {"id": "load", "uses": BASH, "needs": ["extract"], "with": {"bash_command": dag["dag_id"]}}


def test_groups_stand_where_their_first_task_does_and_ids_are_whole() -> None:
    dag = the_dag(
        "orders:\n  task_groups:\n"
        "    - {group_name: outer, tooltip: x, dependencies: [a], default_args: {retries: 2}}\n"
        "    - {group_name: inner, parent_group_name: outer}\n"
        "    - {group_name: flat, prefix_group_id: false}\n"
        "  tasks:\n"
        f"    - {{task_id: a, operator: {BASH}, bash_command: a}}\n"
        f"    - {{task_id: b, operator: {BASH}, bash_command: b, task_group_name: inner}}\n"
        f"    - {{task_id: c, operator: {BASH}, bash_command: c, task_group_name: outer, dependencies: [b, flat]}}\n"
        f"    - {{task_id: d, operator: {BASH}, bash_command: d, task_group_name: flat}}\n"
        f"    - {{task_id: e, operator: {BASH}, bash_command: e, dependencies: [outer, d]}}\n"
    )
    assert [entry.get("id", entry.get("group")) for entry in dag["tasks"]] == ["a", "outer", "flat", "e"]
    outer = dag["tasks"][1]
    assert {key: outer[key] for key in ("tooltip", "needs", "defaults")} == {
        "tooltip": "x",
        "needs": ["a"],
        "defaults": {"retries": 2},
    }
    inner, c = outer["tasks"]
    assert (inner["group"], inner["tasks"][0]["id"]) == ("inner", "b")
    assert c["needs"] == ["outer.inner.b", "flat"]
    assert dag["tasks"][2]["prefix"] is False
    assert dag["tasks"][3]["needs"] == ["outer", "d"]


def test_names_of_the_environment() -> None:
    environ = {"N": "3", "CMD": "date", "SECRET": "hunter2"}
    task = of_task(f"operator: {BASH}, retries: $N, bash_command: $CMD, cwd: '$N', queue: '${{NONE}}'", environ=environ)
    assert task == {"uses": BASH, "retries": 3, "queue": "${NONE}", "with": {"bash_command": "$CMD", "cwd": "3"}}
    task = of_task(f"operator: {BASH}, env: {{A: $SECRET}}, bash_command: \"echo $A $CMD '$CMD'\"", environ=environ)
    assert task["with"] == {"env": {"A": "hunter2"}, "bash_command": "echo $A date 'date'"}


def test_dates_before_today_are_said() -> None:
    dags, problems, remarks = translated(
        f"orders:\n  default_args: {{start_date: 2 days}}\n  tasks: [{{task_id: a, operator: {BASH}}}]\n"
    )
    assert problems == []
    assert dags[0]["defaults"] == {"start_date": "2026-03-13T00:00:00"}
    assert [str(remark) for remark in remarks] == [
        "p.yaml:2:30: orders.default_args.start_date: '2 days' is another date every day, which makes a new version of "
        "the Dag every day\nhint: write a date that stays, such as 2026-03-13"
    ]


def test_functions_of_files_and_assets_of_files(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").touch()
    (tmp_path / "include").mkdir()
    (tmp_path / "include/steps.py").write_text("def load(): ...\n")
    (tmp_path / "include/assets.yml").write_text("datasets:\n  - {name: a, uri: 's3://a'}\n")
    (tmp_path / "docs.md").write_text("# Orders\n")
    file = str(tmp_path / "p.yaml")
    task = of_task(
        f"operator: {PYTHON}, python_callable_name: load, python_callable_file: /opt/airflow/dags/include/steps.py, "
        "outlets: {file: $HERE/include/assets.yml, datasets: [a]}",
        file=file,
    )
    assert task == {"uses": PYTHON, "outlets": ["s3://a"], "with": {"python_callable": "include.steps:load"}}
    assert of_dag("doc_md_file_path: /x/docs.md", file=file) == {"schedule": None, "doc_md": "# Orders\n"}


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("operator: [a]", "2:34: orders.tasks.a.operator: the task has no 'operator' and no 'decorator'"),
        ("x: 1", "2:11: orders.tasks.a: the task has no 'operator' and no 'decorator'"),
        (
            f"operator: {PYTHON}, python_callable_name: f",
            "orders.tasks.a.python_callable_name: 'python_callable_name' needs the file of the function as well",
        ),
        (
            f"operator: {PYTHON}, python_callable_name: f, python_callable_file: no.py",
            "orders.tasks.a.python_callable_name: the project has no file 'no.py' to import from",
        ),
        (
            f"operator: {PYTHON}, python_callable_name: f, python_callable_file: {'n' * 300}.py",
            f"orders.tasks.a.python_callable_name: the project has no file '{'n' * 300}.py' to import from",
        ),
        (
            f"operator: {PYTHON}, python_callable: load",
            "orders.tasks.a.python_callable: must be the import path of a function, such as shop.steps.load",
        ),
        (
            "operator: x.HttpSensor, response_check_lambda: 'lambda r: r'",
            "orders.tasks.a.response_check_lambda: Python is not evaluated here",
        ),
        ("operator: x.Op, task_group_name: g", "orders.tasks.a.task_group_name: there is no group 'g'"),
        ("operator: x.Op, expand: 1", "orders.tasks.a.expand: must be a mapping of arguments to lists"),
        ("operator: x.Op, partial: {y: 1}, y: 2", "orders.tasks.a.partial.y: 'y' stands at the task as well"),
        (
            "decorator: x.y, python_callable: a.b",
            "orders.tasks.a.decorator: 'x.y' is not a decorator that dag-factory takes",
        ),
        ("decorator: airflow.sdk.task", "orders.tasks.a: the task has no 'python_callable'"),
        (
            "operator: x.Op, y: {__join__: [[1]]}",
            "orders.tasks.a.y.__join__[0]: must be text or a number, to be joined with others",
        ),
        ("operator: x.Op, y: {__type__: [1]}", "orders.tasks.a.y.__type__: must be the import path of a class"),
        (
            "operator: x.Op, y: {$match: '{{ ds }}'}",
            "orders.tasks.a.y: a mapping with a key that begins with '$' cannot hold templates",
        ),
    ],
)
def test_problems_of_tasks(theirs: str, said: str) -> None:
    _, problems, _ = translated(f"orders:\n  tasks: [{{task_id: a, {theirs}}}]\n")
    assert len(problems) == 1
    assert said in str(problems[0]).partition("\n")[0]


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ("tasks: 1", "p.yaml:2:10: orders.tasks: must be a list or a mapping"),
        ("tasks: [{operator: x.A}]", "p.yaml:2:11: orders.tasks[0]: has no 'task_id'"),
        (
            "tasks: [{task_id: a, operator: x.A}, {task_id: a, operator: x.A}]",
            "p.yaml:2:40: orders.tasks.a: two have the task_id 'a'\nhint: line 2 already has it",
        ),
        ("tasks: {a: 1}", "p.yaml:2:14: orders.tasks.a: a task must be a mapping"),
        ("shedule: '@daily'", "p.yaml:2:3: orders.shedule: a Dag has no key 'shedule'\nhint: did you mean 'schedule'?"),
        (
            "task_groups: {g: {parent_group_name: h}}",
            "p.yaml:2:40: orders.task_groups.g.parent_group_name: there is no group 'h'",
        ),
        (
            "task_groups: {g: {parent_group_name: h}, h: {parent_group_name: g}}",
            "p.yaml:2:20: orders.task_groups.g.parent_group_name: the groups stand in each other: g in h in g",
        ),
        (
            "schedule: {datasets: 'a & | b'}",
            "p.yaml:2:24: orders.schedule.datasets: 'a & | b' is not a condition of assets\n"
            "hint: write names with & and |, as in ((a & b) | c)",
        ),
        (
            "on_success_callback: {x: 1}",
            "p.yaml:2:24: orders.on_success_callback: the callback has no 'callback'\n"
            "hint: write callback: module.function",
        ),
        ("default_args: [1]", "p.yaml:2:17: orders.default_args: must be a mapping of arguments"),
    ],
)
def test_problems_of_dags(theirs: str, said: str) -> None:
    _, problems, _ = translated(f"orders:\n  {theirs}\n")
    assert said in [str(problem) for problem in problems]


def test_what_has_no_effect_is_said() -> None:
    _, problems, remarks = translated(
        "orders:\n  retries: 2\n  on_execute_callback: a.b\n  default_args: {schedule: '@daily'}\n"
        f"  doc_md_python_callable_name: x\n  tasks: [{{task_id: a, operator: {BASH}}}]\n"
    )
    assert problems == []
    assert sorted(f"{remark.path}: {remark.sentence}" for remark in remarks) == [
        "orders.default_args.schedule: has no effect here",
        "orders.doc_md_python_callable_name: no function is called for the documentation of a Dag",
        "orders.on_execute_callback: has no effect on a Dag; Airflow calls it for tasks alone",
        "orders.retries: is an argument of tasks, and has no effect here",
    ]


# --- arbitrary documents

TEXTS = [
    "a.b",
    "+a",
    "a.output",
    "2 days",
    "s3://a",
    "(a & b",
    "$N",
    "{{ ds }}",
    "lambda: 1",
    BASH,
    PYTHON,
    "airflow.sdk.task",
]
NAMES = [
    *("default", "orders", "tasks", "task_groups", "default_args", "schedule", "task_id", "operator", "decorator"),
    *("dependencies", "task_group_name", "parent_group_name", "group_name", "python_callable", "python_callable_name"),
    *("python_callable_file", "expand", "partial", "inlets", "outlets", "datasets", "file", "timetable", "callable"),
    *("on_failure_callback", "callback", "__type__", "__args__", "__and__", "__or__", "__join__", "items", "params"),
    *("start_date", "timezone", "doc_md", "variables_as_arguments", "data", "headers", "bash_command", "env", "$match"),
]
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.dates() | st.sampled_from(TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
)
TASKS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)
DAGS = st.dictionaries(st.sampled_from(NAMES), VALUES | st.lists(TASKS, max_size=3), max_size=6)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["default", "orders", "stock"]), DAGS | VALUES, max_size=3))
def test_no_document_makes_a_translation_raise(document: dict[str, object]) -> None:
    (node,), _ = nodes.load(yaml.safe_dump(document), "p.yaml")
    if isinstance(node, Mapping):
        list(documents(node, Translation("p.yaml", Environment({"N": "1"}), dt.date(2026, 3, 15))))
    reader.read(yaml.safe_dump(document), "p.yaml")
