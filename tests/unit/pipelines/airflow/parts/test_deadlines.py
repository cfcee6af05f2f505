"""Deadlines, retry policies and params as Airflow's objects."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
from airflow.sdk import DAG
from airflow.sdk.definitions.deadline import DeadlineReference, VariableInterval
from airflow.sdk.execution_time.callback_supervisor import execute_callback

from airfleet.errors import FileProblems
from airfleet.pipelines.airflow import dag
from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.reading import reader

STEPS = """
from airflow.sdk import BaseNotifier

def told(context): ...
async def later(channel="x"): ...

class Mail(BaseNotifier):
    template_fields = ("text",)
    def __init__(self, text): ...

class AsyncMail(Mail):
    async def async_notify(self, context): ...

class Below(AsyncMail): ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "late_dl.py").write_text(STEPS)
    monkeypatch.delitem(sys.modules, "late_dl", raising=False)
    return tmp_path


def built(lines: str, folder: Path) -> DAG:
    tasks = "" if "tasks:" in lines else "tasks: [{id: t}]\n"
    [draft] = reader.read(f"dag_id: p\n{lines}\n{tasks}", str(folder / "p.yaml")).drafts
    return dag.build(draft.pipeline)


def alert(folder: Path, reference: str = "queued_at", interval: str = "1h", callback: str = "late_dl:told") -> Any:
    written = f"{{reference: {reference}, interval: {interval}, callback: {callback}}}"
    [made] = built(f"deadline: {written}", folder).deadline or []
    return made


@pytest.mark.parametrize(
    ("reference", "made"),
    [
        ("queued_at", DeadlineReference.DAGRUN_QUEUED_AT),
        ("logical_date", DeadlineReference.DAGRUN_LOGICAL_DATE),
        ("average_runtime", DeadlineReference.AVERAGE_RUNTIME(10)),
        ("{average_runtime: {max_runs: 5, min_runs: 2}}", DeadlineReference.AVERAGE_RUNTIME(5, 2)),
        ("2026-01-01T00:00:00Z", DeadlineReference.FIXED_DATETIME(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))),
    ],
)
def test_references(reference: str, made: object, folder: Path) -> None:
    assert alert(folder, reference).reference == made


def test_intervals(folder: Path) -> None:
    assert alert(folder, interval="1h30m").interval == dt.timedelta(minutes=90)
    assert alert(folder, interval="{variable: patience}").interval == VariableInterval("patience")


@pytest.mark.parametrize(
    ("callback", "kind", "path", "kwargs"),
    [
        ("late_dl:told", "SyncCallback", "late_dl.told", {}),
        ("{uses: 'late_dl:later', with: {channel: [a]}}", "AsyncCallback", "late_dl.later", {"channel": ["a"]}),
        ("{uses: late_dl.Mail, with: {text: {$t: '{{ ds }}'}}}", "SyncCallback", "late_dl.Mail", {"text": "{{ ds }}"}),
        ("{uses: late_dl.Mail, with: {text: '{{ ds }}'}}", "SyncCallback", "late_dl.Mail",
         {"text": '{{ "{{ ds }}" }}'}),
        ("{uses: late_dl.AsyncMail, with: {text: x}}", "AsyncCallback", "late_dl.AsyncMail", {"text": "x"}),
        ("{uses: late_dl.Below, with: {text: x}}", "AsyncCallback", "late_dl.Below", {"text": "x"}),
    ],
)  # fmt: skip
def test_a_coroutine_runs_in_the_triggerer_and_a_function_in_a_worker(
    callback: str, kind: str, path: str, kwargs: dict[str, Any], folder: Path
) -> None:
    made = alert(folder, callback=callback).callback
    assert (type(made).__name__, made.path, made.kwargs) == (kind, path, kwargs)
    assert "late_dl" not in sys.modules  # only its path is needed


def test_an_object_that_cannot_be_stored_is_a_problem_of_the_deadline(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "late_ref.py").write_text("class Moment:\n    pass\n")
    file = folder / "p.yaml"
    wrong = "{reference: {$new: late_ref.Moment}, interval: 1h, callback: late_dl:told}"
    file.write_text(f"dag_id: p\ndeadline: {wrong}\ntasks: [{{id: t}}]\n")
    _, problems = dags_and_problems(file)
    assert [f"{p.path}: {p.sentence}" for p in problems] == ["deadline: Airflow cannot store the deadline of Dag 'p'"]


def test_rules_for_errors(folder: Path) -> None:
    rules = "[{exception: OSError, retry_delay: 5m}, {exception: ['a.B', 'c:D'], action: fail, reason: no}]"
    made = built(f"tasks: [{{id: t, retry_policy: {{rules: {rules}, default: retry}}}}]", folder).get_task("t")
    assert made.retry_policy is not None
    assert made.retry_policy.serialize() == {
        "__type": "ExceptionRetryPolicy",
        "default": "retry",
        "rules": [
            {"exception": "builtins.OSError", "action": "retry", "match_subclasses": True, "retry_delay": 300.0},
            {"exception": ["a.B", "c.D"], "action": "fail", "match_subclasses": True, "reason": "no"},
        ],
    }


def test_params_may_be_values_schemas_and_objects(folder: Path) -> None:
    made = built(
        "params:\n"
        "  a: {type: integer, default: 3}\n"
        "  b: {$new: airflow.sdk.Param, args: [x], with: {enum: [x, y]}}\n"
        "  c: {$const: {type: string}}\n"
        "  d: {type: s3}\n",
        folder,
    ).params
    assert made.dump() == {"a": 3, "b": "x", "c": {"type": "string"}, "d": {"type": "s3"}}
    assert [made.get_param(name).schema for name in "abcd"] == [{"type": "integer"}, {"enum": ["x", "y"]}, {}, {}]


def test_what_an_object_refuses_is_a_problem(folder: Path) -> None:
    with pytest.raises(FileProblems) as error:
        built("deadline: {$new: airflow.sdk.DeadlineAlert, args: [1, 2, 3]}", folder)
    [problem] = error.value.problems
    assert problem.path == "deadline"
    assert problem.sentence.startswith("DeadlineAlert refuses its arguments: Callbacks ")  # the rest is Airflow's


CALLED = """
from airflow.sdk import BaseNotifier

calls = []

def late(channel, context=None):
    calls.append((channel, context["ds"]))

class Mail(BaseNotifier):
    template_fields = ("text", "to")
    def __init__(self, text, to=(), **kwargs):
        super().__init__(**kwargs)
        self.text, self.to = text, to
    def notify(self, context):
        calls.append((self.text, self.to))
"""


@pytest.mark.parametrize(
    ("callback", "called"),
    [
        ("{uses: 'called_dl:late', with: {channel: '{{ ds }}'}}", ("{{ ds }}", "2026-01-01")),
        ("{uses: called_dl.Mail, with: {text: {$t: 'at {{ ds }}'}, to: ['{{ ds }}', a]}}",
         ("at 2026-01-01", ["{{ ds }}", "a"])),
    ],
)  # fmt: skip
def test_a_worker_calls_what_is_stored(
    callback: str, called: object, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "called_dl.py").write_text(CALLED)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "called_dl", raising=False)
    stored = alert(folder, callback=callback).callback.serialize()
    kwargs = {**stored["kwargs"], "context": {"ds": "2026-01-01"}}
    assert execute_callback(stored["path"], kwargs, Path(), None, structlog.get_logger()) == (True, None)
    assert __import__("called_dl").calls == [called]
