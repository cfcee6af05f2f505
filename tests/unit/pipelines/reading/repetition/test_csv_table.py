"""Tables as comma-separated values, and the places of their cells."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from airfleet.pipelines.reading.repetition import csv_table
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Scalar


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("name,n\na,1\nb,2\n", [{"name": "a", "n": 1}, {"name": "b", "n": 2}]),
        ("\ufeffname,n\n\na , 1 \n\n", [{"name": "a", "n": 1}]),
        ("name;n;m\nx;1,5;y\n", [{"name": "x", "n": "1,5", "m": "y"}]),
        ("name\tn\nx\ty z\n", [{"name": "x", "n": "y z"}]),
        ('name,n\n"a, b","say ""hi""\nthere"\n', [{"name": "a, b", "n": 'say "hi"\nthere'}]),
        ('name,n,m\na,"",\n', [{"name": "a", "n": ""}]),
        ("name,n\na\n", [{"name": "a"}]),
        ("name,n,,\na,1,,\n", [{"name": "a", "n": 1}]),
        ('name,a,b,c,d\nx,true,2026-01-31,"5",~\n',
         [{"name": "x", "a": True, "b": dt.date(2026, 1, 31), "c": "5", "d": None}]),
        ("name,n\na,1", [{"name": "a", "n": 1}]),
        ("name,n\n", []),
    ],
)  # fmt: skip
def test_rows(text: str, rows: list[object]) -> None:
    found, problems = csv_table.read(text, "jobs.csv")
    assert ([str(problem) for problem in problems], [nodes.plain(row) for row in found]) == ([], rows)


def test_cells_know_how_and_where_they_were_written() -> None:
    [first, second], _ = csv_table.read('name,code\n"a\nb", 007\nc,x\n', "jobs.csv")
    found = [cell for row in (first, second) for _, cell in row.entries]
    cells = [(cell.place.line, cell.place.column, cell.text) for cell in found if isinstance(cell, Scalar)]
    assert cells == [(2, 1, "a\nb"), (3, 5, "007"), (4, 1, "c"), (4, 3, "x")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["jobs.csv:1:1: the table is empty\nhint: its first row names the columns"]),
        ("nmae,n\n", ["jobs.csv:1:1: the table has no column 'name'\nhint: did you mean it by 'nmae'?"]),
        ("a,b\n", ["jobs.csv:1:1: the table has no column 'name'\nhint: it has the names of the jobs"]),
        ("name,n,n\n", ["jobs.csv:1:8: two columns are called 'n'"]),
        ("name,,n\n", ["jobs.csv:1:6: each column needs a name"]),
        ("name\na,b\nc,d\n", [
            "jobs.csv:2:3: the row has 2 cells, and the table 1 columns\n"
            "hint: put text with separators in double quotes",
            "jobs.csv:3:3: the row has 2 cells, and the table 1 columns\n"
            "hint: put text with separators in double quotes",
        ]),
        ('name,n\na,"b\nc\n', ["jobs.csv:2:3: the quote that begins this cell is not closed\n"
                                 "hint: a quote inside is written twice"]),
        ('name,n\na,"b"c\n', ["jobs.csv:2:6: text stands behind the closing quote\n"
                              "hint: a quote inside is written twice"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table(text: str, said: list[str]) -> None:
    assert [str(problem) for problem in csv_table.read(text, "jobs.csv")[1]] == said


@pytest.mark.parametrize("hostile", ["name," + "a," * 50_000, "name\n" + '"' * 1_000_001, "name\n" + "x" * 2_000_000])
def test_no_table_takes_long(hostile: str) -> None:
    begun = time.monotonic()
    csv_table.read(hostile, "jobs.csv")
    assert time.monotonic() - begun < 20
