"""The page of all checks."""

from __future__ import annotations

from airfleet.doctor import reference
from airfleet.doctor.checks import CHECKS


def test_every_check_has_a_row_with_its_reason() -> None:
    rows = [line for line in reference.page().splitlines() if line.startswith("| D")]
    assert len(rows) == len(CHECKS)
    assert all(check.code in row and check.why in row for check, row in zip(CHECKS, rows, strict=True))
