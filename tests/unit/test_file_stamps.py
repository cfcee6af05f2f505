"""A stamp is another one when the content may be, and none where there is nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.file_stamps import stamp


def replaced(file: Path) -> None:
    other = file.with_name("other")
    other.write_text("one")
    os.utime(other, ns=(1, 1))
    os.replace(other, file)


@pytest.mark.parametrize(
    "change",
    [
        lambda file: os.utime(file, ns=(2, 2)),
        lambda file: (file.write_text("more"), os.utime(file, ns=(1, 1))),
        replaced,
    ],
    ids=["time", "size", "another file"],
)
def test_a_change_of_time_or_size_or_file_is_seen(change: Callable[[Path], object], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    os.utime(file, ns=(1, 1))
    before = stamp(str(file))
    assert before is not None
    assert stamp(str(file)) == before
    change(file)
    assert stamp(str(file)) not in (None, before)


@pytest.mark.parametrize("path", ["nothing", "a\0b", "x" * 5000])
def test_what_is_not_there_has_none(path: str, tmp_path: Path) -> None:
    assert stamp(f"{tmp_path}/{path}") is None
