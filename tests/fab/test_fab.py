"""A fleet with FAB as its auth manager starts, and its commands log in. In an environment with the provider of FAB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
import requests

from airfleet.client.api_client import Api
from airfleet.testing.fleet import FleetUnderTest

pytestmark = pytest.mark.long

FAB = """\
airflow:
  core: {auth_manager: airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager}
  fab: {enable_proxy_fix: true}
"""
FLEET = "name: fab\ntriggerer: false\nworkers: [{slots: 1}]\n"
PIPELINE = """\
dag_id: hello
is_paused_upon_creation: false
tasks:
  - {id: fails, uses: bash, with: {bash_command: exit 3}}
"""


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    """One that had Airflow's simple auth manager before, and so a database without FAB's tables."""
    with FleetUnderTest.make(FLEET, {"pipelines/hello.yaml": PIPELINE}) as made:
        made.start()
        made.stop()
        made.write("fleet.yaml", FLEET + FAB)
        made.start()
        yield made


def users(fleet: FleetUnderTest) -> list[tuple[str, str]]:
    """Names and hashed passwords of FAB's users."""
    return asked(fleet, "SELECT username, password FROM ab_user ORDER BY username")


def asked(fleet: FleetUnderTest, statement: LiteralString) -> list[tuple[str, str]]:
    """What the fleet's database answers."""
    password = fleet.paths.secrets.read_text().partition('"airflow_password": "')[2].partition('"')[0]
    url = f"postgresql://airflow:{password}@{fleet.component('postgres').address}/airflow"
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_commands_trigger_and_say_why(fleet: FleetUnderTest) -> None:
    fleet.wait_for_dag("hello")
    run = fleet.trigger("hello")
    assert fleet.wait_for_run("hello", run) == "failed"
    assert "task 'fails' failed" in fleet.airfleet("why", "hello").stdout


def test_the_fleets_user_logs_in_by_fabs_page(fleet: FleetUnderTest) -> None:
    answer = requests.get(f"{fleet.api.url}/auth/login/", timeout=30)
    assert answer.status_code == 200
    assert "username" in answer.text


def test_a_password_that_was_changed_is_the_fleets_again_after_a_start(fleet: FleetUnderTest) -> None:
    ((name, hashed),) = users(fleet)
    assert name == "admin"
    assert fleet.api.password not in hashed
    fleet.write("fleet.yaml", FLEET + "user: ops\n" + FAB)
    fleet.stop()
    fleet.start()
    assert [name for name, _ in users(fleet)] == ["admin", "ops"]
    ops = Api(fleet.api.url, "ops", fleet.api.password)
    assert ops.get("dags", "hello")["dag_id"] == "hello"


def test_tables_of_a_newer_fab_are_left_alone_with_a_sentence(fleet: FleetUnderTest) -> None:
    asked(fleet, "UPDATE alembic_version_fab SET version_num = 'ffffffffffff' RETURNING version_num, ''")
    fleet.stop()
    refused = fleet.airfleet("up", "--detach", "--timeout", "3m")
    assert refused.returncode == 1
    assert (
        "the database has tables of a newer apache-airflow-providers-fab: the one here does not know its revision "
        "ffffffffffff (alembic_version_fab)\n" in refused.stderr
    )
    assert "Traceback" not in refused.stderr
