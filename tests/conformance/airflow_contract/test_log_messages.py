"""Messages of Airflow that ``airfleet why`` and ``airfleet run`` understand still stand in the modules that write them.

When one of these fails, upstream moved: change the text in ``cli/output/airflow_messages.py``.
"""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest
from airflow.api_fastapi.execution_api.routes import xcoms
from airflow.dag_processing import dagbag
from airflow.dag_processing.bundles import manager
from airflow.models import trigger, variable
from airflow.providers.standard.hooks import subprocess
from airflow.providers.standard.operators import bash, python
from airflow.sdk import exceptions
from airflow.sdk.bases import operator
from airflow.sdk.execution_time import context, supervisor, task_runner
from airflow.ti_deps.deps import dag_unpaused_dep, dagrun_exists_dep, trigger_rule_dep, valid_state_dep

from airfleet.cli.output import airflow_messages, log_filter

WRITTEN_BY: tuple[tuple[str, ModuleType], ...] = (
    (airflow_messages.NO_DAG, task_runner),
    (airflow_messages.EXITED, task_runner),
    (airflow_messages.KILLED, supervisor),
    (airflow_messages.OUT_OF_MEMORY, supervisor),
    (airflow_messages.TRIGGER_FAILED, trigger),
    (airflow_messages.TRIGGER_FAILED, operator),
    (airflow_messages.EXIT_CODE, bash),
    (airflow_messages.TOO_MANY_TO_MAP, xcoms),
    (airflow_messages.NO_OUTPUT, exceptions),
    (airflow_messages.NO_CONNECTION, context),
    (airflow_messages.NO_VARIABLE, variable),
)
ROUTINE: dict[str, ModuleType] = {
    "::group::": task_runner,
    "::endgroup::": task_runner,
    "DAG bundles loaded": manager,
    "Filling up the DagBag": dagbag,
    "Worker startup parse complete": task_runner,
    "Tmp dir root location": subprocess,
    "Done. Returned value was": python,
}


@pytest.mark.parametrize(("text", "module"), WRITTEN_BY, ids=lambda value: getattr(value, "__name__", value))
def test_airflow_writes_what_we_look_for(text: str, module: ModuleType) -> None:
    assert text in inspect.getsource(module)


def test_lines_that_say_nothing_of_a_task_are_those_of_airflow() -> None:
    assert set(airflow_messages.ROUTINE) == set(ROUTINE)
    assert [text for text, module in ROUTINE.items() if text not in inspect.getsource(module)] == []
    assert all(log_filter.is_routine(f"{text} and more") for text in ROUTINE)


def test_the_checks_that_are_said_otherwise_have_these_names() -> None:
    deps = (dag_unpaused_dep.DagUnpausedDep, dagrun_exists_dep.DagrunRunningDep)
    more = (trigger_rule_dep.TriggerRuleDep, valid_state_dep.ValidStateDep)
    assert {dep.NAME for dep in (*deps, *more)} == airflow_messages.CHECKS_SAID_OTHERWISE
