"""The report of an error of airfleet itself."""

from __future__ import annotations

import sys

import pytest

from airfleet.cli.output import crash_report


def test_the_report_names_the_command_and_not_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airfleet", "trigger", "orders", "--conf", '{"key": "s3cret"}'])
    text = crash_report.report(ValueError("x"))
    assert "command: airfleet trigger\n" in text
    assert "s3cret" not in text
