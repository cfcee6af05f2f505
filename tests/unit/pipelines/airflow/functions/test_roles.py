"""A sensor's function is imported when it is asked, and an asynchronous one is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.airflow.functions.roles import FunctionSensor, Waited

STEPS = """
async def ready(n): return n > 1
def takes_nothing(): return True
"""


def test_an_asynchronous_function_answers_with_what_it_returns() -> None:
    async def ready(n: int) -> bool:
        return n > 1

    assert Waited(ready)(2) is True
    assert Waited(ready)(n=1) is False


def test_a_sensor_refuses_an_argument_that_its_function_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sensed_steps.py").write_text(STEPS)
    monkeypatch.syspath_prepend(tmp_path)
    sensor = FunctionSensor(task_id="t", function="sensed_steps:takes_nothing", op_kwargs={"n": 1})
    with pytest.raises(TypeError, match="takes no argument 'n'"):
        sensor.execute({})


def test_a_sensor_asks_its_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sensed_steps2.py").write_text(STEPS)
    monkeypatch.syspath_prepend(tmp_path)
    sensor = FunctionSensor(task_id="t", function="sensed_steps2:ready", op_kwargs={"n": 2}, timeout=5)
    assert sensor.execute({"ds": "2026-01-31"}) is None
