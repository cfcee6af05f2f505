"""``airfleet airflow``: where it refuses, and what Airflow is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from airfleet.client.project import Project
from airfleet.fleet.servers import secrets
from support.command_line import Airfleet

HOSTS = """\
name: shop
database: postgresql://airflow:${{ env.PASSWORD }}@db.internal/airflow
broker: redis://queue.internal/0
hosts:
  - {name: front, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, triggerer: true}
  - {name: work-1, address: 10.0.0.2, workers: [{slots: 2}]}
witness: 10.0.0.9:22
"""


@pytest.fixture
def started(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A fleet of two hosts that was up on this machine."""
    monkeypatch.setenv("PASSWORD", "hunter2")
    project.fleet_file.write_text(HOSTS)
    for host in ("front", "work-1"):
        paths = project.on(host).paths
        paths.airflow_home.mkdir(parents=True)
        secrets.load_or_generate(paths.secrets)
    return project


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[str], Mapping[str, str]]]:
    """What this process would have become."""
    found: list[tuple[Sequence[str], Mapping[str, str]]] = []

    def execve(program: str, argv: Sequence[str], environ: Mapping[str, str]) -> Any:
        found.append((argv, environ))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    return found


def test_airflow_gets_its_words_and_the_secrets_in_its_environment_alone(
    started: Project,
    airfleet: Airfleet,
    executed: list[tuple[Sequence[str], Mapping[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://another/airflow")
    airfleet("airflow", "--host", "front", "db", "clean", "--dry-run", "-h")
    ((argv, environ),) = executed
    assert list(argv) == [sys.executable, "-m", "airflow", "db", "clean", "--dry-run", "-h"]
    url = "postgresql+psycopg://airflow:hunter2@db.internal"
    for name in ("SQL_ALCHEMY_CONN", "SQL_ALCHEMY_CONN_ASYNC"):
        assert environ[f"AIRFLOW__DATABASE__{name}"].startswith(url)
    kept = secrets.load(started.on("front").paths.secrets)
    assert kept is not None
    assert environ["AIRFLOW__CORE__FERNET_KEY"] == kept.fernet_key
    assert environ["AIRFLOW_HOME"] == str(started.on("front").paths.airflow_home)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "say which command of Airflow"),
        (("--host", "work-1", "db", "check"), 1, "host 'work-1' knows no database"),
        (("--host", "other", "db", "check"), 1, "fleet 'shop' has no host 'other'"),
    ],
)
def test_what_it_cannot_do_is_said(
    started: Project, airfleet: Airfleet, words: tuple[str, ...], code: int, said: str
) -> None:
    result = airfleet("airflow", *words)
    assert result.code == code
    assert said in result.err


def test_a_fleet_that_was_never_up_has_no_database_to_be_asked(project: Project, airfleet: Airfleet) -> None:
    project.paths.secrets.unlink(missing_ok=True)
    result = airfleet("airflow", "db", "check")
    assert result.code == 1
    assert "was not started here yet\nhint: airfleet up" in result.err
