"""``airfleet explain``: pages of codes."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from airfleet.problem_codes import Code
from support.command_line import Airfleet


@pytest.mark.parametrize("written", ["AF012", "af012", "12", "unknown_key", "unknown-key"])
def test_a_code_is_found_as_people_write_it(written: str, airfleet: Airfleet) -> None:
    result = airfleet("explain", written)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("AF012 (error): A key is not known\n\n")
    assert "\n\nWrong:\n\n    dag_id: orders\n" in result.out
    assert "\n\nRight:\n\n    dag_id: orders\n" in result.out


def test_a_warning_says_how_it_is_silenced(airfleet: Airfleet) -> None:
    assert "`# airfleet: ignore AF200`" in airfleet("explain", "AF200").out


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("AF01", None),
        ("AF0999", "airfleet explain lists all codes"),
        ("unknwon_key", "did you mean 'UNKNOWN_KEY'?"),
        ("AF000", None),
        ("GENERAL", "airfleet explain lists all codes"),
        ("x" * 10_000, "airfleet explain lists all codes"),
    ],
)
def test_an_unknown_code(written: str, hint: str | None, airfleet: Airfleet) -> None:
    result = airfleet("explain", written)
    if written == "AF01":
        assert result.code == 0  # AF001
        return
    assert result.code == 2
    assert f"there is no code '{written[:10]}" in result.err
    assert hint is None or f"hint: {hint}" in result.err


def test_files_that_an_example_needs_are_shown(airfleet: Airfleet) -> None:
    shown = airfleet("explain", "AF140").out
    assert shown.endswith("\n\nBoth with fleet.yaml:\n\n    workers: [{queues: [default, reports]}]\n")
    assert "Wrong (pipelines/orders.py):" in airfleet("explain", "AF300").out


def test_a_check_of_doctor_is_explained(airfleet: Airfleet) -> None:
    assert airfleet("explain", "d203").out == (
        "D203  rights of files (secrets)\n\n"
        "A reader of the secrets can read every connection and start any task.\n\n"
        "  needs      a fleet that was started here once\n"
        "  exit code  1, when it is wrong\n"
    )
    assert json.loads(airfleet("explain", "D203", "-o", "json").out)["subject"] == "rights of files"


def test_a_check_that_does_not_exist(airfleet: Airfleet) -> None:
    result = airfleet("explain", "D999")
    assert (result.code, result.err) == (
        2, "error: there is no check 'D999'\nhint: airfleet doctor -v shows all of them\n",
    )  # fmt: skip


def test_all_codes_are_listed(airfleet: Airfleet) -> None:
    rows = json.loads(airfleet("explain", "-o", "json").out)
    assert [row["code"] for row in rows] == [code.value for code in Code if code is not Code.GENERAL]
    assert len(airfleet("explain", "-o", "plain").out.splitlines()) == len(rows)


def test_it_is_quick_and_imports_no_airflow() -> None:
    code = "import sys; from airfleet.cli.main import cli; cli(['explain', 'AF012'], standalone_mode=False); "
    code += "assert 'airflow' not in sys.modules and 'yaml' not in sys.modules"
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert time.monotonic() - begun < 3
