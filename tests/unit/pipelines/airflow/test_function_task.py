"""A function behind ``uses`` is imported when its task runs, and refuses what it does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.pipelines.airflow.function_task import FunctionTask, LateFunction, refuse_unknown

MODULE = """

number = 3

def add(a, b=1): return a + b
def any_keyword(**given): return given

class Tool:
    @staticmethod
    def use(size): return size
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module with functions of a user."""
    (tmp_path / "late_steps.py").write_text(MODULE)
    (tmp_path / "late_broken.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "late_steps"
    for name in ("late_steps", "late_broken"):
        monkeypatch.delitem(__import__("sys").modules, name, raising=False)


def test_nothing_is_imported_before_the_call() -> None:
    late = LateFunction("no_such_module", "f")
    assert (late.__name__, late == LateFunction("no_such_module", "f")) == ("no_such_module:f", True)


def test_a_call_imports_and_calls(steps: str) -> None:
    assert LateFunction(steps, "add")(1, b=2) == 3
    assert LateFunction(steps, "Tool.use")(4) == 4


@pytest.mark.parametrize(
    ("module", "function", "said"),
    [
        ("no_such_module", "f", "no_such_module:f cannot be imported: No module named 'no_such_module'"),
        ("late_broken", "f", "late_broken:f cannot be imported: No module named 'no_such_library'"),
        ("late_steps", "adb", "late_steps has no function 'adb'; did you mean 'add'?"),
        ("late_steps", "Tool.usee", "late_steps has no function 'Tool.usee'; did you mean 'use'?"),
        ("late_steps", "number", "late_steps:number is not a function, but int"),
    ],
)
def test_what_is_missing_is_named(module: str, function: str, said: str, steps: str) -> None:
    with pytest.raises(ImportError) as raised:
        LateFunction(module, function).load()
    assert str(raised.value) == said


def a(x: int, *, y: int = 0) -> None: ...
def b(**more: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "given", "said"),
    [
        (a, ("x", "y"), None),
        (a, ("z",), "m:f takes no argument 'z'"),
        (b, ("anything",), None),
        (print, ("sep",), None),
        (int, ("x",), None),
    ],
)
def test_an_argument_that_a_function_does_not_take_is_refused(
    function: Callable[..., Any], given: tuple[str, ...], said: str | None
) -> None:
    if said is None:
        refuse_unknown("m:f", function, given)
    else:
        with pytest.raises(TypeError, match=said):
            refuse_unknown("m:f", function, given)


def test_a_task_fails_for_an_argument_that_its_function_does_not_take(steps: str) -> None:
    task = FunctionTask(task_id="t", function=f"{steps}:add", op_kwargs={"a": 1, "bb": 2})
    with pytest.raises(TypeError, match="late_steps:add takes no argument 'bb'; did you mean 'b'"):
        task.execute({})
