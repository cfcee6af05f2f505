from __future__ import annotations

import datetime as dt
import importlib
from pathlib import Path

import pytest
from airflow.sdk import DAG, BaseOperator, XComArg

from airfleet.errors import FileProblems, Place
from airfleet.pipelines.airflow.dag import build
from airfleet.pipelines.airflow.function_task import FunctionTask, LateFunction
from airfleet.pipelines.airflow.parts.callbacks import LateCallback
from airfleet.pipelines.language.spec import (
    CallableRef,
    Const,
    FileText,
    JinjaText,
    OperatorRef,
    Pipeline,
    Task,
    Timetable,
    Value,
    XCom,
)
from airfleet.pipelines.reading import reader

BASH = OperatorRef("airflow.providers.standard.operators.bash.BashOperator", "bash")
FETCH = CallableRef("weather.steps", "fetch")


class FillsLater(BaseOperator):
    """Shows a field that it has only when it has run, as some of Airflow's operators do."""

    template_fields = ("found",)
    overwrite_rtif_after_execution = True

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.found = None


def task(id: str, uses: object = None, *, needs: tuple[str, ...] = (), options: object = None, **args: Value) -> Task:
    return Task(id, uses, args, options or {}, needs, f"tasks.{id}")  # type: ignore[arg-type]


def dag_of(*tasks: Task, file: str = "weather.yaml", **rest: object) -> DAG:
    return build(Pipeline("weather", tasks, file=file, **rest))  # type: ignore[arg-type]


def problems_of(*tasks: Task, file: str = "weather.yaml", **rest: object) -> list[str]:
    with pytest.raises(FileProblems) as caught:
        dag_of(*tasks, file=file, **rest)
    return [str(problem) for problem in caught.value.problems]


def test_options_defaults_and_schedule_reach_the_dag() -> None:
    dag = dag_of(
        task("plain"),
        task("own", options={"retries": 5}),
        schedule="@daily",
        options={"start_date": dt.date(2026, 1, 1), "tags": ("a", "b"), "description": "Weather by day"},
        defaults={"retries": 2, "retry_delay": dt.timedelta(minutes=1)},
    )
    assert dag.dag_id == "weather"
    assert dag.start_date == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert dag.tags == {"a", "b"}
    assert dag.catchup is False
    assert dag.doc_md == "Weather by day"
    assert dag.schedule == "@daily"
    assert [(t.task_id, t.retries) for t in dag.tasks] == [("plain", 2), ("own", 5)]
    assert dag.task_dict["plain"].retry_delay == dt.timedelta(minutes=1)


def test_its_own_documentation_wins_over_the_description() -> None:
    assert dag_of(task("a"), options={"description": "short", "doc_md": "# long"}).doc_md == "# long"


def test_the_dag_is_at_home_in_the_yaml_file(tmp_path: Path) -> None:
    assert dag_of(task("a"), file=str(tmp_path / "weather.yaml")).fileloc == str(tmp_path / "weather.yaml")


def test_a_timetable_is_built_with_its_arguments() -> None:
    path = "airflow.timetables.interval.DeltaDataIntervalTimetable"
    dag = dag_of(task("a"), schedule=Timetable(path, {"delta": dt.timedelta(hours=6)}))
    assert dag.timetable.summary == "6:00:00"


def test_a_literal_stays_literal_and_a_template_is_rendered() -> None:
    dag = dag_of(task("say", BASH, bash_command=JinjaText("echo {{ ds }}"), cwd="{{ not a template }}"))
    say = dag.task_dict["say"]
    say.render_template_fields({"ds": "2026-01-01"})
    assert (say.bash_command, say.cwd) == ("echo 2026-01-01", "{{ not a template }}")
    assert say.template_ext == ()


@pytest.mark.parametrize("command", ["touch x.sh", "./x.sh", "x.jinja"])
def test_a_command_that_ends_like_the_name_of_a_file_is_no_file_to_read(command: str) -> None:
    dag = dag_of(task("plain", BASH, bash_command=command), task("rendered", BASH, bash_command=JinjaText(command)))
    for operator in dag.tasks:
        operator.resolve_template_files()
        operator.render_template_fields({"ds": "2026-01-01"})
    assert [operator.bash_command for operator in dag.tasks] == [command, command]


def test_fields_that_hold_nothing_are_not_rendered() -> None:
    assert dag_of(task("say", BASH, bash_command="true")).task_dict["say"].template_fields == ()
    rendered = dag_of(task("say", BASH, bash_command=JinjaText("{{ ds }}"), env={}, cwd="")).task_dict["say"]
    assert rendered.template_fields == ("bash_command",)


