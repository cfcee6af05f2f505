"""How the agent learns which job a component is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from airfleet.zygote.job_components import tell_job


@dataclass(frozen=True)
class Row:
    """One of the table of jobs."""

    id: int


def test_a_component_that_cannot_say_which_job_is_its_own_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLEET_COMPONENT", "scheduler")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "missing"))
    tell_job(Row(4))
    assert "the agent is not told which job this is: " in capsys.readouterr().err
