"""Operators that stand in for tasks of a Dag that are mocked: they give a value, fail or skip, and do nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from airfleet.pipelines.cases.spec import Mock


class MockedOperator(BaseOperator):
    """A mocked task. In a repeated group, each copy gives its item when the value is a list."""

    template_fields = ()

    def __init__(
        self,
        *,
        returns: Any = None,
        fails: str | None = None,
        skips: bool = False,
        outputs: Mapping[str, Any] | None = None,
        of_each: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.returns, self.fails, self.skips, self.outputs = returns, fails, skips, dict(outputs or {})
        self.of_each = of_each

    def execute(self, context: Any) -> Any:
        """Do what the mock says."""
        if self.skips:
            raise AirflowSkipException("it is mocked to skip")
        if self.fails is not None:
            raise AirflowException(self.fails)
        for key, value in self.outputs.items():
            context["ti"].xcom_push(key, value)
        if self.of_each and isinstance(self.returns, list):
            index = context["ti"].map_index
            return self.returns[index] if index < len(self.returns) else None
        return self.returns


def replace_by_mocks(dag: DAG, mocks: Mapping[str, Mock]) -> None:
    """Put a stand-in into the place of each mocked task.

    A repeated task is repeated for the items of its mock's list: who takes its output gets that list, as before.
    """
    for task_id, mock in mocks.items():
        _put(dag, dag.task_dict[task_id], mock)


def _put(dag: DAG, original: Any, mock: Mock) -> None:
    given = {
        "task_id": original.task_id,
        "trigger_rule": original.trigger_rule,
        "start_date": original.start_date,
        "end_date": original.end_date,
        "fails": mock.fails,
        "skips": mock.skips,
        "outputs": dict(mock.outputs),
        "of_each": any(True for _ in original.iter_mapped_task_groups()),
        "multiple_outputs": isinstance(mock.returns, dict) and _has_many_outputs(original),
    }
    made: Any
    if original.is_mapped:
        items = mock.returns if isinstance(mock.returns, list) else [mock.returns]
        made = MockedOperator.partial(**given).expand(returns=items)
    else:
        made = MockedOperator(**given, returns=mock.returns)
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
