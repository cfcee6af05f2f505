from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.airflow_home import Home


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated metadata database without rows of ours."""
    home = Home(tmp_path_factory.mktemp("empty"), Path("/nowhere"))
    done = home.python("from airflow.utils.db import initdb; initdb()")
    assert done.returncode == 0, done.stderr
    return home.path / "airflow.sqlite"


@pytest.fixture
def home(tmp_path: Path, empty_database: Path) -> Home:
    pipelines = tmp_path / "project" / "pipelines"
    pipelines.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    shutil.copyfile(empty_database, tmp_path / "home" / "airflow.sqlite")
    return Home(tmp_path / "home", pipelines)
