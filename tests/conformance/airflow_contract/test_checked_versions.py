"""The versions that airfleet refuses to do without are those of the locks, and those that the contract tests saw."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from airfleet import versions

ROOT = Path(__file__).parents[3]
LOCKS = ("airfleet", "dev", "examples", "lightning", "fab")
PROGRAM = """
from airfleet import versions
from airfleet.api_server import fast_path as execution_api; from airfleet.scheduler import job_runner as scheduler
runner = scheduler.FleetSchedulerJobRunner
print(versions.core_is_checked(), execution_api._needs_the_long_way(), runner._plain(object(), [], object()))
"""


def test_what_is_installed_here_is_what_the_digests_were_made_of() -> None:
    assert versions.differences() == ()


@pytest.mark.parametrize("lock", LOCKS)
def test_the_locks_have_the_versions_that_a_fleet_is_started_on(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==(\S+)", text, re.MULTILINE))
    assert {name: locked.get(name) for name in versions.expected()} == versions.expected()


def test_what_is_installed_with_airfleet_has_them_too() -> None:
    """Else ``pip install airfleet`` would, one day, make what ``airfleet up`` refuses."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = dict(re.fullmatch(r"([a-z-]+)(?:\[\w+\])?==(\S+)", one).groups() for one in declared if "==" in one)  # type: ignore[union-attr]
    assert {name: pinned.get(name) for name in versions.expected()} == versions.expected()


def test_with_another_core_what_airflow_does_too_is_left_to_airflow(tmp_path: Path) -> None:
    info = tmp_path / "apache_airflow_core-99.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: apache-airflow-core\nVersion: 99.0\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "AIRFLOW_HOME": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert ran.stdout.splitlines()[-1] == "False True {}"
