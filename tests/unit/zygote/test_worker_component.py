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


def test_a_component_that_cannot_say_which_job_is_its_own_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLEET_COMPONENT", "scheduler")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "missing"))
    tell_job(Row(4))
    assert "the agent is not told which job this is: " in capsys.readouterr().err
