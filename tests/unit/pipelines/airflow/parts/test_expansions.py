"""Repeated tasks as mapped operators: what is rendered of their items, and sets of arguments side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest
from airflow.sdk import DAG

from airfleet.pipelines.airflow.import_common import dags_and_problems
from airfleet.pipelines.airflow.parts.expansions import arguments_of


def dag_of(tasks: str, folder: Path) -> DAG:
    (folder / "m.py").write_text("def f(a, b=None): ...\ndef g(): ...\n")
    (folder / "p.yaml").write_text(f"dag_id: d\ntasks:\n- {{id: out, uses: 'm:g'}}\n{tasks}\n")
    [dag], problems = dags_and_problems(folder / "p.yaml")
    assert problems == ()
    return dag


def mapped(tasks: str, folder: Path) -> Any:
    return dag_of(tasks, folder).task_dict["t"]


@pytest.mark.parametrize(
    ("task", "rendered"),
    [
        ("uses: bash, expand: {bash_command: ['{{ ds }}']}", ()),
        ("uses: bash, expand: {bash_command: [{$t: '{{ ds }}'}]}", ("bash_command",)),
        ("uses: bash, expand: {bash_command: {$x: out}}", ()),
        ("uses: bash, with: {env: {A: {$t: x}}}, expand: {bash_command: [a]}", ("env",)),
        ("uses: bash, expand_kwargs: [{bash_command: {$t: x}, cwd: /}]", ("bash_command",)),
        ("uses: 'm:f', expand: {a: ['{{ ds }}']}", ()),
        ("uses: 'm:f', expand: {a: [{$t: x}]}", ("op_kwargs",)),
    ],
)
def test_only_marked_texts_are_rendered(task: str, rendered: tuple[str, ...], tmp_path: Path) -> None:
    assert mapped(f"- {{id: t, {task}}}", tmp_path).template_fields == rendered


@pytest.mark.parametrize("text", ["{{ ds }}", '"{{', "{% raw %}\\", "{# é 😀 '", "plain"])
def test_a_text_beside_marked_ones_comes_out_of_jinja_as_it_is(text: str, tmp_path: Path) -> None:
    escaped = text.replace("'", "''")
    task = f"- id: t\n  uses: bash\n  expand:\n    bash_command:\n    - {{$t: x}}\n    - '{escaped}'"
    written = mapped(task, tmp_path).expand_input.value["bash_command"][1]
    assert jinja2.Environment(autoescape=False).from_string(written).render() == text


def test_side_by_side_are_sets_of_arguments(tmp_path: Path) -> None:
    task = mapped("- {id: t, uses: 'm:f', expand: {zip: {a: [1, 2], b: [3, 4]}}}", tmp_path)
    assert task.op_kwargs_expand_input.value == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    assert arguments_of(("a", "b"))((1, 2)) == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("zipped", "sentence"),
    [
        ("{a: [1], b: {$x: out}}", "tasks.t.expand.zip: goes through lists alone, or through outputs alone"),
        ("{a: [1], b: [1, 2]}", "tasks.t.expand.zip: goes through lists of one length"),
    ],
)
def test_side_by_side_are_alike(zipped: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(a, b): ...\ndef g(): ...\n")
    tasks = f"- {{id: out, uses: 'm:g'}}\n- {{id: t, uses: 'm:f', expand: {{zip: {zipped}}}}}"
    (tmp_path / "p.yaml").write_text(f"dag_id: d\ntasks:\n{tasks}\n")
    dags, problems = dags_and_problems(tmp_path / "p.yaml")
    assert (dags, [str(one).partition(": ")[2] for one in problems]) == ([], [sentence])
