"""A watched folder: names that appear, nothing else, and no wait."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from airfleet.system.folder_watch import FolderWatch


def test_names_that_appear_are_told_once(tmp_path: Path) -> None:
    watch = FolderWatch(tmp_path)
    assert watch.names() == frozenset()
    (tmp_path / ".live-1").symlink_to("trees/a")
    os.rename(tmp_path / ".live-1", tmp_path / "live")
    assert select.select([watch], [], [], 5)[0] == [watch]
    assert watch.names() == {".live-1", "live"}
    assert watch.names() == frozenset()
    watch.close()


def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError):
        FolderWatch(tmp_path / "nowhere")
    assert len(os.listdir("/proc/self/fd")) == before
