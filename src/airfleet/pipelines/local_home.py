"""What a local run has on this machine: a throw-away home for Airflow, and logs and an empty database in a cache."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airfleet.pipelines.checks import ZONE_VARIABLE

#: runs whose logs are kept
_KEPT_RUNS = 20


def environment(home: Path, dag_id: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without its own Airflow but its time zone, and which Dag is wanted."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("AIRFLOW__", "_AIRFLOW", "AIRFLOW_HOME", "AIRFLOW_CONFIG"))
        or name.startswith("AIRFLOW__SECRETS__")
        or name == ZONE_VARIABLE
    }
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        # Airflow's own way to say which Dag of a file is wanted.
        "_AIRFLOW_PARSING_CONTEXT_DAG_ID": dag_id,
    }


def airflow_cfg(home: Path, file: str) -> str:
    """The text of ``airflow.cfg`` for one pipeline file and nothing else."""
    bundle = {"name": "file", "classpath": "airfleet.pipelines.bundle.FileBundle", "kwargs": {"path": file}}
    settings: dict[str, dict[str, Any]] = {
        "core": {
            "dags_folder": home,
            "load_examples": False,
            "unit_test_mode": False,
            "simple_auth_manager_passwords_file": home / "passwords.json",
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{home}/airflow.sqlite"},
        "logging": {"base_log_folder": home / "logs", "colored_console_log": False, "logging_level": "INFO"},
        "dag_processor": {"dag_bundle_config_list": json.dumps([bundle])},
        "usage_data_collection": {"enabled": False},
    }
    lines = []
    for section, values in settings.items():
        lines += [f"[{section}]", *(f"{key} = {str(value).replace('%', '%%')}" for key, value in values.items()), ""]
    return "\n".join(lines)


def _cache(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CACHE_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cache")
    folder = Path(base) / "airfleet"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def log_folder(environ: Mapping[str, str], dag_id: str) -> Path:
    """A new folder for this run's logs; the oldest runs' folders go."""
    runs = _cache(environ) / "runs"
    runs.mkdir(exist_ok=True)
    for old in sorted(runs.iterdir(), key=lambda run: run.stat().st_mtime)[: -_KEPT_RUNS + 1 or None]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{dag_id}-", dir=runs))


def empty_database(environ: Mapping[str, str]) -> Path:
    """Where the migrated database without rows is, or will be after the first run."""
    return _cache(environ) / f"empty-airflow-{version('apache-airflow')}.sqlite"
