"""An Airflow home for one test."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Home:
    """An Airflow home with a database of its own and one bundle of pipelines."""

    path: Path
    pipelines: Path

    @property
    def environ(self) -> dict[str, str]:
        bundle = {
            "name": "pipelines",
            "classpath": "airfleet.pipelines.airflow.bundle.PipelineBundle",
            "kwargs": {"path": str(self.pipelines)},
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        return kept | {
            "AIRFLOW_HOME": str(self.path),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.path}/airflow.sqlite",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
            "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
            # As a fleet has it: what is seen sooner was not seen because all files are read again and again.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        }

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "-c", code])

    def airflow(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "-m", "airflow", *args])

    def run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, env=self.environ, capture_output=True, text=True, timeout=120, check=False)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        database = sqlite3.connect(self.path / "airflow.sqlite", timeout=30)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()
