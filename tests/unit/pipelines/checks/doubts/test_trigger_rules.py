"""Trigger rules that can never hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.problem_codes import Code

NEVER = "the task never starts: '{}' waits for a task before it that {}, and {} never does"
NOTHING = "'{}' has nothing to look at: no task is before this one, so it starts at once"


def said(file: Path, *tasks: str) -> list[tuple[str, str]]:
    lines = "".join(f"  - {{{task}}}\n" for task in tasks)
    file.write_text(f"dag_id: a\ntasks:\n{lines}")
    checked = read_and_check(file, environ={})
    assert checked.problems == ()
    return [(remark.path, remark.sentence) for remark in checked.remarks if remark.code is Code.TRIGGER_RULE]


WORK = "id: work, uses: bash, with: {bash_command: ls}"


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        (("id: a", "id: b, needs: [a], trigger_rule: one_failed"), NEVER.format("one_failed", "fails", "'a'")),
        (("id: a", "id: b, needs: [a], trigger_rule: all_failed"), NEVER.format("all_failed", "fails", "'a'")),
        (("id: a", "id: b, needs: [a], trigger_rule: all_skipped"), NEVER.format("all_skipped", "is skipped", "'a'")),
        (("id: a", WORK, "id: b, needs: [a, work], trigger_rule: all_failed"),
         NEVER.format("all_failed", "fails", "'a'")),
        (("id: x", "id: a, needs: [x]", "id: b, needs: [a], trigger_rule: one_failed"),
         NEVER.format("one_failed", "fails", "'a'")),
        (("id: b, trigger_rule: one_failed",), NOTHING.format("one_failed")),
        (("id: a", "id: b, needs: [a], trigger_rule: one_failed", "id: c, needs: [b]"),
         NEVER.format("one_failed", "fails", "'a'")),
    ],
)  # fmt: skip
def test_rules_that_never_hold(tmp_path: Path, tasks: tuple[str, ...], sentence: str) -> None:
    assert said(tmp_path / "a.yaml", *tasks) == [("tasks.b.trigger_rule", sentence)]


@pytest.mark.parametrize(
    "tasks",
    [
        (WORK, "id: b, needs: [work], trigger_rule: one_failed"),
        (WORK, "id: b, needs: [work], trigger_rule: all_skipped"),
        (WORK, "id: a, needs: [work]", "id: b, needs: [a], trigger_rule: all_failed"),
        (WORK, "id: a", "id: b, needs: [a, work], trigger_rule: one_failed"),
        (WORK, "id: a, needs: [work], trigger_rule: all_done", "id: b, needs: [a], trigger_rule: all_skipped"),
        ("id: b, trigger_rule: all_done",),
        ("id: b, trigger_rule: none_failed_min_one_success",),
    ],
)
def test_rules_that_may_hold(tmp_path: Path, tasks: tuple[str, ...]) -> None:
    assert said(tmp_path / "a.yaml", *tasks) == []


def test_a_rule_of_the_defaults_is_said_there(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("dag_id: a\ndefaults: {trigger_rule: all_failed}\ntasks: [{id: one}]\n")
    [remark] = read_and_check(file, environ={}).remarks
    assert (remark.path, remark.code) == ("defaults.trigger_rule", Code.TRIGGER_RULE)
