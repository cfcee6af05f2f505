"""A callback of any kind is imported when it is called, and gets the context and its arguments."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pytest

from airfleet.pipelines.airflow import dag
from airfleet.pipelines.airflow.parts.callbacks import LateCallback
from airfleet.pipelines.reading import reader

MODULE = """
import datetime as dt
from airflow.sdk import BaseNotifier

calls = []

class Mail(BaseNotifier):
    template_fields = ("text",)
    def __init__(self, text="", pause: dt.timedelta | None = None, to=(), **kwargs):
        super().__init__(**kwargs)
        self.text, self.pause, self.to = text, pause, to
    def notify(self, context):
        calls.append((self.text, self.pause, self.to))

class Thing: ...

def told(context, text="", **more):
    calls.append((context["ds"], text, more))

async def later(context):
    calls.append(context["ds"])

def several(context):
    calls.append(context["ds"])
    yield

def after(context, result, unit):
    calls.append((context["ds"], result, unit))
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of a user."""
    (tmp_path / "cb_steps.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "cb_steps", raising=False)  # of the test before
    return tmp_path


def called(written: str, folder: Path) -> list[Any]:
    """Build a pipeline with one callback and call it, as Airflow does; give what it noted."""
    [draft] = reader.read(f"dag_id: p\non_failure_callback: {written}\ntasks: [{{id: t}}]\n", str(folder / "p")).drafts
    built = dag.build(draft.pipeline)
    callback = built.on_failure_callback
    for one in callback if isinstance(callback, list) else [callback]:
        one({"ds": "2026-01-01", "dag": built})  # type: ignore[misc,arg-type]
    noted: list[Any] = __import__("cb_steps").calls
    return noted


@pytest.mark.parametrize(
    ("written", "noted"),
    [
        ("cb_steps:told", [("2026-01-01", "", {})]),
        ("cb_steps:later", ["2026-01-01"]),
        ("cb_steps:several", ["2026-01-01"]),
        ("cb_steps:Mail", [("", None, ())]),
        ("[cb_steps:later, {uses: cb_steps.told}]", ["2026-01-01", ("2026-01-01", "", {})]),
        ("{uses: 'cb_steps:told', with: {text: '{{ ds }}', a: [1, x]}}", [("2026-01-01", "{{ ds }}", {"a": [1, "x"]})]),
        ("{uses: 'cb_steps:told', with: {text: {$t: 'at {{ ds }}'}, a: '{{ ds }}'}}",
         [("2026-01-01", "at 2026-01-01", {"a": "{{ ds }}"})]),
        ("{uses: 'cb_steps:told', with: {a: {b: [{$t: '{{ ds }}'}, '{{ ds }}']}}}",
         [("2026-01-01", "", {"a": {"b": ["2026-01-01", "{{ ds }}"]}})]),
        ("{uses: cb_steps.Mail, with: {text: {$t: 'at {{ ds }}'}, pause: 5m, to: [a]}}",
         [("at 2026-01-01", dt.timedelta(minutes=5), ["a"])]),
        ("{uses: cb_steps.Mail, with: {text: '{{ ds }}', to: '{{ ds }}'}}", [("{{ ds }}", None, "{{ ds }}")]),
        ("{uses: cb_steps.Mail, with: {text: {$f: text.txt}}}", [("from a file", None, ())]),
        ("{$new: cb_steps.Mail, with: {to: {$new: datetime.date, args: [2026, 1, 1]}}}",
         [("", None, dt.date(2026, 1, 1))]),
    ],
)  # fmt: skip
def test_a_callback_gets_the_context_and_its_arguments(written: str, noted: list[Any], steps: Path) -> None:
    (steps / "text.txt").write_text("from a file")
    assert called(written, steps) == noted


def test_a_notifier_is_made_anew_for_each_call(steps: Path) -> None:
    callback = LateCallback("cb_steps", "Mail", marked={"text": "{{ ds }}"})
    for day in ("2026-01-01", "2026-01-02"):
        callback({"ds": day})
    assert [text for text, *_ in __import__("cb_steps").calls] == ["2026-01-01", "2026-01-02"]


def test_the_file_of_a_dag_is_read_although_its_callback_cannot_be_imported(tmp_path: Path) -> None:
    text = "dag_id: p\non_failure_callback: {uses: no_such.Notifier, with: {a: 1}}\ntasks: [{id: t}]\n"
    [draft] = reader.read(text, str(tmp_path / "p.yaml")).drafts
    callback = dag.build(draft.pipeline).on_failure_callback
    with pytest.raises(ImportError, match="no_such:Notifier cannot be imported: No module named 'no_such'"):
        callback({})  # type: ignore[misc,operator,arg-type]


def test_a_class_that_is_no_notifier_is_no_callback(steps: Path) -> None:
    with pytest.raises(TypeError, match="cb_steps:Thing is a class, and a callback is a function"):
        LateCallback("cb_steps", "Thing")({})


def test_what_comes_after_a_task_gets_its_result(steps: Path) -> None:
    LateCallback("cb_steps", "after", {"unit": "rows"})({"ds": "x"}, 5)
    assert __import__("cb_steps").calls == [("x", 5, "rows")]
