"""A run of tasks inside this process depends on how Airflow's task runner asks, and what it takes as an answer."""

from __future__ import annotations

import inspect
import typing

import pendulum
from airflow.dag_processing import processor
from airflow.models.dagrun import DagRun as StoredRun
from airflow.sdk import DAG, BaseOperator, XComArg, task_group
from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext
from airflow.sdk.execution_time import comms, macros, task_runner
from airflow.sdk.execution_time.context import MacrosAccessor
from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor, set_supervisor_comms
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep

from airfleet.pipelines.airflow.trial import supervisor
from support.upstream import digest


def test_the_task_runner_takes_the_supervisor_that_is_set() -> None:
    own = supervisor.MemorySupervisor("d", "r", {})
    with set_supervisor_comms(own):
        assert task_runner.SUPERVISOR_COMMS is own
    assert {"send", "asend"} <= set(dir(comms.CommsDecoder))


def test_every_message_that_is_answered_is_one_that_tasks_send() -> None:
    sent = set(typing.get_args(typing.get_args(comms.ToSupervisor)[0]))
    assert set(supervisor._ANSWERS) <= sent


def test_tasks_are_run_as_airflow_runs_them_in_process() -> None:
    assert digest(InProcessTestSupervisor.start) == "c41dc1fc0f6a223b"
    assert list(inspect.signature(inspect.unwrap(task_runner.run)).parameters) == ["ti", "context", "log"]
    assert list(inspect.signature(inspect.unwrap(task_runner.finalize)).parameters)[:5] == [
        "ti",
        "state",
        "context",
        "log",
        "error",
    ]


def test_a_run_and_its_context_have_the_fields_that_we_give() -> None:
    given = {"dag_id", "run_id", "logical_date", "data_interval_start", "data_interval_end", "run_after", "start_date"}
    assert given | {"end_date", "run_type", "state", "conf", "consumed_asset_events", "partition_key"} <= set(
        DagRun.model_fields
    )
    assert {"dag_run", "max_tries", "should_retry", "next_method", "next_kwargs"} <= set(TIRunContext.model_fields)


def test_trigger_rules_are_those_that_we_know() -> None:
    assert digest(TriggerRuleDep._evaluate_trigger_rule) == "1c00c231c474efea"


def test_macros_have_a_clock() -> None:
    assert MacrosAccessor().datetime is macros.datetime


def test_a_deferred_task_goes_on_with_a_method_or_fails() -> None:
    resume = inspect.getsource(BaseOperator.resume_execution)
    assert "next_method == TRIGGER_FAIL_REPR" in resume
    assert 'next_kwargs.get("error"' in resume
    assert {"classpath", "trigger_kwargs", "trigger_timeout", "next_method", "next_kwargs"} <= set(
        comms.DeferTask.model_fields
    )


def test_repeated_tasks_and_groups_tell_for_what_they_are_repeated() -> None:
    with DAG("repeated", schedule=None) as dag:
        first = BaseOperator(task_id="first")
        BaseOperator.partial(task_id="many").expand(doc=["a", "b"])

        @task_group
        def each(item: str) -> None:
            BaseOperator(task_id="inner", params={"item": 1})

        each.expand(item=XComArg(first))
    (group,) = dag.get_task("each.inner").iter_mapped_task_groups()
    assert group._expand_input.value.keys() == {"item"}
    assert dag.get_task("many")._get_specified_expand_input().value == {"doc": ["a", "b"]}


def test_a_timetable_gives_the_interval_of_a_run_by_hand() -> None:
    timetable = coerce_to_core_timetable(DAG("timed", schedule="@daily").timetable)
    assert timetable.infer_manual_data_interval(run_after=pendulum.datetime(2026, 1, 31)) is not None


def test_callbacks_of_a_dag_are_called_as_its_processor_calls_them() -> None:
    called = inspect.getsource(processor._execute_dag_callbacks)
    assert "dag.on_failure_callback if request.is_failure_callback else dag.on_success_callback" in called
    assert 'context = runtime_ti.get_template_context()\n            context["reason"] = request.msg' in called
    decided = inspect.getsource(StoredRun.update_state)
    assert 'reason="task_failure"' in decided
    assert 'reason="success"' in decided
    assert decided.count("(ti for ti in tis if ti.state == TaskInstanceState.FAILED)") == 1
    assert decided.count("(ti for ti in tis if ti.state == TaskInstanceState.SUCCESS)") == 1
