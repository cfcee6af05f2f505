"""Fields that hold nothing to render: Airflow does not see them, and nobody else sees a difference."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from airflow.listeners import hookimpl
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import SetRenderedFields
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance as Airflows
from airflow.sdk.listener import get_listener_manager
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment

from airfleet.task_process import template_fields as plain_fields
from airfleet.task_process.template_fields import RuntimeTaskInstance

Fields = Mapping[str, Any]


class Sent(list[Any]):
    """Stands where an attempt's way to its monitor is, and refuses the first so many messages."""

    refused = 0

    def send(self, msg: Any) -> None:
        self.append(msg)
        if len(self) <= self.refused:
            raise RuntimeError("the API does not want that")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    found = Sent()
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", found, raising=False)
    return found


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    plain_fields.prepare()
    yield
    get_listener_manager().clear()


class Operator(BaseOperator):
    """An operator with whatever template fields it is given."""

    template_fields: Any = ()
    template_ext = (".sql",)

    def __init__(self, *, fields: Fields, own: bool = False, **kwargs: Any) -> None:
        super().__init__(task_id="t", **kwargs)
        vars(self).update(fields)
        if own:
            self.template_fields = tuple(fields)


def operator(fields: Fields, *, base: type[Operator] = Operator, dag: Mapping[str, Any] | None = None) -> Any:
    """A task with these template fields, in a Dag with these settings."""
    cls = type("Some", (base,), {"template_fields": tuple(fields)})
    return cls(fields=copy.deepcopy(fields), dag=DAG("d", schedule=None, **(dag or {})))


def prepared(task: Any, kind: type[Airflows] = RuntimeTaskInstance) -> Airflows:
    """An attempt of ``task`` that Airflow has prepared to run."""
    ti = kind.model_construct(task=task)
    task_runner._prepare(ti, Mock(), {"ti": ti, "task": task, "ds": "2026-01-01"})  # type: ignore[typeddict-item]
    return ti


def seen(ti: Airflows, sent: Sent) -> dict[str, Any]:
    """All that anybody can see of the rendered fields."""
    reports = [list(msg.rendered_fields.items()) for msg in sent if isinstance(msg, SetRenderedFields)]
    return {
        "told": [[(name, repr(value)) for name, value in report] for report in reports],
        "held": {name: repr(getattr(ti.task, name, "?")) for name in ti.task.template_fields},
        "fields": ti.task.template_fields,
        "own": sorted(vars(ti.task)),
    }


