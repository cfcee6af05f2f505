"""The disk of other tests is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.full_disk import full_disk


def test_the_disk_of_these_tests_is_full(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OSError, match="File too large"):
        (tmp_path / "file").write_text("one word")
