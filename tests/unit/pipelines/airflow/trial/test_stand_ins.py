"""Stand-ins take the place of mocked tasks in a Dag: their names, neighbours and groups stay."""

from __future__ import annotations

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from airfleet.pipelines.airflow.trial.stand_ins import Mock, MockedOperator, replace_by_mocks


def test_a_stand_in_has_the_place_of_the_task_in_the_dag() -> None:
    with DAG("d", schedule=None) as dag:
        begin = EmptyOperator(task_id="begin")
        with TaskGroup("load") as group:
            inner = BashOperator.partial(task_id="store", trigger_rule="all_done").expand(bash_command=["a", "b"])
        begin >> inner >> EmptyOperator(task_id="end")
    replace_by_mocks(dag, {"load.store": Mock(returns=[1])})
    made = dag.task_dict["load.store"]
    assert isinstance(made, MockedOperator)
    assert (made.upstream_task_ids, made.downstream_task_ids) == ({"begin"}, {"end"})
    assert (made.trigger_rule, made.task_group, group.children["load.store"]) == ("all_done", group, made)
    dag.validate()


def test_a_mock_returns_fails_or_skips() -> None:
    assert MockedOperator(task_id="a", mock=Mock(returns=[1])).execute.__wrapped__(  # type: ignore[attr-defined]
        MockedOperator(task_id="a", mock=Mock(returns=[1])), {}
    ) == [1]
    for mock, raised in ((Mock(fails="no rows"), AirflowException), (Mock(skips=True), AirflowSkipException)):
        operator = MockedOperator(task_id="a", mock=mock)
        with pytest.raises(raised):
            type(operator).execute.__wrapped__(operator, {})  # type: ignore[attr-defined]