CASES: dict[str, tuple[Fields, set[str]]] = {
    # name -> fields, and those that Airflow need not see
    "nothing": ({"a": None, "b": "", "c": [], "d": {}, "e": (), "f": 0, "g": False}, set("abcdefg")),
    "numbers": ({"a": 1, "b": 2.5, "c": True, "d": [1, (2, {"deep": 3})]}, set("abcd")),
    "text": ({"a": "ls", "b": ["ä", "b c"], "c": {"z": 1, "a": "x"}}, set("abc")),
    "a template": ({"a": "{{ ds }}", "b": "ls", "c": {"deep": ["{{ ds }}"]}, "d": "{% if 1 %}x{% endif %}"}, {"b"}),
    "a comment": ({"a": "x {# not shown #}", "b": None}, {"b"}),
    "ends of lines": ({"a": "x\n", "b": "x\r\ny", "c": "x\ny"}, {"c"}),
    "a secret name": ({"password": "hunter2", "secret": {"token": "abcdefgh"}}, {"password", "secret"}),
    "what is too long": ({"a": "x" * 10_000, "b": ["y" * 5_000]}, {"a", "b"}),
    "other objects": ({"a": {1, 2}, "b": Path("x"), "c": {1: "x"}, "d": [object], "e": "x"}, {"e"}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_airflow_need_not_see_is_left_out(name: str) -> None:
    fields, plain = CASES[name]
    assert set(plain_fields.plain_fields(operator(fields))) == plain


@pytest.mark.parametrize("name", CASES)
def test_an_attempt_looks_as_if_airflow_had_rendered_everything(name: str, sent: Sent) -> None:
    fields, _ = CASES[name]
    expected = seen(prepared(operator(fields), Airflows), sent)
    sent.clear()
    task = operator(fields)
    assert seen(prepared(task), sent) == expected
    assert (task.template_fields, "template_fields" in vars(task)) == (tuple(fields), False)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab{}%#\n\r ./sql\\'\"ä", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(fields=st.dictionaries(st.sampled_from(["one", "two", "password", "four"]), VALUES, min_size=1))
def test_whatever_the_fields_hold_nobody_sees_a_difference(fields: Fields) -> None:
    told: list[Any] = []
    for kind in (Airflows, RuntimeTaskInstance):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(task_runner, "SUPERVISOR_COMMS", sent := Sent(), raising=False)
            try:
                told.append(seen(prepared(operator(fields), kind), sent))
            except Exception as error:  # no template: both have to say the same
                told.append((type(error), str(error)))
    assert told[0] == told[1]


def test_nothing_is_built_that_is_not_needed(sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    render = SandboxedEnvironment.from_string
    monkeypatch.setattr(
        SandboxedEnvironment, "from_string", lambda env, text: (compiled.append(text), render(env, text))[1]
    )
    monkeypatch.setattr(task_runner, "TypeAdapter", Mock(side_effect=AssertionError("a validator is built")))
    prepared(operator({"a": "{{ ds }}", "b": "ls", "c": ["x", "y"], "d": None}))
    assert compiled == ["{{ ds }}"]


def test_a_task_that_changes_its_containers_changes_its_own(sent: Sent) -> None:
    shared = {"names": ["a"]}
    task = operator({"a": None})
    task.a = shared
    ti = prepared(task)
    ti.task.a["names"].append("b")  # type: ignore[attr-defined]
    assert shared == {"names": ["a"]}


def test_whoever_listens_sees_all_fields(sent: Sent) -> None:
    found: list[Any] = []

    class Listener:
        @hookimpl(tryfirst=True)
        def on_task_instance_running(self, task_instance: Any) -> None:
            found.append(task_instance.task.template_fields)

    get_listener_manager().clear()
    get_listener_manager().add_listener(Listener())  # a plugin's, which is there first
    plain_fields.prepare()
    prepared(operator({"a": 1, "b": None}))
    assert found == [("a", "b")]


def test_a_template_that_cannot_be_rendered_fails_as_before_and_the_task_is_as_it_was(sent: Sent) -> None:
    task = operator({"a": "{{ 1 / 0 }}", "b": "x"})
    ti = RuntimeTaskInstance.model_construct(task=task)
    with pytest.raises(ZeroDivisionError):
        task_runner._prepare(ti, Mock(), {"ti": ti, "task": task})  # type: ignore[typeddict-item]
    assert (ti.task.template_fields, task.template_fields, sent) == (("a", "b"), ("a", "b"), [])


def test_a_report_that_is_refused_fails_as_airflows_would(sent: Sent) -> None:
    sent.refused = 1
    task = operator({"a": "x"})
    with pytest.raises(RuntimeError, match="does not want that"):
        prepared(task)
    assert [msg.rendered_fields for msg in sent] == [{"a": "x"}]
    assert task.template_fields == ("a",)


class Level(IntEnum):
    """No number of JSON's, but one that Airflow makes into one."""

    HIGH = 3


@pytest.mark.parametrize("fields", [{"a": Level.HIGH}, {"a": ["x", Level.HIGH], "b": 1}])
def test_a_value_that_is_no_json_is_reported_as_airflow_would(sent: Sent, fields: Fields) -> None:
    expected = seen(prepared(operator(fields), Airflows), sent)
    sent.clear()
    assert seen(prepared(operator(fields)), sent) == expected


def test_what_airflow_shows_a_part_of_is_reported_by_airflow(sent: Sent) -> None:
    task = operator({"a": {"deep": "x"}, "b": "y"})
    task.template_fields_renderers = {"a.deep": "sql", "b": "bash"}
    prepared(task)
    (msg,) = sent
    assert list(msg.rendered_fields.items()) == [("a", {"deep": "x"}), ("b", "y"), ("a.deep", "x")]


def test_a_field_that_is_not_there_is_named_by_airflow(sent: Sent) -> None:
    task = operator({"a": "x"})
    del task.a
    with pytest.raises(AttributeError, match="'a' is configured as a template field but Some does not have"):
        prepared(task)


def test_a_mapped_task_is_reported_as_the_operator_that_it_becomes(sent: Sent) -> None:
    told = []
    for kind in (Airflows, RuntimeTaskInstance):
        sent.clear()
        with DAG("d", schedule=None):
            mapped = BashOperator.partial(task_id="t", env={"A": "{{ ds }}"}).expand(bash_command=["x", "{{ ds }}"])
        ti = kind.model_construct(task=mapped, map_index=1, _upstream_map_indexes={})
        context = {"ti": ti, "task": mapped, "dag": mapped.dag, "dag_run": Mock(conf=None), "ds": "2026-01-01"}
        task_runner._prepare(ti, Mock(), context)  # type: ignore[arg-type]
        told.append(seen(ti, sent))
    assert told[0] == told[1]
    assert "2026-01-01" in str(told)


def test_it_is_called_what_airflow_calls_its_own() -> None:
    both = [repr(kind.model_construct(task_id="t")) for kind in (Airflows, RuntimeTaskInstance)]
    assert both[0] == both[1]


def test_the_task_may_render_itself_again(sent: Sent) -> None:
    ti = prepared(operator({"a": "{{ ds }}"}))
    ti.task.a = "{{ ds }}, again"  # type: ignore[attr-defined]
    ti.render_templates({"ti": ti, "task": ti.task, "ds": "2026-01-01"})  # type: ignore[typeddict-item]
    assert (ti.task.a, len(sent)) == ("2026-01-01, again", 1)  # type: ignore[attr-defined]


def test_template_fields_that_a_task_has_for_itself_stay_its_own(sent: Sent) -> None:
    task = Operator(fields={"a": "x", "b": "{{ ds }}"}, own=True, dag=DAG("d", schedule=None))
    ti = prepared(task)
    assert [vars(one)["template_fields"] for one in (task, ti.task)] == [("a", "b")] * 2


class Rendering(Operator):
    """An operator that renders by itself."""

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        return f"<{content}>"


class Computing(Operator):
    """An operator that finds out what its template fields are."""

    template_fields = property(lambda self: ("a", "b"))


class Converting(Operator):
    """An operator that makes something else of what is set."""

    def _convert_a(self, value: Any) -> Any:
        return f"<{value}>"


class WithProperty(Operator):
    """An operator with a field that is set by a function."""

    a = property(lambda self: 1, lambda self, value: None)


def test_template_fields_that_an_operator_finds_out_are_left_to_airflow(sent: Sent) -> None:
    told = []
    for kind in (Airflows, RuntimeTaskInstance):
        sent.clear()
        task = Computing(fields={"a": "x", "b": "{{ ds }}"}, dag=DAG("d", schedule=None))
        told.append(seen(prepared(task, kind), sent))
    assert told[0] == told[1]
    assert told[0]["fields"] == ("a", "b")


@pytest.mark.parametrize(
    ("task", "plain"),
    [
        (operator({"a": "x"}, base=Rendering), set()),
        (operator({"a": "x", "b": "y"}, base=Converting), {"b"}),
        (operator({"a": "x", "b": "y"}, base=WithProperty), {"b"}),
        (operator({"a": "5"}, dag={"render_template_as_native_obj": True}), set()),
        (operator({"a": "<< ds >>"}, dag={"jinja_environment_kwargs": {"variable_start_string": "<<"}}), set()),
        (Operator(fields={"a": "x"}, own=True), set()),  # in no Dag
        (object(), set()),
    ],
    ids=["renders", "converts", "property", "native", "other marks", "no Dag", "no operator"],
)
def test_where_rendering_may_do_more_it_is_left_to_airflow(task: Any, plain: set[str]) -> None:
    assert set(plain_fields.plain_fields(task)) == plain
