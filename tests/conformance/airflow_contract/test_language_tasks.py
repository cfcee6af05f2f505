"""What we use of Airflow for tasks in other languages."""

from __future__ import annotations

import inspect

from airflow.providers.standard.decorators.stub import _StubOperator

from airfleet.pipelines.airflow.parts.language_tasks import LanguageTask


def test_a_stub_is_known_by_its_mark_and_takes_a_function() -> None:
    assert _StubOperator.is_stub is True
    assert {"python_callable", "task_id"} <= set(inspect.signature(_StubOperator.__init__).parameters)


def test_the_source_of_its_function_can_be_read() -> None:
    task = LanguageTask(task_id="a", op_kwargs={"rows": 1, "names": []})
    assert task.get_python_source() == "def _stub(rows, names):\n    ...\n"
    assert list(inspect.signature(task.python_callable).parameters) == ["rows", "names"]
