"""Documents of a file, of whatever format."""

from __future__ import annotations

import pytest

from airfleet.pipelines.reading import reader

FILE = """\
orders:
  schedule: !or [!and [a, b], c]
  tasks:
    - {{task_id: a, operator: airflow.operators.bash.BashOperator, bash_command: {}}}
"""


def test_tags_of_dag_factory_0() -> None:
    reading = reader.read(FILE.format("!join [echo, ' ', 1]"), "p.yaml")
    (draft,) = reading.drafts
    assert draft.pipeline.tasks[0].args == {"bash_command": "echo 1"}
    assert not [problem for problem in reading.problems if "tag" in problem.sentence]


@pytest.mark.parametrize("text", [FILE.format("!joined [a]"), "dag_id: a\ntasks: [{id: b, with: !join [a]}]\n"])
def test_other_tags_are_problems(text: str) -> None:
    assert any("tag" in problem.sentence for problem in reader.read(text, "p.yaml").problems)


def test_documents_of_both_kinds_in_one_file() -> None:
    text = "dag_id: ours\ntasks: [{id: a}]\n---\ntheirs: {tasks: [{task_id: a, operator: a.B}]}\n"
    reading = reader.read(text, "p.yaml")
    assert [pipeline.dag_id for pipeline in reading.pipelines] == ["ours", "theirs"]
    assert reader.read(text, "p.yaml", only="theirs").dag_ids == ("ours", "theirs")


def test_an_id_of_two_dags_is_a_problem() -> None:
    text = "a: {tasks: [{task_id: a, operator: a.B}]}\n---\ndag_id: a\ntasks: [{id: b}]\n"
    (problem,) = reader.read(text, "p.yaml").problems
    assert problem.sentence == "two Dags have the id 'a'"
