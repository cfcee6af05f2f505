"""``airfleet render airflow_cfg``: of which host, and with which secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from airfleet.cli.main import cli
from airfleet.fleet.servers import secrets

FLEET = """\
name: shop
database: postgresql://me:${{ secrets.database }}@db/airflow
broker: redis://:${{ secrets.queue }}@queue/0
hosts:
  - {name: front, address: 10.0.0.1, scheduler: 1, api_server: 1, dag_processor: 1, triggerer: 1}
  - {name: work, address: 10.0.0.2, workers: [{slots: 2}]}
policies: {on_partition: keep}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    return tmp_path


def render(project: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-C", str(project), "render", "airflow_cfg", *arguments])


def test_a_fleet_whose_secrets_are_elsewhere(project: Path) -> None:
    done = render(project, "--component", "scheduler")
    assert "sql_alchemy_conn = postgresql+psycopg://me:***@db/airflow" in done.stdout
    assert '"airfleet_prefix": "shop."' in done.stdout
    assert "lack their mark" in done.stderr
    assert not (project / ".airfleet").exists()


def test_a_fleet_that_has_run(project: Path) -> None:
    kept = secrets.load_or_generate(project / ".airfleet" / "secrets.json")
    done = render(project, "--host", "work")
    assert f'"airfleet_prefix": "shop-{kept.fleet_mark}."' in done.stdout
    assert done.stderr == ""


def test_the_file(project: Path) -> None:
    assert render(project, "--output", str(project / "made")).exit_code == 0
    assert "[scheduler]" in (project / "made" / "airflow.cfg").read_text()


def test_a_host_that_there_is_not(project: Path) -> None:
    done = render(project, "--host", "frnt")
    assert "did you mean 'front'?" in done.stderr
