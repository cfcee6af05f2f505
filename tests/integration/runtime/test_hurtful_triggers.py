"""A trigger that hurts fails with its task; all others go on, and the triggerer never ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.cli.diagnosis import failure_patterns
from airfleet.testing.fleet import FleetUnderTest
from support import hurtful_triggers

FLEET = """\
name: hurt
workers: [{name: worker, slots: 4}]
airflow: {triggerer: {runner_health_check_threshold: 15}}
"""

WHYS = {
    "sleeps": "This trigger has blocked the event loop of all triggers for",
    "spins": "It has blocked the process of all triggers, which had to be killed",
    "exits": "The trigger wanted to end the process of all triggers: SystemExit(3)",
    "made": "The trigger wanted to end the process of all triggers: SystemExit('not with me')",
    "ends": "The process of all triggers has ended while it ran (exit code 3)",
    "ends_in_a_task": "The process of all triggers has ended while it ran (exit code 4)",
    "raises": "KeyError: 'NO_SUCH_KEY'",
    "no_event": "The event of this trigger cannot be passed on: ValidationError",
    "object": "The event of this trigger cannot be passed on: NotImplementedError",
    "function": "The event of this trigger cannot be passed on: NotImplementedError",
    "itself": "The event of this trigger cannot be passed on: ",
    "deep": "RecursionError",
    "nul": "The event of this trigger cannot be stored",
    "nan": "The event of this trigger cannot be stored",
    "surrogate": "The event of this trigger cannot be passed on: UnicodeEncodeError",
    "huge": "What was to be stored has 70 MB; the limit is 67 MB ([airfleet] max_message_bytes).",
}
FINE = ("long_line", "waits")

DAGS = """
from airflow.sdk import DAG, BaseOperator
from hurtful_triggers import Hurts

class Defers(BaseOperator):
    def execute(self, context):
        self.defer(trigger=Hurts(self.task_id), method_name="go_on")
    def go_on(self, context, event=None):
        return "came"

with DAG("hurts", schedule=None):
    for name in {names!r}:
        Defers(task_id=name)
"""


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    os.umask(0o022)
    files = {
        "pipelines/hurts.py": DAGS.format(names=[*WHYS, *FINE]),
        "hurtful_triggers.py": Path(hurtful_triggers.__file__).read_text(),
    }
    with FleetUnderTest.make(FLEET, files) as made:
        made.start()
        made.wait_for_dag("hurts")
        yield made


@pytest.fixture(scope="module")
def found(fleet: FleetUnderTest) -> dict[str, tuple[str, str]]:
    """Of each task its state and its log."""
    run = fleet.trigger("hurts", {})
    fleet.wait_for_run("hurts", run, 240)
    told: dict[str, tuple[str, str]] = {}
    for one in fleet.api.get("dags", "hurts", "dagRuns", run, "taskInstances")["task_instances"]:
        way = ("dags", "hurts", "dagRuns", run, "taskInstances", one["task_id"], "logs", one["try_number"])
        log: Any = fleet.api.get(*way)["content"]
        told[one["task_id"]] = one["state"], json.dumps(log)
    return told


@pytest.mark.long
@pytest.mark.parametrize("task", WHYS)
def test_a_trigger_that_hurts_fails_with_its_task_and_is_told_why(task: str, found: dict[str, tuple[str, str]]) -> None:
    state, log = found[task]
    assert state == "failed"
    assert WHYS[task] in log


@pytest.mark.long
def test_the_others_go_on_and_the_triggerer_has_not_ended(
    fleet: FleetUnderTest, found: dict[str, tuple[str, str]]
) -> None:
    assert [found[name][0] for name in FINE] == ["success"] * 2
    assert fleet.component("triggerer").restarts == 0


@pytest.mark.long
def test_lines_without_end_are_cut_in_the_log_of_their_trigger(found: dict[str, tuple[str, str]]) -> None:
    _, log = found["long_line"]
    assert "zzz... (a line of 30 MB was cut here)" in log
    assert len(log) < 3_000_000


@pytest.mark.long
def test_a_trigger_that_blocks_is_named_where_it_blocks(fleet: FleetUnderTest, found: dict[str, Any]) -> None:
    _, log = found["sleeps"]
    assert "This trigger blocks the event loop of all triggers" in log
    assert "hurtful_triggers.py" in log


@pytest.mark.parametrize(
    ("task", "cause"),
    [
        ("sleeps", "its trigger blocked the event loop that all triggers share"),
        ("spins", "its trigger blocked the event loop that all triggers share"),
        ("ends", "its trigger ended the process that all triggers share (exit code 3)"),
        ("object", "the event of its trigger cannot be passed on: NotImplementedError"),
    ],
)
def test_what_a_trigger_has_done_is_the_likely_cause(
    task: str, cause: str, fleet: FleetUnderTest, found: dict[str, Any]
) -> None:
    _, log = found[task]
    lines = [str(line.get("event", "")) for line in json.loads(log) if isinstance(line, dict)]
    likely = failure_patterns.likely("TaskDeferralError: Trigger failure", lines)
    assert likely is not None
    assert cause in likely.sentence
