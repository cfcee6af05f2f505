"""Quick fixes: the word that was meant, and the comment that silences a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.editor.completions import Project
from airfleet.editor.fixes import fixes
from airfleet.pipelines.checks.pipeline_checks import read_and_check


def mended(text: str, folder: Path) -> list[tuple[str, str]]:
    """The title of each fix of a text's only problem, and the line that it makes."""
    checked = read_and_check(folder / "p.yaml", environ={}, text=text)
    [problem] = (*checked.problems, *checked.remarks)
    lines = text.split("\n")
    return [
        (one.title, lines[one.line][: one.start] + one.text + lines[one.line][one.end :])
        for one in fixes(problem, lines)
    ]


@pytest.mark.parametrize(
    ("line", "title", "fixed"),
    [
        ("- {id: a, retrys: 3}", "Write 'retries'", "- {id: a, retries: 3}"),
        ("- {id: a, uses: bahs}", "Write 'bash'", "- {id: a, uses: bash}"),
        ("- {id: a, trigger_rule: all_don}", "Write 'all_done'", "- {id: a, trigger_rule: all_done}"),
        ("- {id: bb, needs: [begn]}", "Write 'begin'", "- {id: bb, needs: [begin]}"),
    ],
)
def test_the_word_that_was_meant_is_written(line: str, title: str, fixed: str, shop: Project) -> None:
    assert mended(f"dag_id: d\ntasks:\n- {{id: begin}}\n{line}\n", shop.folder) == [(title, fixed)]


def test_a_warning_is_silenced_on_its_line(shop: Project) -> None:
    text = "dag_id: d\ntasks:\n- {id: a, uses: bash, with: {bash_command: 'echo {{ ds }}'}}\n"
    [(title, line)] = mended(text, shop.folder)
    assert (title, line) == (
        "Silence AF200 on this line",
        "- {id: a, uses: bash, with: {bash_command: 'echo {{ ds }}'}}  # airfleet: ignore AF200",
    )


def test_a_problem_without_a_likely_word_has_no_fix(shop: Project) -> None:
    assert mended("dag_id: d\ntasks: [{id: a, zzzzzz: 1}]\n", shop.folder) == []
