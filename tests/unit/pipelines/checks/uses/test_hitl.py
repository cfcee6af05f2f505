"""Questions to people are checked: options, the usual ones, and the tasks that follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.checks.pipeline_checks import read_and_check


def write(task: str, tmp_path: Path) -> Path:
    file = tmp_path / "p.yaml"
    file.write_text(f"dag_id: d\ntasks:\n- {{id: t, {task}}}\n- {{id: ship, needs: t}}\n- {{id: drop, needs: t}}\n")
    return file


@pytest.mark.parametrize(
    ("task", "problem"),
    [
        ("uses: hitl, with: {subject: s, options: []}",
         "tasks.t.with.options: must not be empty | write the answers, such as [yes, no]"),
        ("uses: hitl, with: {subject: s, options: [yes, no], defaults: yess}",
         "tasks.t.with.defaults: 'yess' is not one of the options | did you mean 'yes'?"),
        ("uses: hitl, with: {subject: s, options: [yes, no], defaults: [yes, no]}",
         "tasks.t.with.defaults: are several | write multiple: true"),
        ("uses: hitl_branch, with: {subject: s, options: [ship, dorp]}",
         "tasks.t.with.options: there is no task 'dorp' to go on with | did you mean 'drop'?"),
        ("uses: hitl_branch, with: {subject: s, options: [ship, maybe]}",
         "tasks.t.with.options: there is no task 'maybe' to go on with "
         "| options_mapping: {maybe: id} says which task follows"),
        ("uses: hitl_branch, with: {subject: s, options: [yes, no], options_mapping: {yes: ship, no: dorp}}",
         "tasks.t.with.options_mapping.no: there is no task 'dorp' to go on with | did you mean 'drop'?"),
        ("uses: hitl_branch, with: {subject: s, options: [ship, drop], options_mapping: {maybe: drop}}",
         "tasks.t.with.options_mapping.maybe: 'maybe' is not one of the options | one of ship, drop"),
        ("uses: approval, with: {body: b}", "tasks.t: approval needs 'subject' | write it under 'with' of 't'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_question(task: str, problem: str, tmp_path: Path) -> None:
    found = read_and_check(write(task, tmp_path), environ={}).problems
    assert [f"{one.path}: {one.sentence} | {one.hint}" for one in found] == [problem]


@pytest.mark.parametrize(
    "task",
    [
        "uses: approval, with: {subject: s, response_timeout: 2h, fail_on_reject: true}",
        "uses: hitl, with: {subject: {$t: 'On {{ ds }}'}, options: [yes, no], defaults: no, multiple: true}",
        "uses: hitl, with: {subject: s, options: [a, b], defaults: [a, b], multiple: true}",
        "uses: hitl_entry, with: {subject: s}, params: {amount: {type: integer, default: 1}}",
        "uses: hitl_branch, with: {subject: s, options: [ship, no], options_mapping: {no: drop}}",
        "uses: hitl, with: {subject: s, options: [a], assigned_users: [{id: '1', name: ada}]}",
    ],
)
def test_what_is_right_is_made(task: str, tmp_path: Path) -> None:
    dags, problems = dags_and_problems(write(task, tmp_path))
    assert [str(problem) for problem in problems] == []
    assert dags[0].task_ids == ["t", "ship", "drop"]
