"""All jobs of air_quality under random faults: each leaves, byte for byte, what it leaves when nothing breaks."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from air_quality import sample, steps
from support.storms import Project, storm_over

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "air_quality"
JOBS: list[dict[str, Any]] = yaml.safe_load((EXAMPLE / "pipelines" / "air_quality.yaml").read_text())["jobs"]
SEED, FAULTS = 20_260_106, 6
CHUNK_ROWS = 500


def copy_into(root: Path) -> None:
    """Its pipelines and modules."""
    for name in ("pipelines", "air_quality"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(EXAMPLE / name, root / name, ignore=ignore, dirs_exist_ok=True)


def undisturbed(mirror: Path, folder: Path) -> dict[str, str]:
    """The files of all jobs when every step is done once, here."""
    for job in JOBS:
        run = steps.start(job, "once", str(mirror), f"{folder}/work", f"{folder}/output", CHUNK_ROWS)
        fetched, cleaned = steps.fetch(job, run), steps.clean(job, run)
        steps.sort(job, run)
        chunked = steps.chunk(job, run)
        steps.end(job, run, fetched, cleaned, chunked, steps.store(job, run, fetched, cleaned))
    return digests(folder / "output")


def digests(folder: Path) -> dict[str, str]:
    """Every file with its SHA-256, but the manifests, which name the run."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.json"
    }


def test_every_job_leaves_what_it_leaves_when_nothing_breaks(tmp_path: Path) -> None:
    mirror, output = tmp_path / "mirror", tmp_path / "stormy"
    sample.write(mirror, rows=3000, seed=3, bad=16)
    project = Project(
        copy_into,
        [f"{job['name']}_job" for job in JOBS],
        {"AIRFLOW_VAR_AIR_QUALITY_WORK": str(tmp_path / "work")},
        queues=("default", "queue_1", "queue_2"),
        settings='  scheduler: {use_job_schedule: "False"}\n',
    )
    with storm_over(project) as storm:
        for job in JOBS:
            storm.begin(f"{job['name']}_job", source=str(mirror), output=str(output), min_chunksize=CHUNK_ROWS)
        storm.blow(FAULTS, SEED)
        assert set(storm.states().values()) == {"success"}
    assert digests(output) == undisturbed(mirror, tmp_path / "calm")
