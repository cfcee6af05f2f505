"""Every case of ``tests/cases.md`` names a test that is there, or says why there is none."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from support.documents import REPOSITORY

CASES = REPOSITORY / "tests" / "cases.md"
_ROW = re.compile(r"^\| ([A-Z]+[0-9]*[a-z]?\+?) \| (.+?) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def rows() -> list[tuple[str, str, str]]:
    """Give id, kind and tests of every case."""
    return _ROW.findall(CASES.read_text())


@cache
def names_in(file: str) -> frozenset[str]:
    """Name the functions and classes of a file, those within classes, too."""
    tree = ast.parse((REPOSITORY / file).read_text())
    return frozenset(
        node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    )


def missing(test: tuple[str, str]) -> bool:
    """Tell whether a test that is named is not there."""
    file, name = test
    return not (REPOSITORY / file).is_file() or bool(name and name not in names_in(file))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_case_has_tests_that_exist_or_a_reason(row: tuple[str, str, str]) -> None:
    shown = _TEST.findall(row[2])
    assert shown or row[2].startswith("-- ") or "`make " in row[2]
    assert [test for test in shown if missing(test)] == []


def test_no_case_of_the_three_collections_is_left_out() -> None:
    known = {case for case, _, _ in rows()}
    wanted = {f"O{n:02}" for n in (1, 3, 4, 5, 6, 7, 8, 10, 12, 13, 15, 17, 18, 20, 21, 22, 23, 24, 26, 28)}
    wanted |= {"O30", "O31", "O34", "O35", "O36", "O37", "O38", "X01", "X02"}
    wanted |= {f"R{n:02}" for n in range(1, 46)} - {"R34"}
    wanted |= {f"E{n:02}" for n in (1, 3, 5, 6, 7, 8, 10, 11, 12, 13, 14)}
    wanted |= {f"D{n:02}" for n in (1, 2, 3, 4, 6, 8, 10, 11, 12)}
    wanted |= {f"P{n:02}" for n in (1, 4, 6, 8, 14)} | {f"B{n:02}" for n in (1, 3, 6, 7, 9, 10, 11, 12, 13, 14)}
    wanted |= {f"S{n}" for n in range(1, 8)} | {f"H{n}" for n in range(1, 9)} | {"D1", "D2", "D3"}
    assert sorted(wanted - known) == []


def test_every_row_is_read() -> None:
    tables = [
        line for line in CASES.read_text().splitlines() if line.startswith("| ") and not line.startswith("| case ")
    ]
    assert len(tables) == len(rows())
