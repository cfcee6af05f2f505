"""Whether a converted file makes the Dags of the original: a process with Airflow compares the two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from airfleet.errors import FleetError
from airfleet.pipelines.local import home as local_home

_SECONDS: Final = 300
_PROGRAM: Final = "airfleet.pipelines.airflow.conversion.comparison"


def differences(original: Path, text: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """List the differences between the Dags of ``original`` and those of a converted text.

    Raises:
        FleetError: Airflow failed on one of them.
    """
    # Beside the original: its functions and files are found from there.
    with tempfile.TemporaryDirectory(prefix="airfleet-convert-") as home:
        converted = original.parent / f".airfleet-converted-{os.getpid()}.yaml"
        try:
            converted.write_text(text, encoding="utf-8")
            return _compared(original, converted, Path(home), environ)
        finally:
            converted.unlink(missing_ok=True)


def _compared(original: Path, converted: Path, home: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    (home / "airflow.cfg").write_text(local_home.airflow_cfg(home, str(original)), encoding="utf-8")
    settings = local_home.environment(home, "", environ)
    del settings["_AIRFLOW_PARSING_CONTEXT_DAG_ID"]
    words = [sys.executable, "-m", _PROGRAM, str(original), str(converted)]
    done = subprocess.run(words, env=settings, capture_output=True, text=True, timeout=_SECONDS, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith('"')]
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise FleetError(f"the Dags of {original} cannot be compared: {last}")
    return tuple(json.loads(line) for line in lines)
