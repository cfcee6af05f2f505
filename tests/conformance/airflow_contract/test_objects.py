"""What our objects, callbacks, params and deadlines use of Airflow is there and means what we think."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from airflow.models.deadline_alert import DeadlineAlert as StoredDeadline
from airflow.sdk import BaseNotifier, BaseOperator, ExceptionRetryPolicy, Param, RetryAction, RetryRule, literal
from airflow.sdk.definitions.callback import AsyncCallback, SyncCallback
from airflow.sdk.definitions.deadline import DeadlineReference, VariableInterval

from airfleet.pipelines.checks.named.deadlines import MOST_OF_A_NAME
from airfleet.pipelines.language.options.deadlines import REFERENCES
from airfleet.pipelines.language.options.retry_policies import ACTIONS


class Volume:
    template_fields = ("name",)

    def __init__(self, name: Any, path: str) -> None:
        self.name = name
        self.path = path


class Mounts(BaseOperator):
    template_fields = ("volumes",)

    def __init__(self, *, volumes: list[Volume], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.volumes = volumes


def test_airflow_renders_the_fields_that_an_object_names_and_no_others() -> None:
    task = Mounts(task_id="t", volumes=[Volume("{{ ds }}", "{{ ds }}"), Volume(literal("{{ ds }}"), "x")])
    task.render_template_fields({"ds": "2026-01-01"})  # type: ignore[arg-type]
    assert [(volume.name, volume.path) for volume in task.volumes] == [
        ("2026-01-01", "{{ ds }}"),
        ("{{ ds }}", "x"),
    ]


def test_an_operator_that_renders_other_objects_overrides_this_method() -> None:
    assert callable(BaseOperator._render_nested_template_fields)


def test_a_notifier_renders_with_the_environment_of_its_dag() -> None:
    renderer = BaseNotifier()
    environment = renderer.get_template_env(dag=None)
    assert renderer.render_template({"a": ["{{ ds }}", literal("{{ ds }}")]}, {"ds": "x"}, environment) == {
        "a": ["x", "{{ ds }}"]
    }


def test_a_notifier_for_the_triggerer_overrides_this_method() -> None:
    assert inspect.iscoroutinefunction(BaseNotifier.async_notify)


@pytest.mark.parametrize("kind", [AsyncCallback, SyncCallback])
def test_a_stored_callback_is_read_back_without_an_import(kind: type[AsyncCallback | SyncCallback]) -> None:
    made: Any = kind.deserialize({"path": "no_such.module", "kwargs": {"a": 1}}, 1)
    assert (made.path, made.kwargs) == ("no_such.module", {"a": 1})


def test_references_of_deadlines_have_these_names() -> None:
    assert all(hasattr(DeadlineReference, name) for name in REFERENCES.values())
    assert DeadlineReference.AVERAGE_RUNTIME() == DeadlineReference.AVERAGE_RUNTIME(10, 10)
    assert set(inspect.signature(DeadlineReference.AVERAGE_RUNTIME).parameters) == {"max_runs", "min_runs"}
    assert DeadlineReference.FIXED_DATETIME
    assert VariableInterval("key").key == "key"


def test_the_name_of_a_deadline_has_a_column_of_this_width() -> None:
    assert StoredDeadline.name.type.length == MOST_OF_A_NAME


def test_actions_of_retry_rules_have_these_names() -> None:
    assert {action.value for action in RetryAction} == set(ACTIONS)
    rule = set(inspect.signature(RetryRule).parameters)
    assert {"exception", "action", "retry_delay", "reason", "match_subclasses"} <= rule
    assert set(inspect.signature(ExceptionRetryPolicy).parameters) == {"rules", "default"}


def test_all_keys_of_a_param_but_these_are_its_schema() -> None:
    made = Param(1, "what", type="integer", schema={"minimum": 1})
    assert (made.description, made.schema) == ("what", {"minimum": 1})
    assert Param(1, section="x").schema == {"section": "x"}