def test_a_field_of_the_defaults_is_still_rendered_by_airflow() -> None:
    say = dag_of(task("say", BASH, bash_command="true"), defaults={"env": {"DAY": "x"}}).task_dict["say"]
    assert say.template_fields == ("env",)


def test_fields_that_airflow_shows_after_the_task_stay_also_when_they_hold_nothing() -> None:
    """Airflow's operators that fill a field while they run say ``overwrite_rtif_after_execution``."""
    later = dag_of(task("later", OperatorRef(f"{__name__}.FillsLater", "later"))).task_dict["later"]
    assert later.template_fields == ("found",)


def test_arguments_of_a_function_mix_literals_and_templates_at_any_depth() -> None:
    args: dict[str, Value] = {
        "day": JinjaText("{{ ds }}"),
        "literal": "{{ ds }}",
        "broken": "{% raw {# {{ x",
        "deep": {"list": (JinjaText("{{ ds }}!"), "{{ ds }}", 3), "const": Const({"$t": "{{ ds }}"})},
    }
    fetch = dag_of(task("fetch", FETCH, **args)).task_dict["fetch"]
    fetch.render_template_fields({"ds": "2026-01-01"})
    assert fetch.op_kwargs == {
        "day": "2026-01-01",
        "literal": "{{ ds }}",
        "broken": "{% raw {# {{ x",
        "deep": {"list": ["2026-01-01!", "{{ ds }}", 3], "const": {"$t": "{{ ds }}"}},
    }


def test_arguments_of_a_function_without_markers_are_not_rendered_at_all() -> None:
    fetch = dag_of(task("fetch", FETCH, url="{{ ds }}", rows=3)).task_dict["fetch"]
    assert fetch.op_kwargs == {"url": "{{ ds }}", "rows": 3}
    assert "op_kwargs" not in fetch.template_fields


def test_an_output_is_an_xcom_and_a_dependency_whatever_the_order_in_the_file() -> None:
    dag = dag_of(
        task("store", FETCH, files={"a": (XCom("fetch", "files"),)}),
        task("last", needs=("store",)),
        task("fetch", FETCH),
    )
    assert dag.task_dict["store"].upstream_task_ids == {"fetch"}
    assert dag.task_dict["last"].upstream_task_ids == {"store"}
    [output] = dag.task_dict["store"].op_kwargs["files"]["a"]
    assert output == XComArg(dag.task_dict["fetch"], key="files")


def test_a_file_is_read_beside_the_pipeline(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "day.sql").write_text("select '{{ ds }}'\n")
    dag = dag_of(
        task("text", BASH, bash_command=FileText("sql/day.sql")),
        task("rendered", BASH, bash_command=JinjaText(FileText("sql/day.sql"))),
        file=str(tmp_path / "weather.yaml"),
    )
    for name in ("text", "rendered"):
        dag.task_dict[name].render_template_fields({"ds": "2026-01-01"})
    assert dag.task_dict["text"].bash_command == "select '{{ ds }}'\n"
    assert dag.task_dict["rendered"].bash_command.strip() == "select '2026-01-01'"


def test_no_uses_is_an_empty_operator_and_a_function_shows_as_a_task() -> None:
    dag = dag_of(task("start"), task("fetch", FETCH))
    assert [t.task_type for t in dag.tasks] == ["EmptyOperator", "FunctionTask"]
    assert dag.task_dict["fetch"].operator_name == "@task"


def test_a_missing_module_does_not_stop_the_dag_but_the_task_that_needs_it() -> None:
    fetch = dag_of(task("fetch", CallableRef("no_such_module", "fetch"))).task_dict["fetch"]
    assert isinstance(fetch, FunctionTask)
    with pytest.raises(ImportError, match="no_such_module:fetch cannot be imported: No module named 'no_such_module'"):
        fetch.python_callable()


def test_a_missing_function_is_named_with_its_nearest_neighbour() -> None:
    with pytest.raises(ImportError, match=r"json has no function 'dump_s'; did you mean 'dumps'\?"):
        LateFunction("json", "dump_s").load()


def test_callbacks_are_functions_imported_when_called() -> None:
    dag = dag_of(task("a", options={"on_failure_callback": "no_such_module:tell"}))
    [callback] = dag.task_dict["a"].on_failure_callback
    assert callback == LateCallback("no_such_module", "tell")


