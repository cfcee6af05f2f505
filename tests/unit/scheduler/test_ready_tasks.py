"""Tasks are started, and a run is passed over, without Airflow's look only where that look would do the same."""

from __future__ import annotations

import datetime as dt
import itertools
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import BranchPythonOperator, PythonOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG, setup, task, task_group, teardown
from airflow.serialization.serialized_objects import DagSerialization
from airflow.ti_deps.dep_context import DepContext
from hypothesis import given, settings
from hypothesis import strategies as st

from airfleet.scheduler.ready_tasks import startable


def serialized(dag: DAG) -> Any:
    """As the scheduler sees it."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag))


def may_progress(dag: Any, states: list[tuple[str, str | None]]) -> bool:
    """Whether anything is to be done about the run."""
    return startable(dag, states) != frozenset()


def chain(**of_c: Any) -> Any:
    """``a``, ``b``, ``c``, ``d``, one after the other; ``c`` is made with ``of_c``."""
    with DAG("chain", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) as dag:
        a, b, d = (PythonOperator(task_id=name, python_callable=print) for name in "abd")
        a >> b >> PythonOperator(task_id="c", python_callable=print, **of_c) >> d
    return serialized(dag)


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


# --- what can start ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", WAITS_FOR_ALL)
def test_the_next_of_a_chain_starts_and_those_after_it_wait(rule: str) -> None:
    assert startable(chain(trigger_rule=rule), [("c", None), ("d", None)]) == {"c"}
    assert startable(chain(trigger_rule=rule), [("b", None), ("c", None), ("d", None)]) == {"b"}


def test_several_start_at_once_beside_what_goes_on() -> None:
    with DAG("two", schedule=None) as dag:
        one, other = (PythonOperator(task_id=name, python_callable=print) for name in ("one", "other"))
        one >> [PythonOperator(task_id=name, python_callable=print) for name in ("x", "y")]
        other >> PythonOperator(task_id="z", python_callable=print)
    assert startable(serialized(dag), [("x", None), ("y", None), ("other", "running"), ("z", None)]) == {"x", "y"}


@pytest.mark.parametrize(
    "options",
    [
        {"trigger_rule": "one_success"},
        {"trigger_rule": "always"},
        {"depends_on_past": True},
        {"wait_for_downstream": True},
    ],
    ids=str,
)
def test_a_task_about_which_more_decides_is_left_to_airflow(options: dict[str, Any]) -> None:
    assert startable(chain(**options), [("c", None), ("d", None)]) is None


def test_what_no_worker_runs_is_left_to_airflow() -> None:
    assert startable(fan(), [("end", None)]) is None


def test_a_sensor_that_may_have_been_rescheduled_is_left_to_airflow() -> None:
    with DAG("sensor", schedule=None) as dag:
        PythonOperator(task_id="a", python_callable=print) >> PythonSensor(
            task_id="b", python_callable=print, mode="reschedule"
        )
    assert startable(serialized(dag), [("b", None)]) is None


def test_a_task_that_begins_with_a_trigger_is_left_to_airflow() -> None:
    dag = chain()
    dag.task_dict["c"].start_from_trigger = True
    assert startable(dag, [("c", None), ("d", None)]) is None


def test_a_dag_with_setups_or_a_failure_is_left_to_airflow() -> None:
    dag = chain()
    assert startable(dag, [("a", "failed"), ("c", None), ("d", None)]) is None
    dag.task_dict["a"].is_setup = True
    assert startable(dag, [("c", None), ("d", None)]) is None


def test_after_a_mapped_task_the_next_one_starts_when_all_instances_have_ended() -> None:
    with DAG("mapped", schedule=None) as dag:
        many = PythonOperator.partial(task_id="many", python_callable=print).expand(op_args=[[1], [2]])
        many >> PythonOperator(task_id="then", python_callable=print)
    found = serialized(dag)
    assert startable(found, [("many", "running"), ("then", None)]) == frozenset()
    assert startable(found, [("then", None)]) == {"then"}
    assert startable(found, [("many", None), ("then", None)]) is None


# --- beside Airflow's own answer --------------------------------------------------------------------

RULES = (*WAITS_FOR_ALL, *DECIDES_EARLIER)
STATES = (None, "success", "running", "queued", "scheduled", "failed", "skipped", "upstream_failed", "deferred")
KINDS = (EmptyOperator, BranchPythonOperator, PythonOperator, PythonOperator, PythonOperator)


@st.composite
def runs(draw: st.DrawFn) -> tuple[Any, dict[str, str | None]]:
    """A Dag of some tasks, and the state of each: in half of them only the last task is unusual, by its rule."""
    size = draw(st.integers(1, 5))
    usual = draw(st.booleans())
    with DAG("any", schedule=None, start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) as dag:
        tasks: list[Any] = []
        for number in range(size):
            kind = cast("Any", PythonOperator if usual else draw(st.sampled_from(KINDS)))
            rule = draw(st.sampled_from(RULES)) if number == size - 1 or not usual else "all_success"
            more = {} if kind is EmptyOperator else {"python_callable": print}
            tasks.append(kind(task_id=f"t{number}", trigger_rule=rule, **more))
            least = min(number, 2) if number == size - 1 else 0
            for above in draw(st.sets(st.sampled_from(range(number)), min_size=least)) if number else ():
                tasks[above] >> tasks[number]
    likely = st.sampled_from((None, None, "success", "success", "running"))
    states = {task.task_id: draw(likely if usual else st.sampled_from(STATES)) for task in tasks}
    return serialized(dag), states


def of_airflow(dag: Any, states: dict[str, str | None]) -> tuple[set[str], set[str]]:
    """The tasks without a state that Airflow finds ready, and those to which it gives another state."""
    run = DagRun(dag_id=dag.dag_id, run_id="one", run_type="manual", state="running")
    instances = []
    for task_id, state in states.items():
        ti = TaskInstance(task=dag.task_dict[task_id], run_id="one", dag_version_id=uuid4(), state=state)
        ti.dag_run = run
        instances.append(ti)
    finished = [ti for ti in instances if ti.state in ("success", "failed", "skipped", "upstream_failed")]
    context = DepContext(flag_upstream_failed=True, ignore_unmapped_tasks=True, finished_tis=finished)
    session: Any = KnowsAllAndStoresNothing()
    waiting = [ti for ti in instances if ti.state is None]
    ready = {ti.task_id for ti in waiting if ti.are_dependencies_met(dep_context=context, session=session)}
    return ready, {ti.task_id for ti in waiting if ti.state is not None}


class KnowsAllAndStoresNothing:
    """What Airflow's answer needs of a session; no branch has said what it follows."""

    def __contains__(self, _: object) -> bool:
        return True

    def merge(self, one: Any) -> Any:
        """Nothing is stored."""
        return one

    def flush(self) -> None:
        """Nor now."""

    def execute(self, *_: Any, **__: Any) -> Any:
        """No rows."""
        return SimpleNamespace(all=list, first=lambda: None)

    scalars = execute


def test_what_is_said_to_start_is_what_airflow_starts() -> None:
    plain = itertools.count()

    @settings(max_examples=500, deadline=None)
    @given(runs())
    def agrees(run: tuple[Any, dict[str, str | None]]) -> None:
        dag, states = run
        said = startable(dag, [(task_id, state) for task_id, state in states.items() if state != "success"])
        if said is not None:
            next(plain)
            assert (set(said), set()) == of_airflow(dag, states)

    agrees()
    assert next(plain) > 50, "hardly any of them was plain"
