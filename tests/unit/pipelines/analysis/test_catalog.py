"""Installed operators, functions and callbacks are known from their files; nothing is imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from airfleet.pipelines.analysis import catalog
from airfleet.pipelines.analysis.modules import UNKNOWN, MissingDefinition
from airfleet.pipelines.analysis.signatures import Signature

STEPS = """
import functools

def plain(a, b=1): ...

@functools.cache
def decorated(a): ...

class Thing:
    def __init__(self, size): ...

value = 3

def alarm(context): ...
def alarm_with_more(context, channel="x"): ...
def no_place(): ...
def two(context, channel): ...
def by_name(context, *, channel): ...
def anything(*args): ...
"""
NOTIFIERS = """
class BaseNotifier: ...
class Mail(BaseNotifier):
    def __init__(self): ...
class Chat(BaseNotifier):
    def __init__(self, channel): ...
class Tool:
    def __init__(self): ...
"""


@pytest.fixture
def roots(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "shop_steps.py").write_text(STEPS)
    (tmp_path / "shop_notifiers.py").write_text(NOTIFIERS)
    return (str(tmp_path),)


def test_a_function_takes_what_its_source_says(roots: tuple[str, ...]) -> None:
    assert catalog.function("shop_steps", "plain", roots) == Signature({"a": True, "b": False})
    assert "shop_steps" not in sys.modules


@pytest.mark.parametrize("name", ["decorated", "Thing", "value"])
def test_nothing_is_guessed_of_what_may_take_anything(name: str, roots: tuple[str, ...]) -> None:
    assert catalog.function("shop_steps", name, roots) is UNKNOWN


def test_a_function_that_is_not_there_is_answered_with_those_that_are(roots: tuple[str, ...]) -> None:
    found = catalog.function("shop_steps", "plian", roots)
    assert isinstance(found, MissingDefinition)
    assert {"plain", "decorated"} <= set(found.known)
    assert not {"value", "Thing"} & set(found.known)


def test_an_operator_takes_what_it_adds_to_every_task() -> None:
    found = catalog.operator("airflow.providers.standard.operators.bash.BashOperator")
    assert isinstance(found, catalog.Operator)
    assert found.signature.parameters["bash_command"] is True
    assert "retries" not in found.signature.parameters
    assert "bash_command" in (found.template_fields or ())
    assert found.is_operator


def test_a_class_of_a_project_is_read_again_when_it_was_edited(tmp_path: Path) -> None:
    file, roots = tmp_path / "shop_ops.py", (str(tmp_path),)
    base = "from airflow.sdk import BaseOperator\nclass A(BaseOperator):\n    def __init__(self, {}, **kwargs): ...\n"
    for name in ("first", "second_and_longer"):
        file.write_text(base.format(name))
        found = catalog.operator("shop_ops.A", roots)
        assert isinstance(found, catalog.Operator)
        assert set(found.signature.parameters) == {name}


def test_a_function_is_no_operator(roots: tuple[str, ...]) -> None:
    found = catalog.operator("shop_steps.plain", roots)
    assert isinstance(found, catalog.Operator)
    assert not found.is_operator
