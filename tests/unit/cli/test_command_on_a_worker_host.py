"""``trigger``, ``why`` and the like on a host that only works: the password of the UI has to be carried there."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from airfleet.agent.control import HostStatus
from airfleet.client.api_client import no_password_here
from airfleet.client.project import Project
from airfleet.fleet.servers import secrets
from support.command_line import Airfleet
from support.fake_agent import component, snapshot
from support.fake_airflow import PASSWORD, USER, FakeAirflow, dag

HOSTS = """\
name: shop
database: postgresql://db.internal/airflow
broker: redis://queue.internal/0
hosts:
  - {name: front, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, triggerer: true}
  - {name: work-1, address: 10.0.0.2, workers: [{slots: 2}]}
witness: 10.0.0.9:22
"""


@pytest.fixture
def no_password(airflow: FakeAirflow, project: Project) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    project.paths.password.write_text("\n")
    return airflow


@pytest.mark.parametrize("command", [("trigger", "orders"), ("why", "orders")])
def test_it_says_where_the_password_is_and_how_to_carry_it(
    command: tuple[str, ...], no_password: FakeAirflow, airfleet: Airfleet
) -> None:
    result = airfleet(*command)
    assert result.code == 1
    assert f"was not given the password of user '{USER}'" in result.err
    assert "do it on a host with an api-server; or carry it here: airfleet secrets export" in result.err
    assert no_password.requests == []


def test_a_password_that_was_carried_there_is_used_at_once(
    no_password: FakeAirflow, project: Project, airfleet: Airfleet
) -> None:
    carried = json.dumps({secrets.FOR_FLEET: "shop", secrets.FOR_HOST: "work-1", "user_password": PASSWORD})
    secrets.write_private(project.paths.secrets, carried)
    assert airfleet("trigger", "orders").code == 0


def test_it_is_carried_only_when_somebody_asks_for_it(project: Project, airfleet: Airfleet, tmp_path: Path) -> None:
    project.fleet_file.write_text(HOSTS)
    made = secrets.generate()
    secrets.write_private(project.paths.secrets, json.dumps(asdict(made)))
    for words, password in (((), None), (("--with-password",), made.user_password)):
        file = tmp_path / "parcel"
        result = airfleet("secrets", "export", "--host", "work-1", *words, "-o", file)
        assert result.code == 0, result.err
        assert made.user_password not in result.out + result.err
        parcel = json.loads(file.read_text())
        assert parcel.get("user_password") == password
        assert parcel["peers_key"] == made.peers_key
        assert "jwt_secret" not in parcel


def test_the_hosts_that_have_it_are_named() -> None:
    hosts = (HostStatus("front", "up", components=(component("api-server"),)), HostStatus("work-1", "up"))
    said = str(no_password_here(snapshot(host="work-1", hosts=hosts, user="admin")))
    assert "host 'work-1' was not given" in said
    assert "do it on front;" in said
