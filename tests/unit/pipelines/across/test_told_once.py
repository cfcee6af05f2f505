"""One slip is one problem: what only comes of it is not said as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import read_and_check

NO_INCLUDE = "write the value itself; a pipeline takes in the parts of other files by 'include'"
WRITE_VALUE = "tags would make YAML run code; write the value itself"
BOTH = "'templates' and 'defaults'"
BEFORE = "write it before the documents whose tasks use it"
QUOTES = 'put text with {{ }} in quotes: "{{ ... }}"'
USES = "write uses: bash, an import path, or module:function"

#: the text of a file, and everything that is said of it
ONCE: list[tuple[str, list[str]]] = [
    # a value that is wrong as YAML already
    ("dag_id: d\ndefaults: !include x.yaml\ntasks: [{id: a}]\n",
     [f"2:11: the tag '!include' is not known here | {NO_INCLUDE}"]),
    ("dag_id: d\ntasks: !include x.yaml\n", [f"2:8: the tag '!include' is not known here | {NO_INCLUDE}"]),
    ("dag_id: d\nschedule: !foo x\ntasks: [{id: a}]\n", [f"2:11: the tag '!foo' is not known here | {WRITE_VALUE}"]),
    ("dag_id: d\nparams: !!omap [a: 1]\ntasks: [{id: a}]\n",
     [f"2:9: the tag '!!omap' is not known here | {WRITE_VALUE}"]),
    ("dag_id: d\ntasks: [{id: a, retries: !!int x}]\n", ["2:26: 'x' is not what its tag '!!int' says | None"]),
    ("dag_id: d\ntasks: [{id: a, uses: bash, with: {bash_command: {$t: {{ ds }}}}}]\n",
     [f"2:55: '{{{{' begins a mapping in a mapping | {QUOTES}"]),
    # an expression that gives nothing
    ("dag_id: d\ntasks: [{id: a, uses: bash, with: '${{ job }}'}]\n",
     ["2:40: tasks.a.with: 'job' cannot be used here: this document has no 'jobs' | None"]),
    ("dag_id: d\nschedule: '${{ env.NOPE }}'\nend_date: '${{ env.NOPE }}'\ntasks: [{id: a}]\n",
     ["2:20: schedule: the environment has no 'NOPE' | give a default: ${{ env.NOPE or 'text' }}",
      "3:20: end_date: the environment has no 'NOPE' | give a default: ${{ env.NOPE or 'text' }}"]),
    # a key that is there under another name
    ("Dag_Id: d\nTasks: [{Id: a}]\n",
     ["1:1: Dag_Id: a pipeline has no key 'Dag_Id' | did you mean 'dag_id'?",
      "2:1: Tasks: a pipeline has no key 'Tasks' | did you mean 'tasks'?"]),
    ("dag_id: d\nsteps: [{id: a}]\n",
     ["2:1: steps: is written 'tasks' | write tasks: and begin each task with '- id: '"]),
    ("{dag_id:d, tasks: [{id: a}]}\n", ["1:2: dag_id:d: a space is missing after ':' | write dag_id: d"]),
    ("name: d\ntasks: [{id: a}]\n", ["1:1: name: the id of a Dag is written 'dag_id' | write dag_id: my_pipeline"]),
    ("dag_id: d\ntasks: [{Id: a}]\n", ["2:10: tasks[0].Id: a task has no key 'Id' | did you mean 'id'?"]),
    ("dag_id: d\ntasks: [{task_id: a}]\n",
     ["2:10: tasks[0].task_id: cannot be set on a task | the id of a task is written 'id'"]),
    ("dag_id: d\ntasks: [{name: a}]\n",
     ["2:10: tasks[0].name: the id of a task is written 'id' | the name to show is 'task_display_name'"]),
    ("dag_id: d\ntasks: [{id: a, use: bash, with: {bash_command: ls}}]\n",
     ["2:17: tasks.a.use: a task has no key 'use' | did you mean 'uses'?"]),
    ("dag_id: d\ntasks: [{id: a, operator: bash, with: {bash_command: ls}}]\n",
     [f"2:17: tasks.a.operator: is written 'uses' | {USES}"]),
    ("dag_id: d\ntasks: [{id: a, uses: bash, wiht: {bash_command: ls}}]\n",
     ["2:29: tasks.a.wiht: a task has no key 'wiht' | did you mean 'with'?"]),
    # a document that is no pipeline of its own
    ("dag_id: d\ntasks: [{id: a}]\n---\ntemplates:\n  t: {uses: bash}\n",
     [f"4:1: this document has 'templates' alone, and no document follows that could use it | {BEFORE}"]),
    ("dag_id: d\ntasks: [{id: a}]\n---\ndefaults: {retries: 1}\ntemplates: {}\n",
     [f"4:1: this document has {BOTH} alone, and no document follows that could use it | {BEFORE}"]),
    ("defaults: {retriez: 1}\n---\ndag_id: d\ntasks: [{id: a}]\n---\ndag_id: e\ntasks: [{id: a}]\n",
     ["1:12: defaults.retriez: a task has no 'retriez' | did you mean 'retries'?"]),
    # templates that are in a file that is not there
    ("dag_id: d\ninclude: _nope.yaml\ntasks: [{id: a, extends: t, with: {x: 1}}]\n",
     ["2:10: include: there is no file '_nope.yaml' | None"]),
    ("dag_id: d\ntasks: [{id: a, extends: t, with: {x: 1}}]\n",
     ["2:26: tasks.a.extends: there is no template 't' | None"]),
    # a document that a broken line cut off
    ("dag_id: d\ntasks: [{id: a}]\n---\n\ufeffdag_id: e\ntasks: [{id: a}]\n",
     ["4:1: a byte order mark (U+FEFF) stands inside the file | delete it; only the first character may be one"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), ONCE)
def test_one_slip_is_one_problem(text: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(text)
    problems = read_and_check(tmp_path / "p.yaml", environ={}).problems
    told = []
    for problem in problems:
        path = f"{problem.path}: " if problem.path else ""
        told.append(f"{problem.place.line}:{problem.place.column}: {path}{problem.sentence} | {problem.hint}")
    assert told == said


def test_a_slip_of_a_key_that_is_there_hides_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "dag_id: d\nschedule: 0 25 * * *\nschedul: x\ntasks: [{id: a, use: y, uses: zz, task_id: b}]\n"
    )
    problems = read_and_check(tmp_path / "p.yaml", environ={}).problems
    assert [problem.path for problem in problems] == [
        "schedule", "schedul", "tasks.a.use", "tasks.a.uses", "tasks.a.task_id"
    ]  # fmt: skip


def test_what_is_missing_without_a_slip_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("dag_idea: x\ndag_id: d\nschedule: 0 6 * * *\n---\ntasks: [{uses: bash}]\n")
    problems = read_and_check(tmp_path / "p.yaml", environ={}).problems
    assert [
        problem.sentence for problem in problems if "missing" in problem.sentence or "has no 'id'" in problem.sentence
    ] == [
        "'tasks' is missing",
        "'dag_id' is missing",
        "the task has no 'id'",
    ]
