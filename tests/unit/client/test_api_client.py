"""The password of the UI on a host that only works: it has to be carried there."""

from __future__ import annotations

import json

import pytest

from airfleet.agent.control import HostStatus
from airfleet.client.api_client import no_password_here
from airfleet.client.project import Project
from airfleet.fleet.servers import secrets
from support.command_line import Airfleet
from support.fake_agent import component, snapshot
from support.fake_airflow import PASSWORD, USER, FakeAirflow, dag


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


def test_the_hosts_that_have_it_are_named() -> None:
    hosts = (HostStatus("front", "up", components=(component("api-server"),)), HostStatus("work-1", "up"))
    said = str(no_password_here(snapshot(host="work-1", hosts=hosts, user="admin")))
    assert "host 'work-1' was not given" in said
    assert "do it on front;" in said
