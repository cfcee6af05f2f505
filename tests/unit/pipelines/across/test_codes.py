"""Every problem and remark of a pipeline has a code: the texts of all tests of pipelines are a corpus of wrong ones."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.errors import Problem
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.problem_codes import Code, Severity
from support.documents import REPOSITORY

TESTS = REPOSITORY / "tests" / "unit" / "pipelines"
#: longer texts are made for limits, and take long
LONGEST = 20_000


def texts(file: Path) -> Iterator[str]:
    """Yield what may be a pipeline among the texts of a test; parts of one are made whole."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or len(node.value) > LONGEST:
            continue
        text = node.value
        if "dag_id" in text or "tasks:" in text:
            yield text
        elif text.startswith("{") and ":" in text:
            yield f"dag_id: a\ntasks:\n- {text}\n"
        elif ":" in text and "\n" not in text.strip():
            yield f"dag_id: a\n{text}\ntasks: [{{id: one}}]\n"


FILES = sorted(TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_what_is_said_of_the_texts_of_tests_has_codes(file: Path, tmp_path: Path) -> None:
    pipeline = tmp_path / "pipelines" / "a.yaml"
    pipeline.parent.mkdir()
    for text in dict.fromkeys(texts(file)):
        pipeline.write_text(text, encoding="utf-8", errors="surrogatepass")
        checked = read_and_check(pipeline, environ={})
        assert all(is_of(problem, Severity.ERROR) for problem in checked.problems), text
        assert all(is_of(remark, Severity.WARNING) for remark in checked.remarks), text


def is_of(problem: Problem, severity: Severity) -> bool:
    assert problem.code is not Code.GENERAL, problem
    assert problem.severity is severity, problem
    return True


def test_the_corpus_is_large_and_has_most_codes(tmp_path: Path) -> None:
    found: set[Code] = set()
    pipeline = tmp_path / "a.yaml"
    for text in dict.fromkeys(text for file in FILES for text in texts(file)):
        pipeline.write_text(text, encoding="utf-8", errors="surrogatepass")
        checked = read_and_check(pipeline, environ={})
        found |= {problem.code for problem in (*checked.problems, *checked.remarks)}
    assert len(found) > 50, sorted(found)
