"""A process with Airflow that reads Dags: it has a home of its own, and no settings of the caller's Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from airfleet.errors import FleetError
from airfleet.pipelines.local import home as local_home

_SECONDS: Final = 300
_ANSWER: Final = "answer.json"
_WANTED: Final = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"


def answer(program: str, words: Sequence[str], file: Path, environ: Mapping[str, str]) -> Any:
    """Run a module of airfleet that reads ``file``, and give what it writes to the file that its first argument names.

    Raises:
        FleetError: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="airfleet-convert-") as folder:
        home = Path(folder)
        (home / "airflow.cfg").write_text(local_home.airflow_cfg(home, str(file)), encoding="utf-8")
        settings = {name: value for name, value in local_home.environment(home, "", environ).items() if name != _WANTED}
        try:
            done = subprocess.run(
                [sys.executable, "-m", program, str(home / _ANSWER), *words],
                env=settings,
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FleetError(f"Airflow does not read the Dags of {file} within {_SECONDS} seconds") from None
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise FleetError(f"Airflow cannot read the Dags of {file}: {last}")
        try:
            return json.loads((home / _ANSWER).read_bytes())
        except FileNotFoundError:
            raise FleetError(f"Airflow cannot read the Dags of {file}: it ends the process that reads it") from None
