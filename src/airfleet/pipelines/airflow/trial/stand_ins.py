"""Operators that stand in for tasks of a Dag that are mocked: they give a value, fail or skip, and do nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException


@dataclass(frozen=True)
class Mock:
    """The behaviour of a mocked task."""

    returns: Any = None
    #: the message of its error
    fails: str | None = None
    skips: bool = False
    #: other outputs, by key
    pushes: Mapping[str, Any] | None = None


class MockedOperator(BaseOperator):
    """A mocked task."""

    template_fields = ()

    def __init__(self, *, mock: Mock, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mock = mock

    def execute(self, context: Any) -> Any:
        """Do what the mock says."""
        if self.mock.skips:
            raise AirflowSkipException("it is mocked to skip")
        if self.mock.fails is not None:
            raise AirflowException(self.mock.fails)
        for key, value in (self.mock.pushes or {}).items():
            context["ti"].xcom_push(key, value)
        return self.mock.returns


def replace_by_mocks(dag: DAG, mocks: Mapping[str, Mock]) -> None:
    """Put a stand-in into the place of each mocked task; one stands for all copies of a mapped task."""
    for task_id, mock in mocks.items():
        _put_stand_in(dag, dag.task_dict[task_id], mock)


def _put_stand_in(dag: DAG, original: Any, mock: Mock) -> None:
    made = MockedOperator(
        task_id=original.task_id,
        mock=mock,
        trigger_rule=original.trigger_rule,
        start_date=original.start_date,
        end_date=original.end_date,
        multiple_outputs=isinstance(mock.returns, dict) and _has_many_outputs(original),
    )
    made.upstream_task_ids, made.downstream_task_ids = original.upstream_task_ids, original.downstream_task_ids
    made.is_setup, made.is_teardown = original.is_setup, original.is_teardown
    made.task_group = original.task_group
    if original.task_group is not None:
        original.task_group.children[original.task_id] = made
    dag.task_dict[original.task_id] = made  # first: an operator adds itself to a Dag that does not know it
    made.dag = dag


def _has_many_outputs(operator: Any) -> bool:
    given = operator.partial_kwargs if operator.is_mapped else vars(operator)
    return bool(given.get("multiple_outputs"))
