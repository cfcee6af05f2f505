"""What our tables and our reading of source files say is what the installed Airflow does."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, TriggerRule, WeightRule
from airflow.sdk.definitions.context import KNOWN_CONTEXT_KEYS
from airflow.utils.dates import cron_presets
from airflow.utils.types import DagRunType

from airfleet.pipelines.analysis import catalog, short_names, well_known
from airfleet.pipelines.language.arguments import (
    BASE_OPERATOR_ARGUMENTS,
    CONTEXT_NAMES,
    DAG_ARGUMENTS,
    DAG_OWN_KEYS,
    DAG_PYTHON_ONLY,
    RUN_TYPES,
    TASK_ARGUMENTS,
    TASK_OWN_KEYS,
    TASK_PYTHON_ONLY,
    TRIGGER_RULES,
    WEIGHT_RULES,
)
from airfleet.pipelines.language.cron import PRESETS

#: words in Airflow's annotation that tell the kind
KIND_WORDS = {
    "duration": "timedelta",
    "date": "datetime",
    "boolean": "bool",
    "integer": "int",
    "callback": "Callback",
    "hook": "ExecuteHook",
}


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """What the constructor of ``cls`` itself takes; classes below it may take more."""
    found = inspect.signature(vars(cls)["__init__"]).parameters
    return {name: p for name, p in found.items() if name != "self" and p.kind is not p.VAR_KEYWORD}


def test_every_argument_of_a_dag_is_in_one_table() -> None:
    assert sorted([*DAG_ARGUMENTS, *DAG_OWN_KEYS, *DAG_PYTHON_ONLY]) == sorted(parameters(DAG))


def test_every_argument_of_a_task_is_in_one_table() -> None:
    assert sorted([*TASK_ARGUMENTS, *TASK_OWN_KEYS, *TASK_PYTHON_ONLY]) == sorted(parameters(BaseOperator))


@pytest.mark.parametrize(("cls", "table"), [(DAG, DAG_ARGUMENTS), (BaseOperator, TASK_ARGUMENTS)])
def test_the_kinds_are_those_of_airflow(cls: type, table: dict[str, Any]) -> None:
    taken = parameters(cls)
    for name, argument in table.items():
        annotation = taken[name].annotation
        if annotation is inspect.Parameter.empty:
            continue
        words = [kind for kind, word in KIND_WORDS.items() if word in str(annotation)]
        if words:
            assert argument.kind in words, f"{name}: {annotation}"


def test_the_words_are_those_of_airflow() -> None:
    assert set(TRIGGER_RULES) == {rule.value for rule in TriggerRule}
    assert set(WEIGHT_RULES) == {rule.value for rule in WeightRule}
    assert set(RUN_TYPES) == {kind.value for kind in DagRunType}
    assert set(PRESETS) == {*cron_presets, "@once", "@continuous"}
    assert CONTEXT_NAMES == KNOWN_CONTEXT_KEYS


def constructor(cls: type) -> dict[str, bool]:
    """What ``cls`` and its bases take beyond BaseOperator, and whether it must be given."""
    found: dict[str, bool] = {}
    for base in cls.__mro__:
        if base is BaseOperator:
            break
        if "__init__" in vars(base):
            taken = parameters(base)
            for name, parameter in taken.items():
                if parameter.kind is not parameter.VAR_POSITIONAL:
                    found.setdefault(name, parameter.default is parameter.empty)
    return {name: needed for name, needed in found.items() if name not in BASE_OPERATOR_ARGUMENTS}


#: They fill in an argument of their base by themselves, which only reading their code can tell.
FILLED_IN = {"ApprovalOperator": {"options", "multiple"}, "HITLEntryOperator": {"options"}}


@pytest.mark.parametrize("provider", ["standard", "common.sql", "smtp"])
def test_operators_read_as_text_are_as_they_are_imported(provider: str) -> None:
    names = short_names.short_names(provider)
    assert names
    for path in names.values():
        module, _, name = path.rpartition(".")
        cls = getattr(importlib.import_module(module), name)
        found = catalog.operator(path)
        assert isinstance(found, catalog.Operator), path
        assert found.is_operator, path
        assert not found.signature.open, path
        own = FILLED_IN.get(name, set())
        read = {key: needed for key, needed in found.signature.parameters.items() if key not in own}
        assert read == {key: needed for key, needed in constructor(cls).items() if key not in own}, path
        assert found.template_fields == frozenset(cls.template_fields), path


def test_what_is_no_operator_is_seen() -> None:
    found = catalog.operator("airflow.providers.standard.hooks.filesystem.FSHook")
    assert not isinstance(found, catalog.Operator) or found.signature.open or not found.is_operator


@pytest.mark.parametrize("provider", ["common.sql", "http", "smtp"])
def test_operators_that_we_call_well_known_are_those_of_the_provider(provider: str) -> None:
    """When this fails, scripts/well_known_operators.py writes the table anew."""
    for path in short_names.short_names(provider).values():
        assert well_known.providers_of(path.rpartition(".")[2]) == (provider,)
