"""Jobs of the air-quality example in one process, as ``airfleet run`` runs them, compared value by value."""

from __future__ import annotations

from pathlib import Path

import pytest

from air_quality import sample
from airfleet.pipelines.local.runner import run_pipeline
from support import air_quality_again
from support.fleets import EXAMPLE

PIPELINE = EXAMPLE / "pipelines" / "air_quality.yaml"
ROWS, BAD_ROWS = 800, 8
CHUNK_ROWS = 300


@pytest.mark.parametrize("dataset", ["co", "no2"])  # the others are run step by step, or on a fleet, elsewhere
def test_a_job_stores_what_the_archives_hold(dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror, output = tmp_path / "mirror", tmp_path / "output"
    sample.write(mirror, rows=ROWS, seed=4, datasets=(dataset,), bad=BAD_ROWS)
    for name, folder in (("SOURCE", mirror), ("OUTPUT", output), ("WORK", tmp_path / "work")):
        monkeypatch.setenv(f"AIRFLOW_VAR_AIR_QUALITY_{name}", str(folder))
    job = f"epa_aqs_{dataset}_daily_summary"
    outcome = run_pipeline(PIPELINE, job=job, params={"min_chunksize": CHUNK_ROWS})
    assert outcome.ok, outcome.tasks
    sources = sorted(mirror.rglob(f"daily_{sample.DATASETS[dataset]}_*.zip"))
    expected = air_quality_again.compare(output, sources, air_quality_again.read_job(PIPELINE, job), CHUNK_ROWS)
    assert (len(expected.rows), len(expected.rejected)) == (ROWS, BAD_ROWS)
