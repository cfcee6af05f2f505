"""The pipeline file of the example."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_pipeline_file_has_no_problems(example: Path) -> None:
    airfleet = Path(sys.executable).with_name("airfleet")
    done = subprocess.run([airfleet, "check", "pipelines"], cwd=example, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr + done.stdout) == (0, "5 pipelines are fine\n")
