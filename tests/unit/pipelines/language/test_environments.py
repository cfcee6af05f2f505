"""What stands in the environment of a command or container is text, wherever it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from airfleet.pipelines.airflow.dag import build
from airfleet.pipelines.analysis.annotations import is_mapping_of_texts
from airfleet.pipelines.checks.pipeline_checks import read_and_check


class Outputs:
    """The part of a task instance that gives the outputs of other tasks."""

    def __init__(self, task: BaseOperator, output: object) -> None:
        self.task = task
        self.output = output

    def xcom_pull(self, **_: object) -> object:
        return self.output


def report(folder: Path, env: str, before: str = "") -> BaseOperator:
    (folder / "p.yaml").write_text(
        f"dag_id: d\n{before}tasks:\n- {{id: fetch, uses: bash, with: {{bash_command: 'true'}}}}\n"
        f"- id: report\n  uses: bash\n  with:\n    bash_command: env\n    env: {env}\n"
    )
    checked = read_and_check(folder / "p.yaml", environ={})
    assert [str(problem) for problem in checked.problems] == []
    task = build(checked.pipelines[0]).get_task("report")
    assert isinstance(task, BaseOperator)
    return task


def rendered(task: BaseOperator, output: object = None) -> Any:
    context: Any = {
        "task": task,
        "ti": Outputs(task, output),
        "params": {"day": 7, "word": "{{ x }}"},
        "ds": "2026-01-01",
    }
    task.render_template_fields(context)
    return task.env  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("5", "5"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("False", "false"),
        ("null", ""),
        ("", ""),
        ("2026-01-01", "2026-01-01"),
        ("'{{ ds }}'", "{{ ds }}"),
        ("{$const: 5}", "5"),
        ("{$t: '{{ params.day }} {{ ds }}'}", "7 2026-01-01"),
    ],
)
def test_a_value_of_the_environment_is_text_as_it_is_written(written: str, text: str, tmp_path: Path) -> None:
    assert rendered(report(tmp_path, f"{{A: {written}}}")) == {"A": text}


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (5, "5"),
        (1.5, "1.5"),
        (True, "true"),
        (None, ""),
        ("as it is", "as it is"),
        ([1, "a"], '[1, "a"]'),
        ({"ä": None}, '{"ä": null}'),
    ],
)
def test_what_a_task_returned_is_text_in_the_environment_of_another(output: object, text: str, tmp_path: Path) -> None:
    task = report(tmp_path, "{ROWS: {$x: fetch}, PLAIN: '{{ ds }}', N: 3}")
    assert task.upstream_task_ids == {"fetch"}
    assert rendered(task, output) == {"ROWS": text, "PLAIN": "{{ ds }}", "N": "3"}


def test_a_whole_environment_from_a_task_has_texts(tmp_path: Path) -> None:
    task = report(tmp_path, "{$x: fetch}")
    assert task.upstream_task_ids == {"fetch"}
    assert rendered(task, {"A": 5, "B": None}) == {"A": "5", "B": ""}


def test_templates_that_give_python_values_give_text_there(tmp_path: Path) -> None:
    task = report(tmp_path, "{A: {$t: '{{ params.day }}'}}", "render_template_as_native_obj: true\n")
    assert rendered(task) == {"A": "7"}


def test_a_variable_cannot_be_a_list(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("dag_id: d\ntasks: [{id: t, uses: bash, with: {bash_command: x, env: {A: [1], B: {c: 1}}}}]\n")
    assert [str(problem) for problem in read_and_check(file, environ={}).problems] == [
        f"{file}:2:62: tasks.t.with.env.A: a variable of the environment must be text, not a list\n"
        "hint: write it as JSON text",
        f"{file}:2:70: tasks.t.with.env.B: a variable of the environment must be text, not a mapping\n"
        "hint: write it as JSON text",
    ]


@pytest.mark.parametrize(
    ("annotation", "answer"),
    [
        ("dict[str, str]", True),
        ("dict[str, str] | None", True),
        ("Optional[Dict[str, str]]", True),
        ("typing.Mapping[str, str]", True),
        ("'dict[str, str] | None'", True),
        ("dict[str, str | None]", False),
        ("dict[str, Any]", False),
        ("dict | None", False),
        ("dict[str, str] | str", False),
        ("None", False),
        ("", False),
    ],
)
def test_which_annotation_asks_for_texts_by_name(annotation: str, answer: bool) -> None:
    assert is_mapping_of_texts(annotation) is answer
