"""Rows in the four formats: whole and exact for programs, aligned for people."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
import yaml

from airfleet.cli.output import tables

ROWS = [
    {"name": "extract", "state": "success", "seconds": 1.25, "note": None},
    {"name": "取得", "state": "failed", "seconds": None, "note": None},
]
COLUMNS = {"name": "task", "state": "state", "seconds": "took", "note": "note"}


def printed(capsys: pytest.CaptureFixture[str], output: str, **more: object) -> str:
    tables.put_rows(ROWS, output, COLUMNS, **more)  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_a_table_is_aligned_and_leaves_out_what_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "table") == "TASK     STATE    TOOK\nextract  success  1.2\n取得     failed\n"


def test_plain_rows_keep_every_column_and_have_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "plain") == "extract\tsuccess\t1.2\t\n取得\tfailed\t\t\n"


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_every_key_as_it_is(
    output: str, read: type[json.JSONDecoder], capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(printed(capsys, output)) == ROWS  # type: ignore[call-arg, comparison-overlap]
    assert read(printed(capsys, output, whole={"rows": ROWS, "more": 1})) == {"rows": ROWS, "more": 1}  # type: ignore[call-arg, comparison-overlap]


def test_tabs_and_lines_in_a_value_do_not_break_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    tables.put_rows([{"name": "a\tb\nc"}], "plain", {"name": "name"})
    assert capsys.readouterr().out == "a b c\n"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1.0, {"x": float("-inf")}]])
def test_numbers_that_json_does_not_know_are_text(value: object) -> None:
    json.loads(tables.as_json(value), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_dates_and_paths_are_text() -> None:
    found = json.loads(tables.as_json({"at": dt.date(2026, 1, 31), "file": Path("/a")}))
    assert found == {"at": "2026-01-31", "file": "/a"}
