"""Addresses that people, commands and tasks of a host are sent to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.fleet import planner
from airfleet.fleet.config.spec import ApiServer, Fleet, Host, local_host
from airfleet.fleet.planning import airflow_settings
from airfleet.fleet.planning.context import Context, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import HttpAnswers
from airfleet.fleet.servers import secrets
from support.proxied_fleets import ONE_HOST, here


def test_people_are_sent_to_the_proxy_and_commands_to_an_api_server() -> None:
    plan = planner.plan(here())
    assert plan.url == "https://airflow.example.com:8443/myorg/airflow"
    assert plan.api_urls[0] == "http://127.0.0.1:8080/myorg/airflow"
    assert plan.component("api-server").probe == HttpAnswers(
        (
            "http://127.0.0.1:8080/myorg/airflow/api/v2/version",
            "http://127.0.0.1:8080/myorg/airflow/execution/health",
        )
    )
    assert "base_url = https://airflow.example.com:8443/myorg/airflow\n" in airflow_settings.configuration(here())


def test_tasks_go_over_nginx_where_there_is_a_choice_and_straight_where_there_is_none() -> None:
    assert here().execution_url == "http://127.0.0.1:8080/myorg/airflow/execution/"
    two = replace(ONE_HOST, hosts=(local_host(api_server=ApiServer(count=2)),))
    assert here(two).execution_url == "http://127.0.0.1:8090/myorg/airflow/execution/"
    without = replace(here(two).ports, nginx=None)
    assert here(two, ports=without, nginx=None).execution_url == "http://127.0.0.1:8080/myorg/airflow/execution/"


@pytest.mark.parametrize(
    ("address", "listens"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("198.18.37.1", ("127.0.0.1", "198.18.37.1")),
        ("10.0.0.1", ("127.0.0.1",)),  # an embedded server is never open to a real network
    ],
)
def test_where_embedded_servers_listen(address: str, listens: tuple[str, ...], tmp_path: Path) -> None:
    fleet = Fleet("one", "/one", hosts=(Host("main", address),))
    made = Context(fleet, Paths(tmp_path, tmp_path), Ports(), secrets.generate(), host="main")
    assert made.served_addresses == listens
