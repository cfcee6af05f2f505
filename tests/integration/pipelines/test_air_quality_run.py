"""A job of the air-quality example in one process, as ``airfleet run`` runs it, compared value by value."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from air_quality import sample
from airfleet.pipelines.local_run import run_pipeline
from support.fleets import EXAMPLE

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "examples"))
import independent

JOB = "epa_aqs_so2_daily_summary"
PIPELINE = EXAMPLE / "pipelines" / "air_quality.yaml"
CHUNK_ROWS = 300


def test_a_job_stores_what_the_archives_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, output = tmp_path / "mirror", tmp_path / "output"
    sample.write(mirror, rows=800, seed=4, datasets=("so2",), bad=8)
    for name, folder in (("SOURCE", mirror), ("OUTPUT", output), ("WORK", tmp_path / "work")):
        monkeypatch.setenv(f"AIRFLOW_VAR_AIR_QUALITY_{name}", str(folder))
    outcome = run_pipeline(PIPELINE, job=JOB, params={"min_chunksize": CHUNK_ROWS})
    assert outcome.ok, outcome.tasks
    sources = sorted(mirror.rglob("daily_42401_*.zip"))
    expected = independent.compare(output, sources, independent.read_job(PIPELINE, JOB), CHUNK_ROWS)
    assert len(expected.rows) >= 800
    assert expected.rejected
