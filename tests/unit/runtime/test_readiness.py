"""A run is passed over only where looking at it could change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.sdk import DAG, setup, task, task_group, teardown
from airflow.serialization.serialized_objects import DagSerialization

from airfleet.runtime.readiness import may_progress


def serialized(dag: DAG) -> Any:
    """As the scheduler sees it."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def fan(rule: str = "all_success") -> Any:
    """``a``, ``b`` and ``c``, and then ``end``."""
    with DAG("fan", schedule=None) as dag:
        end = EmptyOperator(task_id="end", trigger_rule=rule)
        for name in "abc":
            EmptyOperator(task_id=name) >> end
    return serialized(dag)


WAITS_FOR_ALL = ("all_success", "all_done", "none_failed", "none_failed_min_one_success")
DECIDES_EARLIER = ("one_success", "one_failed", "one_done", "all_failed", "all_skipped", "none_skipped", "always")


@pytest.mark.parametrize("rule", WAITS_FOR_ALL)
@pytest.mark.parametrize("state", ["scheduled", "queued", "running", "restarting", "deferred", "awaiting_input"])
def test_a_task_that_waits_for_all_of_which_some_go_on_needs_no_look(rule: str, state: str) -> None:
    assert not may_progress(fan(rule), [("b", state), ("end", None)])


@pytest.mark.parametrize("rule", DECIDES_EARLIER)
def test_a_task_that_may_decide_earlier_is_looked_at(rule: str) -> None:
    assert may_progress(fan(rule), [("b", "running"), ("end", None)])


@pytest.mark.parametrize("state", ["failed", "skipped", "upstream_failed", "removed"])
def test_one_that_did_not_end_well_is_looked_at_at_once(state: str) -> None:
    assert may_progress(fan(), [("a", state), ("b", "running"), ("end", None)])


@pytest.mark.parametrize("state", ["up_for_retry", "up_for_reschedule"])
def test_what_waits_for_its_time_is_looked_at(state: str) -> None:
    assert may_progress(fan(), [("a", state), ("b", "running"), ("end", None)])


def test_all_upstream_tasks_ended_well_so_the_next_may_run() -> None:
    assert may_progress(fan(), [("end", None)])


def test_nothing_left_or_nothing_under_way_may_be_the_end_or_a_deadlock() -> None:
    assert may_progress(fan(), [])
    assert may_progress(fan(), [("a", None), ("end", None)])


def test_a_run_in_which_everything_goes_needs_no_look() -> None:
    assert not may_progress(fan(), [("end", "running")])


def test_one_of_several_that_is_ready_is_enough() -> None:
    with DAG("two", schedule=None) as dag:
        EmptyOperator(task_id="a") >> EmptyOperator(task_id="after_a")
        EmptyOperator(task_id="b") >> EmptyOperator(task_id="after_b")
    assert may_progress(serialized(dag), [("b", "running"), ("after_a", None), ("after_b", None)])
    assert not may_progress(serialized(dag), [("b", "running"), ("after_b", None)])


def test_a_task_that_is_no_longer_in_the_dag_is_looked_at() -> None:
    assert may_progress(fan(), [("b", "running"), ("gone", None)])


def test_mapped_tasks_and_groups_are_looked_at() -> None:
    with DAG("mapped", schedule=None) as dag:
        first = PythonOperator(task_id="first", python_callable=print)
        many = PythonOperator.partial(task_id="many", python_callable=print).expand(op_args=[[1], [2]])
        first >> many

        @task_group
        def group(x: int) -> None:
            inner = task(lambda x: x)
            inner.override(task_id="inner")(x) >> EmptyOperator(task_id="then")

        group.expand(x=[1, 2])
    found = serialized(dag)
    assert may_progress(found, [("first", "running"), ("many", None)])
    assert may_progress(found, [("group.inner", "running"), ("group.then", None)])


def test_what_stands_below_a_branch_is_looked_at() -> None:
    with DAG("branch", schedule=None) as dag:
        branch = BranchPythonOperator(task_id="branch", python_callable=print)
        other, end = EmptyOperator(task_id="other"), EmptyOperator(task_id="end")
        [branch, other] >> end
    assert may_progress(serialized(dag), [("other", "running"), ("end", None)])


def test_a_setup_that_failed_decides_about_tasks_further_down() -> None:
    with DAG("setup", schedule=None) as dag:

        @setup
        def make() -> None: ...

        @teardown
        def remove() -> None: ...

        made, removed = make(), remove().as_teardown(setups=None)
        middle, end = EmptyOperator(task_id="middle"), EmptyOperator(task_id="end")
        other = EmptyOperator(task_id="other")
        made >> middle >> end >> removed
        other >> end
    found = serialized(dag)
    assert may_progress(found, [("make", "failed"), ("other", "running"), ("middle", "upstream_failed"), ("end", None)])
    assert may_progress(found, [("other", "running"), ("remove", None)])
