"""Airflow's task groups and mapped operators, as ``pipelines/airflow/parts`` makes them."""

from __future__ import annotations

import inspect

import attrs
import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator, TaskGroup
from airflow.sdk.bases.decorator import DecoratedMappedOperator
from airflow.sdk.definitions._internal.expandinput import (
    EXPAND_INPUT_EMPTY,
    DictOfListsExpandInput,
    ListOfDictsExpandInput,
    MappedArgument,
)
from airflow.sdk.definitions.mappedoperator import MappedOperator, OperatorPartial
from airflow.sdk.definitions.taskgroup import MappedTaskGroup

from airfleet.pipelines.language.arguments import GROUP_ARGUMENTS

#: decided by airfleet, or said in a key of its own
OURS = {"group_id", "prefix_group_id", "parent_group", "dag", "default_args", "add_suffix_on_collision"}


def test_a_group_takes_the_arguments_of_the_table() -> None:
    names = {"group_display_name" if name == "display_name" else name for name in GROUP_ARGUMENTS if name != "prefix"}
    assert set(inspect.signature(TaskGroup).parameters) - OURS == names
    assert set(inspect.signature(MappedTaskGroup).parameters) - OURS == names | {"expand_input"}


def test_the_name_of_a_group_prefixes_ids_unless_told() -> None:
    with DAG("d"):
        outer = TaskGroup("outer")
        plain = TaskGroup("plain", prefix_group_id=False, parent_group=outer)
        assert (plain.group_id, plain.child_id("t"), outer.child_id("t")) == ("outer.plain", "t", "outer.t")


def test_a_partial_operator_gives_its_arguments() -> None:
    partial = BashOperator.partial(task_id="t", cwd="/")
    partial._expand_called = True
    assert isinstance(partial, OperatorPartial)
    assert {"task_id", "dag", "task_group", "cwd"} <= partial.kwargs.keys()
    assert partial.params is not None


def test_the_operator_of_a_mapped_function_has_these_fields() -> None:
    fields = {field.alias: field for field in attrs.fields(DecoratedMappedOperator)}
    needed = {name for name, field in fields.items() if field.init and field.default is attrs.NOTHING}
    assert needed == {
        *("operator_class", "expand_input", "op_kwargs_expand_input", "python_callable", "multiple_outputs"),
        *("task_id", "dag", "task_group", "start_date", "end_date", "partial_kwargs", "params", "expand_input_attr"),
        *("operator_extra_links", "template_ext", "template_fields", "template_fields_renderers"),
        *("ui_color", "ui_fgcolor", "is_empty", "can_skip_downstream", "task_module", "task_type", "operator_name"),
        *("disallow_kwargs_override", "start_trigger_args", "start_from_trigger"),
    }
    assert "is_sensor" in fields
    assert issubclass(DecoratedMappedOperator, MappedOperator)


def test_items_are_lists_of_arguments_or_sets_of_arguments() -> None:
    by_argument, sets = DictOfListsExpandInput({"a": [1]}), ListOfDictsExpandInput([{"a": 1}])
    assert (by_argument.value, sets.value, EXPAND_INPUT_EMPTY.value) == ({"a": [1]}, [{"a": 1}], {})
    with DAG("d"):
        group = MappedTaskGroup(group_id="g", expand_input=by_argument)
    assert group._expand_input is by_argument
    assert list(MappedArgument(input=by_argument, key="a").iter_references()) == []
    assert MappedArgument(input=by_argument, key="a")._key == "a"


@pytest.mark.parametrize("name", ["as_setup", "as_teardown"])
def test_setups_and_teardowns_are_made_of_plain_and_mapped_operators(name: str) -> None:
    assert callable(getattr(BaseOperator, name))
    assert callable(getattr(MappedOperator, name))
