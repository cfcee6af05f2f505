"""The pages of codes: each code has one, and its examples are what it says they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines.check import check
from airfleet.client import project
from airfleet.pipelines.problems import pages
from airfleet.pipelines.problems.page import Page
from airfleet.problem_codes import Code

#: codes whose problems are not in a text of a file: they are in its bytes, its size, its kind, or in Airflow
WITHOUT_EXAMPLE = {
    *(Code.GENERAL, Code.UNREADABLE_FILE, Code.NOT_UTF8, Code.FILE_LIMIT, Code.IGNORE_FILE, Code.REFUSED_VALUE),
    *(Code.INCLUDE_CIRCLE, Code.NOT_CARRIED_OVER, Code.WITHOUT_EFFECT),  # files of other tools, or several files
    Code.PYTHON_ONLY,  # what Python alone can say gets less
    *(Code.FILE_NOT_READ, Code.SAME_FILE, Code.PYTHON_ARCHIVE),
    *(Code.AIRFLOW_REFUSES, Code.NOT_STORABLE, Code.NOT_IMPORTED, Code.OUR_MISTAKE),
}


def test_every_code_has_a_page() -> None:
    without = set(Code) - {Code.GENERAL} - set(pages.PAGES)
    assert not without, f"write a Page with a wrong and a right example in airfleet/pipelines/problems: {without}"


def test_numbers_of_codes_are_not_used_twice() -> None:
    assert len({code.value for code in Code}) == len(Code.__members__)


def test_every_page_has_examples_where_a_file_can_show_it() -> None:
    assert {code for code, page in pages.PAGES.items() if not page.wrong} <= WITHOUT_EXAMPLE


@pytest.mark.parametrize("code", [code for code, page in pages.PAGES.items() if page.wrong])
def test_the_wrong_example_has_the_problem_and_the_right_one_has_none(
    code: Code, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = pages.of(code)
    monkeypatch.chdir(tmp_path)
    whole = code in (Code.FOREIGN_FILE, Code.UNKNOWN_DAG)  # a file that is named is meant, and knows no others
    assert code in codes_of(page, page.wrong, tmp_path, whole)
    assert codes_of(page, page.right, tmp_path, whole) == []


def codes_of(page: Page, text: str, root: Path, whole: bool) -> list[Code]:
    """Check a project with the example in it, or the example alone."""
    for name, content in {**page.beside, page.file: text}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    file = (root / page.file).parent if whole else root / page.file
    here = project.find(root, None) if (root / "fleet.yaml").exists() else None
    findings = check((file,), here)
    return [problem.code for problem in (*findings.problems, *findings.remarks)]


@pytest.mark.parametrize("code", list(Code))
def test_a_title_is_a_sentence_without_its_stop_and_the_reason_has_one(code: Code) -> None:
    page = pages.of(code)
    assert not page.title.endswith(".")
    assert page.why.endswith(".")
