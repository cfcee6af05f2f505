"""How problems look on a terminal: with their source line and a caret."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from airfleet.cli.output import problem_view
from airfleet.errors import Place, Problem


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(problem: Problem, line: str | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    text = problem_view.with_source(problem, lambda _: line)
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.mark.parametrize(
    ("column", "line", "caret"),
    [
        (13, "    needs: [extrct]", "^^^^^^"),
        (12, '    needs: "a b", c', "^^^^^"),
        (5, "    retires: 3  # so", "^^^^^^^"),
        (3, "\t\tx: 1", "^"),
        (4, "日本: [x]", "^"),
        (20, "short", "^"),
    ],
)
def test_a_problem_stands_under_its_source_line(
    column: int, line: str, caret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = Problem(Place("orders.yaml", 14, column), "tasks", "it is wrong", "do better")
    first, source, under, hint = shown(problem, line, monkeypatch)
    assert first == f"orders.yaml:14:{column}: tasks: it is wrong"
    assert source == "   14 | " + line.replace("\t", " ")
    assert under.strip(" |") == caret
    assert hint == "hint: do better"


def test_the_caret_counts_wide_characters_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    _, source, under = shown(Problem(Place("a.yaml", 1, 5), "", "no"), "日本: x", monkeypatch)
    assert source == "    1 | 日本: x"
    assert under.index("^") == len("    1 | ") + 2 * 2 + 2


def test_without_the_line_a_problem_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Problem(Place("gone.yaml", 9, 9), "x", "no"), None, monkeypatch) == ["gone.yaml:9:9: x: no"]


def test_on_a_terminal_problems_have_their_source(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("tasks: 3\n")
    problem = Problem(Place(str(tmp_path / "a.yaml"), 1, 8), "tasks", "no list")
    assert "tasks: 3" in problem_view.text([problem], Screen())
    assert problem_view.text([problem], io.StringIO()) == f"{tmp_path}/a.yaml:1:8: tasks: no list"


def test_signs_in_names_and_sentences_are_no_punctuation_of_ours(tmp_path: Path) -> None:
    problem = Problem(Place("a: b.yaml", 1, 1), "", "no 'x'\nhint: is text of a person", "do better")
    said = problem_view.with_source(problem, lambda _: None)
    assert said.startswith("\x1b[1ma: b.yaml:1:1\x1b[0m: no 'x'")
    assert said.endswith(": do better")
