"""The judgement of a case: each expectation that is not met, as a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from airfleet.pipelines.cases import reader
from airfleet.pipelines.cases.spec import Outcome, TaskOutcome
from airfleet.pipelines.cases.verdict import unmet

COPIES = (TaskOutcome("success", 1), TaskOutcome("success", 2))
FAILED = Outcome(
    "failed",
    {
        "fetch": TaskOutcome("success", [1, 2], {"rows": 2}, {"sql": "select 1"}, tries=2),
        "load": TaskOutcome("failed", error="ValueError: no space", tries=1),
        "after": TaskOutcome("upstream_failed"),
        "many": TaskOutcome("success", [1, 2], copies=COPIES),
    },
    ("fetch", "load"),
)


def said(expect: str, outcome: Outcome = FAILED) -> list[str]:
    (case,) = reader.read(f"cases: [{{name: a, expect: {expect}}}]", "f.test.yaml").cases
    return [problem.sentence for problem in unmet(case, outcome)]


@pytest.mark.parametrize(
    "expect",
    [
        "{run: failed}",
        "{tasks: {load: failed}}",
        "{tasks: {after: {state: upstream_failed}}}",
        "{tasks: {load: {error: no space}, fetch: {returns: [1, 2], contains: 2, outputs: {rows: 2}, tries: 2}}}",
        "{run: failed, tasks: {many: {copies: 2}, 'many[1]': {returns: 2}, fetch: {rendered: {sql: select 1}}}}",
        "{run: failed, order: [fetch, load]}",
    ],
)
def test_these_are_met(expect: str) -> None:
    assert said(expect) == []


@pytest.mark.parametrize(
    ("expect", "sentences"),
    [
        ("{}", ["the run ended as 'failed', not 'success': task 'load' failed with ValueError: no space"]),
        ("{run: failed, tasks: {fetch: failed}}", ["task 'fetch' ended as 'success', not 'failed'"]),
        ("{run: failed, tasks: {load: success}}",
         ["task 'load' ended as 'failed' with ValueError: no space, not 'success'"]),
        ("{run: failed, tasks: {after: success}}",
         ["task 'after' ended as 'upstream_failed', not 'success': task 'load' failed with ValueError: no space"]),
        ("{run: failed, tasks: {fetch: {returns: 3, contains: 9}}}",
         ["task 'fetch' returned [1, 2], not 3", "task 'fetch' returned [1, 2], without 9"]),
        ("{run: failed, tasks: {fetch: {outputs: {rows: 3, cols: 1}}}}",
         ["output 'rows' of task 'fetch' is 2, not 3", "task 'fetch' has no output 'cols'"]),
        ("{run: failed, tasks: {fetch: {rendered: {sql: x, db: y}}}}",
         ["'sql' of task 'fetch' was 'select 1', not 'x'",
          "task 'fetch' did not get as far as its argument 'db' (it is 'success')"]),
        ("{run: failed, tasks: {load: {error: KeyError}, fetch: {error: x}}}",
         ["task 'load' failed with ValueError: no space, not with 'KeyError'",
          "task 'fetch' had no error, not with 'x'"]),
        ("{run: failed, tasks: {fetch: {tries: 1}, many: {copies: 3}}}",
         ["task 'fetch' had 2 tries, not 1", "task 'many' had 2 copies, not 3"]),
        ("{run: failed, tasks: {'many[2]': success, away: success}}",
         ["task 'many[2]' did not take part", "task 'away' did not take part"]),
        ("{run: failed, order: [load, fetch]}", ["the tasks began in the order fetch, load"]),
        ("{run: failed, order: [after]}", ["the tasks began in the order of none"]),
    ],
)  # fmt: skip
def test_what_is_not_met_is_said(expect: str, sentences: list[str]) -> None:
    assert said(expect) == sentences


def test_a_run_without_expectations_has_to_succeed() -> None:
    good: dict[str, Any] = {"fetch": TaskOutcome("success")}
    assert said("{}", Outcome("success", good)) == []
