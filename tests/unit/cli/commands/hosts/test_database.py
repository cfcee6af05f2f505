"""``airfleet database upgrade``: refused where the database is not the fleet's own, was never made, or is in use."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from airfleet.agent import bootstrap
from airfleet.agent.control import AlreadyRuns
from airfleet.cli.main import cli
from airfleet.client.project import Project
from airfleet.errors import FleetError
from airfleet.fleet.config.reader import read_file


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    return Project(tmp_path, {})


def upgrade(project: Project, *more: str) -> str:
    words = ["-C", str(project.root), "database", "upgrade", *more]
    return CliRunner().invoke(cli, words, catch_exceptions=False, standalone_mode=False).stdout


def refusal(project: Project, *more: str) -> str:
    with pytest.raises(FleetError) as refused:
        upgrade(project, *more)
    return refused.value.sentence


def test_a_server_by_url_is_upgraded_by_its_own_tools(project: Project) -> None:
    project.fleet_file.write_text("name: shop\ndatabase: postgresql://db.example.com/airflow\n")
    assert refusal(project) == ("the database of fleet 'shop' is a server of its own, which airfleet does not upgrade")


def test_a_fleet_that_was_never_started_has_none(project: Project) -> None:
    assert refusal(project) == f"the fleet in {project.root} was not started here yet"
    project.paths.home.mkdir()
    assert refusal(project) == f"there is no database in {project.paths.home}/postgres to upgrade"
    assert refusal(project, "--undo") == f"no earlier cluster is kept in {project.paths.home}/postgres"


def test_a_cluster_of_the_version_that_is_chosen_stays(project: Project) -> None:
    cluster = project.paths.home / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("18\n")
    assert upgrade(project) == "the database is of that major version already\n"
    assert upgrade(project, "-o", "json").split() == ["{", '"changed":', "false", "}"]
    assert [file.name for file in cluster.iterdir()] == ["PG_VERSION"]


def test_a_fleet_does_not_start_while_its_database_is_upgraded_nor_the_other_way_round(project: Project) -> None:
    fleet = read_file(project.fleet_file, project.environ)
    project.paths.home.mkdir()
    with bootstrap.lock(project.paths, fleet, is_upgrade=True):
        assert refusal(project).startswith("the database of fleet 'shop' is being upgraded (process ")
        with pytest.raises(FleetError, match="is being upgraded") as refused:
            bootstrap.lock(project.paths, fleet)
        assert not isinstance(refused.value, AlreadyRuns)
    with bootstrap.lock(project.paths, fleet), pytest.raises(AlreadyRuns, match="is already running"):
        upgrade(project)
