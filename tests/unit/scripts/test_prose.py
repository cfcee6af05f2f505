"""The check of sentences finds what a reader stumbles over, and leaves alone what reads well."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.documents import REPOSITORY

LONG = " ".join(["word"] * 41) + "."


@pytest.fixture(scope="module")
def prose() -> Iterator[Any]:
    """``scripts/prose.py`` as a module."""
    sys.path.insert(0, str(REPOSITORY / "scripts"))
    yield importlib.import_module("prose")
    sys.path.remove(str(REPOSITORY / "scripts"))


def found(prose: Any, text: str) -> list[str]:
    """Give line and rule of each finding in a document."""
    return [f"{finding.sentence.line}: {finding.rule}" for finding in prose.of_document(text, "page.md")]


def found_in_code(prose: Any, text: str) -> list[str]:
    """Give line and rule of each finding in a module."""
    return [f"{finding.sentence.line}: {finding.rule}" for finding in prose.of_module(textwrap.dedent(text), "a.py")]


@pytest.mark.parametrize(
    "text",
    [
        "What cannot begin costs nothing.",
        "Who reads is answered.",
        "Whatever breaks is started again.",
        "That which is left is ended.",
        "The agent lives. What it starts goes on.",
        "- a list\n- What an item says.",
        "| part | effect |\n|---|---|\n| agent | What goes on. |",
        "## What is guaranteed\n",
        LONG,
        f"```yaml\nname: shop\n```\n{LONG}",
    ],
)
def test_a_sentence_that_is_long_or_has_a_clause_as_its_subject_is_found(prose: Any, text: str) -> None:
    assert len(found(prose, text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Tasks that a worker cannot start are requeued with backoff.",
        "What does a task cost?",
        "Whatsoever is a word.",
        " ".join(["word"] * 40) + ".",
        f"{' '.join(['word'] * 30)}. {' '.join(['Word'] * 30)}.",
        f"{' '.join(['word'] * 30)}. *term*: {' '.join(['word'] * 30)}.",
        f"- {' '.join(['word'] * 30)}\n- {' '.join(['word'] * 30)}",
        f"| {' '.join(['word'] * 30)} | {' '.join(['word'] * 30)} |",
        f"The command `{' '.join(['word'] * 50)}` is one word.",
        f"```\n{LONG}\nWhat a program prints.\n```",
        f"    {LONG}\n    What a program prints.",
        f"Read [this](https://example.com/{'a/' * 50}).",
    ],
)
def test_what_reads_well_or_is_no_prose_is_left_alone(prose: Any, text: str) -> None:
    assert found(prose, text) == []


def test_a_finding_names_the_line_in_which_its_sentence_begins(prose: Any) -> None:
    text = "# Title\n\nA sentence with `code\nof two lines` ends.\nAnother one. What\nfollows is found.\n"
    assert found(prose, text) == ["5: opener"]
    [finding] = prose.of_document(text, "docs/a.md")
    assert str(finding) == "docs/a.md:5: opener: What follows is found."


@pytest.mark.parametrize(
    "docstring",
    [
        "The page of events.",
        "Whether it runs.",
        "What became of it.",
        "Its text.",
        "``fleet.yaml`` as text.",
        "Airflow's home.",
        "All rows.",
    ],
)
def test_a_function_whose_docstring_begins_with_no_verb_is_found(prose: Any, docstring: str) -> None:
    text = f'"""A module."""\n\ndef asked():\n    """{docstring}"""\n'
    assert "4: verb" in found_in_code(prose, text)


@pytest.mark.parametrize(
    "docstring", ["Give the page.", "Returns seconds.", "Tell whether it runs.", "Fork, then wait."]
)
def test_a_function_whose_docstring_begins_with_a_verb_is_left_alone(prose: Any, docstring: str) -> None:
    assert found_in_code(prose, f'def asked():\n    """{docstring}"""\n') == []


def test_modules_classes_and_properties_may_begin_with_nouns_but_not_with_clauses(prose: Any) -> None:
    text = '''
    """What a module is."""

    class Plan:
        """The plan of a host."""

        @property
        def name(self):
            """The name of the host."""

        def ends(self):
            """Give the last lines.

            >>> What is in an example is no sentence.

            Who calls it waits.
            """
    '''
    assert found_in_code(prose, text) == ["2: opener", "16: opener"]


def test_a_block_that_click_prints_as_it_is_is_no_prose(prose: Any) -> None:
    words = "\n    ".join(["name  what a line says"] * 20)
    assert found_in_code(prose, f'def asked():\n    """Give them.\n\n    \\b\n    {words}\n    """\n') == []


def test_findings_are_counted_by_rooms(prose: Any) -> None:
    files = ("src/airfleet/agent/host/a.py", "docs/how-to/install.md", "README.md")
    rooms = [prose.Finding("long", prose.Sentence(file, 1, "")).room for file in files]
    assert rooms == ["src/airfleet/agent", "docs/how-to", "README.md"]


def test_the_repository_has_no_findings(prose: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main([]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out == ""


def test_findings_fail_the_command_which_prints_them_or_counts_them(
    prose: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("What breaks is mended.\n")
    repository = prose.findings
    monkeypatch.setattr(prose, "findings", lambda: repository(tmp_path))
    assert prose.main([]) == 1
    assert capsys.readouterr().out == "docs/page.md:1: opener: What breaks is mended.\n"
    assert prose.main(["--count"]) == 1
    assert capsys.readouterr().out.split() == ["1", "docs/page.md"]
