"""How a worker proves that it is well."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.zygote.worker_component import Beat


def test_a_worker_whose_beats_go_nowhere_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat = Beat(tmp_path / "missing" / "worker.beat")
    beat()
    beat(sender="Celery says who")
    assert capsys.readouterr().err.count("is not told that this worker is well: ") == 1
