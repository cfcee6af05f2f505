"""Records of components that have ended for want of work."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from airfleet.spool import sleep_records
from airfleet.spool.sleep_records import SleepRecord


def test_a_record_is_read_as_it_was_written_and_only_by_its_owner(tmp_path: Path) -> None:
    record = SleepRecord("dag-processor", 7, 12.5, {"/a": (1, 2, 3), "/gone": None})
    sleep_records.write(tmp_path, record, {"files": ["a"]})
    assert sleep_records.read(tmp_path, "dag-processor") == record
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert sleep_records.take_notes(tmp_path, "dag-processor") == {"files": ["a"]}
    assert sleep_records.take_notes(tmp_path, "dag-processor") is None, "they are for one process"
    sleep_records.forget(tmp_path, "dag-processor")
    assert sleep_records.read(tmp_path, "dag-processor") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x", "due_seconds": null, "stamps": {}}', "null"])
def test_what_is_no_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "triggerer.sleep").write_text(text)
    assert sleep_records.read(tmp_path, "triggerer") is None
