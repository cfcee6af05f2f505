"""With ``AIRFLEET_NO_SKIPS=1`` a skipped test is a failed one: ``pytest -p tests.no_skips``.

On a person's machine a test may be skipped because Chromium is not there. Where everything must
be there, a skip would hide that nobody runs the test.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

_Report = pytest.TestReport | pytest.CollectReport


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report of one test."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _forbid(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The report of one file; a whole file can be skipped, too."""
    report = yield
    _forbid(report)
    return report


def _forbid(report: _Report) -> None:
    if report.skipped and os.environ.get("AIRFLEET_NO_SKIPS") == "1":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"no test may be skipped here ({reason})"
