"""What we call gone is gone from this Airflow, and what we leave alone is there."""

from __future__ import annotations

import importlib
import warnings

import pytest

from airfleet.pipelines.upgrade import names as moved_names
from airfleet.pipelines.upgrade.imports import is_gone, module_is_gone

OLD_MODULES = (
    *moved_names.GONE_MODULES,
    "airflow.operators.bash_operator",
    "airflow.operators.python_operator",
    "airflow.operators.dummy",
    "airflow.operators.sql",
    "airflow.operators.subdag",
    "airflow.hooks.base_hook",
    "airflow.hooks.dbapi",
    "airflow.sensors.base_sensor_operator",
    "airflow.sensors.time_delta_sensor",
    "airflow.sensors.sql",
)
STILL_THERE = (
    ("airflow", "DAG"),
    ("airflow.operators.python", "PythonOperator"),
    ("airflow.operators.empty", "EmptyOperator"),
    ("airflow.operators.branch", "BaseBranchOperator"),
    ("airflow.hooks.base", "BaseHook"),
    ("airflow.hooks.filesystem", "FSHook"),
    ("airflow.sensors.base", "BaseSensorOperator"),
    ("airflow.sensors.external_task", "ExternalTaskSensor"),
    ("airflow.models", "Variable"),
    ("airflow.models.baseoperator", "chain"),
    ("airflow.utils.trigger_rule", "TriggerRule"),
)


def imported(module: str, name: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("module", OLD_MODULES)
def test_a_module_that_we_call_gone_cannot_be_imported(module: str) -> None:
    assert module_is_gone(module)
    with pytest.raises(ImportError):
        importlib.import_module(module)


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in moved_names.GONE_NAMES.items() for name in names]
)
def test_a_name_that_we_call_gone_cannot_be_imported(module: str, name: str) -> None:
    assert is_gone(module, name)
    with pytest.raises(AttributeError):
        imported(module, name)


@pytest.mark.parametrize(("module", "name"), STILL_THERE)
def test_a_name_that_airflow_answers_for_is_not_called_gone(module: str, name: str) -> None:
    assert not is_gone(module, name)
    assert imported(module, name) is not None


def test_keywords_that_we_call_gone_are_refused_and_their_new_names_taken() -> None:
    import inspect

    from airflow.sdk import DAG, BaseOperator
    from airflow.sdk.definitions.context import Context

    dag, task = inspect.signature(DAG.__init__).parameters, inspect.signature(BaseOperator.__init__).parameters
    for known, taken in ((moved_names.DAG_KEYWORDS, dag), (moved_names.TASK_KEYWORDS, task)):
        assert {old for old in known if old in taken} <= set(moved_names.TAKEN_FOR_NOTHING)
        assert {new for new in known.values() if new is not None and new not in taken} == set()
    context = Context.__annotations__
    assert [old for old in moved_names.CONTEXT if old in context] == []
    words = {word for new in moved_names.CONTEXT.values() for word in (new.partition(" |")[0].partition(".")[0],)}
    assert words <= set(context)
