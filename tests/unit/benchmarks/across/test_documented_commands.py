"""Every figure that a document speaks of has a command, and the commands in the documents are understood."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import fault_matrix
import pytest
import run
from systems import SYSTEMS
from workloads import all_workloads

from faultlab.matrix import BY_NUMBER, NEMESES

REPOSITORY = Path(__file__).resolve().parents[4]
DOCUMENTS = sorted(file for pattern in ("*.md", "docs/**/*.md", "examples/*/*.md") for file in REPOSITORY.glob(pattern))
#: words by which people mark a figure that nobody can make again
OF_ONE_PERSON = re.compile(
    r",\s+by\s+hand\)|:\s+by\s+hand|\bslow(er)?\s+hour|\(a\s+profile\)|\bone\s+run(\s+of)?\s+each\b"
)
#: names and values of what is written to ``make``, in a line or a sentence
_MAKE = re.compile(r"\bmake (?:bench|faults|drill) ((?:[A-Z]+=(?:\"[^\"]*\"|[^\s`]+) ?)+)")


def given(text: str) -> list[dict[str, str]]:
    """Give the variables of each call of ``make`` in a text."""
    return [dict(word.split("=", 1) for word in shlex.split(call[1])) for call in _MAKE.finditer(text.replace("…", ""))]


def unknown(variables: dict[str, str]) -> set[str]:
    """Find the benchmarks, systems, workloads and rows of the matrix that there are not."""
    known = {
        "BENCH": run.BENCHMARKS.keys(),
        "SYSTEMS": SYSTEMS.keys(),
        "WORKLOADS": all_workloads(1.0).keys(),
    }
    return {word for name, names in known.items() for word in variables.get(name, "").split() if word not in names}


CALLS = [
    pytest.param(variables, id=f"{file.stem}-{number}")
    for file in DOCUMENTS
    for number, variables in enumerate(given(file.read_text()))
]


@pytest.mark.parametrize("variables", CALLS)
def test_what_make_is_asked_to_measure_is_there(variables: dict[str, str]) -> None:
    assert unknown(variables) == set()


@pytest.mark.parametrize("variables", [call for call in CALLS if "FAULTS" in call.values[0]])  # type: ignore[operator]
def test_the_options_of_the_matrix_are_understood(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["fault_matrix.py", *shlex.split(variables["FAULTS"])])
    only = fault_matrix.arguments().only
    assert [row for row in only.split(",") if row not in {"", *BY_NUMBER, *NEMESES}] == []


def test_an_unknown_system_or_workload_is_found() -> None:
    [call] = given('    make bench BENCH="task_path memory" SYSTEMS="airfleet stock_tuned" WORKLOADS=chain39 SLOTS=2')
    assert unknown(call) == {"stock_tuned", "chain39"}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(REPOSITORY)))
def test_no_figure_is_one_that_no_command_makes(document: Path) -> None:
    assert OF_ONE_PERSON.search(document.read_text()) is None


@pytest.mark.parametrize(
    "text", ["took 36 ms (medians,\nby hand)", "(one run of each)", "in a slow hour", "a quarter (a profile)"]
)
def test_a_figure_of_one_person_is_found(text: str) -> None:
    assert OF_ONE_PERSON.search(text)
