"""Files of a local run on this machine: a throw-away home for Airflow, and logs and an empty database in a cache."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from airfleet.pipelines.checks.pipeline_checks import ZONE_VARIABLE
from airfleet.system import procfs

#: runs whose logs are kept
_KEPT_RUNS = 20


_PREFIX = "airfleet-run-"
_LOCK = "lock"
#: a home without its lock may be one that is being made, for so long (seconds)
_MAKING_SECONDS = 60.0


@contextlib.contextmanager
def made() -> Iterator[tuple[Path, int]]:
    """Yield a new home, and the descriptor of its lock, which the processes of a run hold; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        lock = os.open(home / "lock.new", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            os.rename(home / "lock.new", home / _LOCK)
            yield home, lock
        finally:
            os.close(lock)


def remove_abandoned(folder: Path) -> None:
    """Remove the homes of runs of which nothing lives any more: all of it was killed, or the machine went down."""
    for home in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if _is_abandoned(home):
                shutil.rmtree(home, ignore_errors=True)


def _is_abandoned(home: Path) -> bool:
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return False
    try:
        lock = os.open(home / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - found.st_mtime > _MAKING_SECONDS and not any(processes(home))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return not any(processes(home))
    except BlockingIOError:
        return False
    finally:
        os.close(lock)


def processes(home: Path) -> Iterator[int]:
    """Find the processes that have this home in their environment."""
    mark = b"AIRFLOW_HOME=" + os.fsencode(home)
    return (pid for pid in procfs.pids() if mark in procfs.variables(pid))


def environment(home: Path, dag_id: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without its own Airflow but its time zone, and which Dag is wanted."""
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
    """Write the text of ``airflow.cfg`` for one pipeline file and nothing else."""
    bundle = {"name": "file", "classpath": "airfleet.pipelines.airflow.bundle.FileBundle", "kwargs": {"path": file}}
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
    """Return a new folder for this run's logs; the oldest runs' folders go."""
    runs = _cache(environ) / "runs"
    runs.mkdir(exist_ok=True)
    for old in sorted(runs.iterdir(), key=lambda run: run.stat().st_mtime)[: -_KEPT_RUNS + 1 or None]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{dag_id.encode()[:200].decode(errors='ignore')}-", dir=runs))


def empty_database(environ: Mapping[str, str]) -> Path:
    """Say where the migrated database without rows is, or will be after the first run."""
    return _cache(environ) / f"empty-airflow-{version('apache-airflow')}.sqlite"
