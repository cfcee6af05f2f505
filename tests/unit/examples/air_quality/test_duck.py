"""What a job takes does not grow with its archives: DuckDB keeps to its limit and spills the rest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from air_quality import sample

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

FEW, MANY = 750_000, 7_500_000
#: of the many rows, as CSV
AT_LEAST = 2 << 30  # bytes
#: of a process that has done the whole job, with Python, DuckDB and its 256 MB
MOST = 640 << 20  # bytes

ALL_STEPS = """
import json, sys
from air_quality import steps
from support.peak_memory import peak_bytes
job, source, work = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
run = steps.start(job, "r", source=source, work=work, output=f"{work}/output")
steps.fetch(job, run)
cleaned = steps.clean(job, run)
steps.sort(job, run)
steps.chunk(job, run)
print(json.dumps({"rows": cleaned["rows"], "peak": peak_bytes()}))
"""


def measured(job: dict[str, Any], rows: int, folder: Path, example: Path) -> dict[str, int]:
    """Rows, bytes of CSV and peak memory of a process that fetches, cleans, sorts and cuts so many rows."""
    sample.write(folder / "mirror", rows=rows, seed=2, datasets=("ozone",), bad=0)
    words = [sys.executable, "-c", ALL_STEPS, json.dumps(job), str(folder / "mirror"), str(folder / "work")]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(example), *sys.path])}
    text = sum(one.file_size for path in folder.rglob("*.zip") for one in zipfile.ZipFile(path).infolist())
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout.splitlines()[-1]), "bytes": text}


def test_ten_times_the_rows_take_about_the_same_memory(
    jobs: dict[str, dict[str, Any]], example: Path, tmp_path: Path
) -> None:
    job = jobs["epa_aqs_ozone_daily_summary"]
    few = measured(job, FEW, tmp_path / "few", example)
    many = measured(job, MANY, tmp_path / "many", example)
    print(few, many)
    assert (few["rows"], many["rows"]) == (FEW, MANY)
    assert many["bytes"] > AT_LEAST
    assert many["peak"] < MOST
    # The few rows may leave some of the limit unused.
    assert many["peak"] - few["peak"] < 300 << 20