def test_null_takes_a_default_away() -> None:
    written = "dag_id: p\ndefaults: {retries: 2, on_retry_callback: 'a:b', queue: q}\n"
    [draft] = reader.read(f"{written}tasks: [{{id: t, retries: null, on_retry_callback: null}}]\n", "p.yaml").drafts
    task = build(draft.pipeline).get_task("t")
    assert (task.retries, task.on_retry_callback, task.queue) == (0, [], "q")


def test_a_callback_of_the_defaults_is_that_of_every_task_and_not_of_the_run() -> None:
    dag = dag_of(task("a"), task("b"), defaults={"on_failure_callback": "alerts:tell"})
    assert [operator.on_failure_callback for operator in dag.tasks] == [[LateCallback("alerts", "tell")]] * 2
    assert dag.on_failure_callback is None


CALLBACKS = """
from airflow.sdk import BaseNotifier

said = []

class Tell(BaseNotifier):
    template_fields = ("what",)

    def __init__(self, what="{{ ds }}"):
        super().__init__()
        self.what = what

    def notify(self, context):
        said.append(self.what)

class Other:
    def __init__(self, context): said.append("made")

def plain(context): said.append("plain")
async def later(context): said.append("later")
def bit_by_bit(context):
    said.append("first")
    yield
    said.append("second")
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [("Tell", ["2026-01-01"]), ("plain", ["plain"]), ("later", ["later"]), ("bit_by_bit", ["first", "second"])],
)
def test_a_callback_is_called_whatever_kind_of_function_or_notifier_it_is(
    name: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = f"callbacks_of_{name.lower()}"
    (tmp_path / f"{module}.py").write_text(CALLBACKS)
    monkeypatch.syspath_prepend(tmp_path)
    dag = dag_of(task("a"), options={"on_failure_callback": f"{module}:{name}"})
    dag.on_failure_callback({"ds": "2026-01-01", "dag": dag})  # as Airflow does
    assert importlib.import_module(module).said == said


def test_a_class_that_is_no_notifier_is_an_error_when_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "callbacks_of_others.py").write_text(CALLBACKS)
    monkeypatch.syspath_prepend(tmp_path)
    [callback] = (
        dag_of(task("a", options={"on_failure_callback": "callbacks_of_others:Other"}))
        .task_dict["a"]
        .on_failure_callback
    )
    with pytest.raises(TypeError, match="callbacks_of_others:Other is a class, and a callback is a function"):
        callback({})


WRONG: list[tuple[Task, list[str]]] = [
    (
        task("a", BASH, bash_comand="ls"),
        [
            "weather.yaml:7:3: tasks.a: bash needs 'bash_command' under 'with'",
            "weather.yaml:7:3: tasks.a.with.bash_comand: bash takes no argument 'bash_comand'\n"
            "hint: did you mean 'bash_command'?",
        ],
    ),
    (
        task("a", BASH, bash_command="ls", retries=3),
        [
            "weather.yaml:7:3: tasks.a.with.retries: 'retries' is said of the task, not under 'with'\n"
            "hint: move 'retries' beside 'with'"
        ],
    ),
    (
        task("a", BASH, bash_command="ls", options={"retrys": 3}),
        ["weather.yaml:7:3: tasks.a.retrys: a task has no 'retrys'\nhint: did you mean 'retries'?"],
    ),
    (
        task("a", BASH, bash_command="ls", options={"retries": "many"}),
        ["weather.yaml:7:3: tasks.a.retries: 'retries' must be int, not str"],
    ),
    (
        task("a", options={"pool_slots": 0}),
        [
            "weather.yaml:7:3: tasks.a.pool_slots: empty refuses its arguments: "
            "pool slots for a in dag weather cannot be less than 1"
        ],
    ),
    (
        task("a", BASH, bash_command="ls", skip_on_exit_code=JinjaText("{{ 3 }}")),
        [
            "weather.yaml:7:3: tasks.a.with.skip_on_exit_code: 'skip_on_exit_code' is not rendered by the operator, "
            "so it takes no marker\nhint: markers may stand in bash_command, cwd, env"
        ],
    ),
    (
        task("a", BASH, bash_command=JinjaText("{{ ds")),
        [
            "weather.yaml:7:3: tasks.a.with.bash_command: the template is wrong in its line 1: "
            "unexpected end of template, expected 'end of print statement'."
        ],
    ),
    (
        task("a", BASH, bash_command=FileText("missing.sh")),
        ["weather.yaml:7:3: tasks.a.with.bash_command: 'missing.sh' cannot be read: no such file or directory"],
    ),
    (
        task("a", BASH, bash_command=FileText("../secret")),
        [
            "weather.yaml:7:3: tasks.a.with.bash_command: '../secret' lies outside the project\n"
            "hint: a fleet.yaml in a folder above makes all of that folder the project"
        ],
    ),
    (
        task("a", OperatorRef("airflow.providers.nowhere.operators.x.X", "x")),
        [
            "weather.yaml:7:3: tasks.a.uses: there is no module 'airflow.providers.nowhere'\n"
            "hint: add apache-airflow-providers-nowhere to the requirements"
        ],
    ),
    (
        task("a", OperatorRef("json.dumps", "json.dumps")),
        [
            "weather.yaml:7:3: tasks.a.uses: 'json.dumps' is not an operator\n"
            "hint: for a Python function write 'json:dumps'"
        ],
    ),
    (
        task("a", FETCH, x=XCom("nobody")),
        ["weather.yaml:7:3: tasks.a.with.x: there is no task 'nobody'"],
    ),
    (task("a", needs=("nobody",)), ["weather.yaml:7:3: tasks.a.needs: there is no task 'nobody'"]),
    (
        task("a", needs=("a",)),
        ["weather.yaml:7:3: tasks.a.needs: the tasks wait for each other: a → a"],
    ),
    (
        task("a", options={"on_failure_callback": "tell"}),
        ["weather.yaml:7:3: tasks.a.on_failure_callback: must be the name of a function\nhint: write module:function"],
    ),
]


@pytest.mark.parametrize(("wrong", "sentences"), WRONG)
def test_what_a_task_gets_wrong_is_said_at_its_place(wrong: Task, sentences: list[str]) -> None:
    assert problems_of(wrong, places={"tasks.a": Place("weather.yaml", 7, 3)}) == sentences


def test_a_file_that_a_link_leads_out_to_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    pipelines = tmp_path / "project" / "pipelines"
    (pipelines / "sql").mkdir(parents=True)
    (pipelines.parent / "fleet.yaml").write_text("")
    (pipelines / "link.sh").symlink_to(tmp_path / "secret")
    (pipelines / "away").symlink_to(tmp_path)
    for path in ("link.sh", "away/secret", "sql/../link.sh"):
        (said,) = problems_of(task("a", BASH, bash_command=FileText(path)), file=str(pipelines / "weather.yaml"))
        assert said.endswith(f"tasks.a.with.bash_command: '{path}' lies outside the project")


def test_a_file_is_found_from_the_file_that_says_it(tmp_path: Path) -> None:
    for folder, text in (("sql", "select 1"), ("_shared/sql", "select 2")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "day.sql").write_text(text)
    (tmp_path / "fleet.yaml").write_text("")
    shared = str(tmp_path / "_shared" / "http.yaml")
    built = dag_of(
        task("beside", BASH, bash_command=FileText("sql/day.sql", shared)),
        task("above", BASH, bash_command=FileText("../sql/day.sql")),
        task("whole", BASH, bash_command=FileText("/sql/day.sql", shared)),
        file=str(tmp_path / "pipelines" / "weather.yaml"),
    )
    texts = {task_id: built.task_dict[task_id].bash_command for task_id in built.task_dict}
    assert texts == {"beside": "select 2", "above": "select 1", "whole": "select 1"}


def test_all_tasks_are_judged_even_behind_a_wrong_one() -> None:
    assert problems_of(
        task("a", BASH, bash_comand="ls"),
        task("b", BASH, bash_command="ls", options={"retries": "x"}, needs=("a",)),
        task("c", FETCH, x=XCom("a"), y=FileText("none")),
        options={"catchupp": True},
    ) == [
        "weather.yaml:1:1: catchupp: a pipeline has no 'catchupp'\nhint: did you mean 'catchup'?",
        "weather.yaml:1:1: tasks.a: bash needs 'bash_command' under 'with'",
        "weather.yaml:1:1: tasks.a.with.bash_comand: bash takes no argument 'bash_comand'\n"
        "hint: did you mean 'bash_command'?",
        "weather.yaml:1:1: tasks.b.retries: 'retries' must be int, not str",
        "weather.yaml:1:1: tasks.c.with.y: 'none' cannot be read: no such file or directory",
    ]


def test_a_wrong_schedule_is_said_at_the_schedule() -> None:
    [problem] = problems_of(task("a"), schedule="61 * * * *", places={"schedule": Place("weather.yaml", 2, 11)})
    assert problem.startswith("weather.yaml:2:11: schedule: the schedule is wrong: ")


def test_an_unknown_timetable_is_named() -> None:
    assert problems_of(task("a"), schedule=Timetable("airflow.timetables.interval.Nope")) == [
        "weather.yaml:1:1: schedule.uses: 'airflow.timetables.interval' has no 'Nope'"
    ]
