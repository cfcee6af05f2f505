"""`airfleet check` and the builder of Dags say yes and no to the same files."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from pathlib import Path

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airfleet.errors import FileProblems
from airfleet.pipelines.airflow import dag
from airfleet.pipelines.airflow.function_task import LateFunction
from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.pipelines.language.arguments import DAG_ARGUMENTS, TASK_ARGUMENTS, Argument
from airfleet.pipelines.reading import reader

STEPS = "def choose(): ...\ndef ready(ds): ...\ndef after(context, result): ...\ndef late(): ...\n"


def check_says(file: Path) -> str:
    return "\n".join(f"{p.path}: {p.sentence}" for p in read_and_check(file, environ={}).problems)


def builder_says(file: Path) -> str:
    [draft] = reader.read(file.read_text(), str(file)).drafts
    assert not draft.wrong, "a reader's problem; the builder never sees such a file"
    try:
        dag.build(draft.pipeline)
    except FileProblems as wrong:
        return "\n".join(f"{p.path}: {p.sentence}" for p in wrong.problems)
    return ""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "steps_of_agreement.py").write_text(STEPS)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "p.yaml"


def task(uses: str, arguments: str) -> str:
    written = arguments.replace("STEPS", "steps_of_agreement")
    return f"dag_id: p\nstart_date: 2026-01-01\ntasks:\n  - {{id: a, uses: {uses}, with: {{{written}}}}}\n"


#: uses, with, an attribute of the operator and its value
GOOD: list[tuple[str, str, str, object]] = [
    ("branch_python", "python_callable: 'STEPS:choose'", "python_callable", LateFunction("STEPS", "choose")),
    ("short_circuit", "python_callable: 'STEPS:choose'", "python_callable", LateFunction("STEPS", "choose")),
    ("python", "python_callable: 'STEPS:ready', op_kwargs: {a: 1}", "python_callable", LateFunction("STEPS", "ready")),
    ("python_sensor", "python_callable: 'STEPS:ready', poke_interval: 30s", "poke_interval", 30.0),
    ("python_sensor", "python_callable: 'STEPS:ready', timeout: 1h30m", "timeout", 5400.0),
    ("python_sensor", "python_callable: 'STEPS:ready', poke_interval: 0.5", "poke_interval", 0.5),
    ("python_sensor", "python_callable: 'STEPS:ready', poke_interval: '15'", "poke_interval", 15.0),
    ("time_delta_sensor", "delta: 5m", "delta", dt.timedelta(minutes=5)),
    ("time_delta_sensor", "delta: PT5M", "delta", dt.timedelta(minutes=5)),
    ("external_task_sensor", "external_dag_id: x, execution_delta: 300", "execution_delta", dt.timedelta(minutes=5)),
    ("external_task_sensor", "external_dag_id: x, execution_delta: 1d", "execution_delta", dt.timedelta(days=1)),
    ("external_task_sensor", "external_dag_id: x, check_existence: true", "check_existence", True),
    ("bash", "bash_command: ls, env: {A: b}, append_env: true", "append_env", True),
    ("bash", "bash_command: ls, append_env: 'true'", "append_env", True),
    ("bash", "bash_command: ls, append_env: \"${{ env.NO or 'False' }}\"", "append_env", False),
    ("file_sensor", "filepath: x, deferrable: \"${{ env.NO or 'TRUE' }}\"", "deferrable", True),
    ("trigger_dagrun", "trigger_dag_id: x, poke_interval: \"${{ env.NO or '20' }}\"", "poke_interval", 20),
    ("bash", "bash_command: {$t: 'echo {{ ds | upper }}'}", "bash_command", "echo {{ ds | upper }}"),
    ("trigger_dagrun", "trigger_dag_id: x, poke_interval: 20", "poke_interval", 20),
    ("trigger_dagrun", "trigger_dag_id: x, poke_interval: '20'", "poke_interval", 20),
]


@pytest.mark.parametrize(("uses", "arguments", "name", "value"), GOOD)
def test_both_take_it(file: Path, uses: str, arguments: str, name: str, value: object) -> None:
    file.write_text(task(uses, arguments))
    assert (check_says(file), builder_says(file)) == ("", "")
    [pipeline] = read_and_check(file, environ={}).pipelines
    if isinstance(value, LateFunction):
        value = dataclasses.replace(value, module="steps_of_agreement")
    assert getattr(dag.build(pipeline).task_dict["a"], name) == value


#: uses, with, and the path at which both find something wrong
WRONG = [
    ("bash", "bash_comand: ls", "tasks.a.with.bash_comand"),
    ("bash", "{}", "tasks.a"),
    ("bash", "bash_command: ls, output_encoding: {$t: 'x'}", "tasks.a.with.output_encoding"),
    ("nothing.Operator", "a: 1", "tasks.a.uses"),
    ("airflow.providers.standard.operators.bash.BushOperator", "a: 1", "tasks.a.uses"),
    ("airflow.providers.standard.hooks.filesystem.FSHook", "a: 1", "tasks.a.uses"),
    ("branch_python", "python_callable: choose", "tasks.a.with.python_callable"),
    ("branch_python", "python_callable: 3", "tasks.a.with.python_callable"),
    ("branch_python", "python_callable: {$t: 'STEPS:choose'}", "tasks.a.with.python_callable"),
    ("python_sensor", "{}", "tasks.a"),
    ("python_sensor", "python_callable: 'STEPS:ready', poke_interval: soon", "tasks.a.with.poke_interval"),
    ("time_delta_sensor", "delta: soon", "tasks.a.with.delta"),
    ("python_virtualenv", "python_callable: 'STEPS:chose'", "tasks.a.with.python_callable"),
    ("null", "a: 1", "tasks.a.with.a"),
]


@pytest.mark.parametrize(("uses", "arguments", "path"), WRONG)
def test_both_refuse_it_at_one_place(file: Path, uses: str, arguments: str, path: str) -> None:
    file.write_text(task(uses, arguments.replace("{}", "")))
    assert check_says(file).partition(": ")[0] == path
    assert path in [line.partition(": ")[0] for line in builder_says(file).splitlines()]


def test_an_operator_that_sends_the_source_of_its_function_gets_the_function_itself(file: Path) -> None:
    file.write_text(task("external_python", "python: /usr/bin/python3, python_callable: 'STEPS:choose'"))
    [pipeline] = read_and_check(file, environ={}).pipelines
    assert dag.build(pipeline).task_dict["a"].python_callable.__name__ == "choose"


TIMETABLE = "airflow.timetables.interval.DeltaDataIntervalTimetable"


def test_a_timetable_takes_durations_as_text(file: Path) -> None:
    file.write_text(f"dag_id: p\nschedule: {{uses: {TIMETABLE}, with: {{delta: 6h}}}}\ntasks: [{{id: a}}]\n")
    [pipeline] = read_and_check(file, environ={}).pipelines
    assert dag.build(pipeline).timetable.summary == "6:00:00"


# --- what check passes, Airflow takes: drawn files

NUMBERS = st.one_of(
    st.integers(-3, 100),
    st.sampled_from([2**31 - 1, 2**31, -(2**31) - 1, 10**30, 0.5, -1.5]),
    st.just(".inf"),
    st.just(".nan"),
)
WORDS = st.one_of(
    st.sampled_from(["", "a", "..", "a b", "été", "x" * 101, "x" * 300, "a\0b", "{{ ds }}", "m:f", "5m", "P1M"]),
    st.sampled_from(["@daily", "0 0 30-31 2 *", "all_done", "upstream", "2026-01-01", "true", "manual", "UTC"]),
    st.sampled_from(["9999-12-31", "0001-01-01T00:00:00+14:00"]),
    st.text(max_size=5),
)
DRAWN = st.recursive(
    st.one_of(NUMBERS, WORDS, st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=3,
)
FUNCTIONS = st.sampled_from([f"steps_of_agreement:{name}" for name in ("choose", "ready", "after", "nope")])
CALLBACKS = st.one_of(
    st.fixed_dictionaries({"uses": FUNCTIONS, "with": st.dictionaries(WORDS, DRAWN, max_size=2)}),
    st.fixed_dictionaries({"uses": FUNCTIONS, "with": st.fixed_dictionaries({"result": DRAWN})}),
)
SCHEMAS = st.fixed_dictionaries({"default": DRAWN}, optional={"type": st.sampled_from(["string", "null", "s3"])})
OBJECTS = st.fixed_dictionaries({"$new": st.sampled_from(["airflow.sdk.Param", "builtins.dict", "datetime.date"])})
ASSET = st.one_of(
    WORDS,
    st.sampled_from(["orders", "s3://lake/orders", "s3:///k", "postgres://h/d/s/t", "airflow://x", "file:/a", "x:y"]),
    st.sampled_from(["http://[::1", "http://h:port/", "s3://u:p@lake/orders", "context", "x" * 1501]),
    st.fixed_dictionaries({"uri": WORDS}, optional={"name": WORDS, "group": WORDS, "extra": DRAWN}),
    st.fixed_dictionaries({}, optional={"name": WORDS, "alias": WORDS, "ref": WORDS}),
)
OF_KIND: dict[str, st.SearchStrategy[object]] = {
    "assets": st.lists(ASSET, max_size=2),
    "text": WORDS,
    "texts": st.lists(WORDS, max_size=2),
    "integer": NUMBERS,
    "number": NUMBERS,
    "boolean": st.booleans(),
    "date": st.sampled_from(["2026-01-01", "9999-12-31", "0001-01-01", "2026-03-29T02:30:00", "2026-01-01T00:00:00Z"]),
    "duration": st.sampled_from(["5m", "0s", "36500d", "36501d", "PT1H", 3600, 10**12, -1, ".inf", ".nan"]),
    "mapping": st.dictionaries(WORDS, DRAWN, max_size=2),
    **dict.fromkeys(("function", "callback", "hook"), st.one_of(FUNCTIONS, CALLBACKS)),
    "functions": st.dictionaries(WORDS, FUNCTIONS, max_size=2),
    "class": st.sampled_from(["jinja2.Undefined", "jinja2.Template", "jinja2.Nope", "steps_of_agreement.ready"]),
    "params": st.dictionaries(WORDS, st.one_of(DRAWN, SCHEMAS, OBJECTS), max_size=2),
    "deadline": st.fixed_dictionaries(
        {
            "reference": st.one_of(WORDS, st.sampled_from(["queued_at", {"average_runtime": {"max_runs": 0}}])),
            "interval": st.one_of(NUMBERS, st.sampled_from(["5m", {"variable": "x"}])),
            "callback": st.one_of(FUNCTIONS, CALLBACKS),
        }
    ),
    "retry_policy": st.lists(
        st.fixed_dictionaries({"exception": WORDS}, optional={"retry_delay": NUMBERS, "action": WORDS}), max_size=2
    ),
    "weight": st.one_of(st.sampled_from(["upstream", "down"]), OBJECTS),
    "objects": st.dictionaries(WORDS, st.one_of(DRAWN, OBJECTS), max_size=2),
    "document": st.one_of(WORDS, st.sampled_from([{"$f": "p.yaml"}, {"$f": "none.md"}])),
}


def argument_of(table: dict[str, Argument]) -> st.SearchStrategy[tuple[str, object]]:
    def value(name: str) -> st.SearchStrategy[object]:
        known = table[name]
        right = st.sampled_from(known.choices) if known.choices and known.kind == "text" else OF_KIND[known.kind]
        return st.one_of(right, right, right, DRAWN)

    return st.sampled_from(sorted(table)).flatmap(lambda name: st.tuples(st.just(name), value(name)))


def yaml(value: object) -> str:
    """YAML of a drawn value: JSON is, but for the numbers that it does not have."""
    return re.sub(r'"(\.inf|\.nan)"', r"\1", json.dumps(value))


CRONS = st.sampled_from(["@daily", "0 6 * * *", "CRON_TZ=Europe/Berlin 0 6 * * *", "@once", "0 0 30 2 *", "CRON_TZ=X"])
LENGTHS = st.one_of(OF_KIND["duration"], WORDS, st.sampled_from(["P1M", "P9999Y", "P1Y2M"]))
CONDITIONS: st.SearchStrategy[object] = st.recursive(
    ASSET,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=2)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=2)}),
        st.lists(inner, max_size=2),
    ),
    max_leaves=3,
)
TIMES = st.one_of(
    CRONS,
    st.lists(st.one_of(CRONS, CRONS, WORDS), max_size=3),
    st.fixed_dictionaries({"every": LENGTHS}),
    st.fixed_dictionaries(
        {"events": st.lists(st.one_of(OF_KIND["date"], WORDS), max_size=3)},
        optional={"restrict_to_events": st.booleans(), "description": WORDS},
    ),
    st.fixed_dictionaries(
        {"cron": st.one_of(CRONS, st.lists(CRONS, max_size=2))},
        optional={
            "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Mars"]),
            "interval": st.one_of(st.booleans(), LENGTHS),
            "run_immediately": st.one_of(st.booleans(), LENGTHS),
            "partition": st.one_of(st.booleans(), st.fixed_dictionaries({}, optional={"offset": NUMBERS})),
        },
    ),
)
SCHEDULES = st.one_of(
    st.none(),
    WORDS,
    TIMES,
    st.fixed_dictionaries({"assets": CONDITIONS}, optional={"or": TIMES}),
    st.sampled_from(["@daily", "0 6 * * *", "@continuous", "*/90 * * * *", "H H * * *", "0 0 L 2 *"]),
    st.fixed_dictionaries(
        {
            "uses": st.sampled_from(
                [
                    "airflow.timetables.trigger.CronTriggerTimetable",
                    "airflow.timetables.interval.DeltaDataIntervalTimetable",
                ]
            ),
            "with": st.dictionaries(
                st.sampled_from(["cron", "timezone", "interval", "delta", "run_immediately"]),
                st.one_of(WORDS, NUMBERS),
                max_size=3,
            ),
        }
    ),
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    schedule=SCHEDULES,
    timezone=st.sampled_from([None, None, "Europe/Berlin", "Mars"]),
    top=st.lists(argument_of(DAG_ARGUMENTS), max_size=3).map(dict),
    defaults=st.lists(argument_of(TASK_ARGUMENTS), max_size=2).map(dict),
    options=st.lists(argument_of(TASK_ARGUMENTS), max_size=2).map(dict),
)
def test_what_check_passes_is_built_and_stored(
    file: Path,
    schedule: object,
    timezone: str | None,
    top: dict[str, object],
    defaults: dict[str, object],
    options: dict[str, object],
) -> None:
    task = {"id": "a", "uses": "bash", "with": {"bash_command": "ls"}, **options}
    file.write_text(
        yaml({"dag_id": "p", "timezone": timezone, "schedule": schedule, **top, "defaults": defaults, "tasks": [task]})
    )
    dags, problems = dags_and_problems(file)
    assert problems == read_and_check(file, environ={}).problems  # the importer finds nothing that check does not
    for built in dags:
        stored = json.dumps(DagSerialization.to_dict(built))
        assert "\\u0000" not in stored


VALUES: list[object] = [
    *(True, False, 0, 1, -1, 16, 2**31 - 1, 2**31, 10**30, 0.5, -1.5, ".inf", ".nan", [], {}, ["a", 1], {"a": 1}),
    *(
        "",
        "a",
        "a b",
        "CeleryExecutor",
        "x" * 101,
        "x" * 257,
        "x" * 2001,
        "a\0b",
        "{{ ds }}",
        "m:f",
        "steps_of_agreement:choose",
        "steps_of_agreement:ready",
        "steps_of_agreement:after",
        "jinja2.Undefined",
        "upstream",
    ),
    {"reference": "queued_at", "interval": "1h", "callback": "steps_of_agreement:late"},
    [{"exception": "OSError"}],
    *("5m", "0s", "36500d", "36501d", "P1M", "2026-01-01", "9999-12-31", "0001-01-01", "0001-01-01T00:00:00+14:00"),
    *(["a", "a\0b"], ["x" * 101], ["manual"], ["scheduled", "manual"], {"a": {"b": [1, ".inf"]}}, {"cpus": 1}),
    *({"me": "https://example.org"}, {"me": "x"}, {"": 1}, {"a": None}, {"a b": 1}, {"x" * 501: "https://example.org"}),
]


@pytest.mark.parametrize(
    ("where", "name"),
    [
        *(("top", name) for name in DAG_ARGUMENTS),
        *(("task", name) for name in TASK_ARGUMENTS),
    ],
)
def test_no_value_of_an_argument_is_refused_by_the_importer_alone(file: Path, where: str, name: str) -> None:
    known = (DAG_ARGUMENTS if where == "top" else TASK_ARGUMENTS)[name]
    passed = 0
    for value in (*VALUES, *known.choices[:2]):
        given = {name: value}
        task = {"id": "a", "uses": "bash", "with": {"bash_command": "ls"}, **(given if where == "task" else {})}
        top = given if where == "top" else {}
        file.write_text(yaml({"dag_id": "p", "schedule": "@daily", **top, "tasks": [task]}))
        dags, problems = dags_and_problems(file)
        assert problems == read_and_check(file, environ={}).problems, value
        passed += len(dags)
        for built in dags:
            assert "\\u0000" not in json.dumps(DagSerialization.to_dict(built)), value
    assert passed, f"no value of '{name}' is right: the list of values has to have one"
