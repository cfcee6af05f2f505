"""Stand-ins take the place of mocked tasks in a Dag: their names, neighbours and groups stay."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from airfleet.pipelines.airflow.trial.stand_ins import MockedOperator, replace_by_mocks
from airfleet.pipelines.cases.spec import Mock


def test_a_stand_in_has_the_place_of_the_task_in_the_dag() -> None:
    with DAG("d", schedule=None) as dag:
        begin = EmptyOperator(task_id="begin")
        with TaskGroup("load") as group:
            inner = BashOperator(task_id="store", bash_command="a", trigger_rule="all_done")
        begin >> inner >> EmptyOperator(task_id="end")
    replace_by_mocks(dag, {"load.store": Mock(returns=[1])})
    made = dag.task_dict["load.store"]
    assert isinstance(made, MockedOperator)
    assert (made.upstream_task_ids, made.downstream_task_ids) == ({"begin"}, {"end"})
    assert (made.trigger_rule, made.task_group, group.children["load.store"]) == ("all_done", group, made)
    dag.validate()


def test_the_stand_in_of_a_repeated_task_is_repeated_for_the_items_of_its_list() -> None:
    with DAG("d", schedule=None) as dag:
        BashOperator.partial(task_id="store").expand(bash_command=["a", "b"])
    replace_by_mocks(dag, {"store": Mock(returns=[1, 2, 3])})
    made = dag.task_dict["store"]
    assert made.is_mapped
    assert made.dag is dag
    assert made._get_specified_expand_input().value == {"returns": [1, 2, 3]}
    dag.validate()


@pytest.mark.parametrize(
    ("mock", "raised"), [({"fails": "no rows"}, AirflowException), ({"skips": True}, AirflowSkipException)]
)
def test_a_mock_fails_or_skips(mock: dict[str, Any], raised: type[Exception]) -> None:
    operator = MockedOperator(task_id="a", **mock)
    with pytest.raises(raised):
        execute(operator)


def test_a_mock_returns_its_value_and_in_a_repeated_group_an_item_of_it() -> None:
    assert execute(MockedOperator(task_id="a", returns=[1, 2])) == [1, 2]
    assert execute(MockedOperator(task_id="a", returns=[1, 2], of_each=True), 1) == 2
    assert execute(MockedOperator(task_id="a", returns=[1, 2], of_each=True), 2) is None
    assert execute(MockedOperator(task_id="a", returns=5, of_each=True), 2) == 5


def execute(operator: MockedOperator, index: int = -1) -> Any:
    """Call what Airflow calls, without its guard."""
    return inspect.unwrap(type(operator).execute)(operator, {"ti": SimpleNamespace(map_index=index)})
