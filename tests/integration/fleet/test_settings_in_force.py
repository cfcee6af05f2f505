"""Settings of Airflow in a fleet that runs: an auth manager that asks the database, users, keys, and any other."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator

import psycopg
import pytest
import requests
from cryptography.fernet import Fernet

from airfleet.testing.fleet import FleetUnderTest

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
FLEET = """\
name: settings
triggerer: false
workers: [{slots: 1}]
connections:
  warehouse: {type: http, host: db.internal, password: "${{ secrets.warehouse }}"}
airflow:
  core:
    auth_manager: shop_auth.AsksTheDatabase
    simple_auth_manager_users: "bob:viewer, eve:op"
    fernet_key: ${{ secrets.fernet }}
    parallelism: 7
  scheduler:
    max_dagruns_to_create_per_loop: 3
  api:
    expose_config: true
    instance_name: 100% shop
"""
#: needs what FAB needs: sessions, when the application is built
AUTH = """\
from airflow import settings
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from sqlalchemy import text


class AsksTheDatabase(SimpleAuthManager):
    def get_fastapi_app(self):
        if settings.Session is None:
            raise RuntimeError("Session not configured. Call configure_orm() first.")
        settings.Session().execute(text("select 1"))
        settings.Session.remove()
        return super().get_fastapi_app()
"""
PIPELINE = """\
dag_id: look
is_paused_upon_creation: false
tasks:
  - id: look
    uses: bash
    with:
      bash_command:
        $t: |
          echo {{ conn.warehouse.password }} $(grep -c fernet_key $AIRFLOW_CONFIG) $PGSERVICE $CELERY_BROKER_URL
"""
#: what a shell may say of servers of its person
OF_THE_SHELL = {"PGSERVICE": "elsewhere", "PGSSLMODE": "verify-full", "PGOPTIONS": "-c search_path=x", "PGTZ": "Japan"}
OF_THE_SHELL |= {"CELERY_BROKER_URL": "redis://127.0.0.1:9/0", "CELERY_RESULT_BACKEND": "redis://127.0.0.1:9/0"}


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    files = {"pipelines/look.yaml": PIPELINE, "shop_auth.py": AUTH}
    with FleetUnderTest.make(FLEET, files) as made:
        made.write("secrets/fernet", KEY).chmod(0o600)
        made.write("secrets/warehouse", "s3cret").chmod(0o600)
        started = made.with_environment(**OF_THE_SHELL)
        started.start()
        yield started


def test_commands_and_tasks_work_with_an_auth_manager_that_asks_the_database(fleet: FleetUnderTest) -> None:
    fleet.wait_for_dag("look")
    run = fleet.trigger("look")
    assert fleet.wait_for_run("look", run) == "success"
    path = ("dags", "look", "dagRuns", run, "taskInstances", "look", "xcomEntries", "return_value")
    assert (
        fleet.api.get(*path)["value"] == "s3cret 0 elsewhere redis://127.0.0.1:9/0"
    )  # the key is in no file that a task can read


def test_each_user_has_a_password_in_a_file_of_ours_and_in_no_log(fleet: FleetUnderTest) -> None:
    file = fleet.paths.airflow_home / "passwords.json"
    passwords = json.loads(file.read_text())
    assert sorted(passwords) == ["admin", "bob", "eve"]
    assert file.stat().st_mode & 0o777 == 0o600
    for user, password in passwords.items():
        answer = requests.post(f"{fleet.api.url}/auth/token", json={"username": user, "password": password}, timeout=30)
        assert answer.status_code == 201
    logs = "".join(log.read_text(errors="replace") for log in fleet.paths.logs.glob("*.log"))
    assert not [user for user, password in passwords.items() if password in logs]


def test_what_fleet_yaml_says_is_in_force_in_the_components(fleet: FleetUnderTest) -> None:
    sections = {part["name"]: part["options"] for part in fleet.api.get("config")["sections"]}
    found = {f"{name}.{option['key']}": option["value"] for name, options in sections.items() for option in options}
    assert found["core.parallelism"] == "7"
    assert found["scheduler.max_dagruns_to_create_per_loop"] == "3"
    assert found["api.instance_name"] == "100% shop"


def test_connections_are_encrypted_with_the_key_of_fleet_yaml(fleet: FleetUnderTest) -> None:
    password = json.loads(fleet.paths.secrets.read_text())["airflow_password"]
    url = f"postgresql://airflow:{password}@{fleet.component('postgres').address}/airflow"
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT password FROM connection WHERE conn_id = 'warehouse'").fetchone()
    assert row is not None
    assert Fernet(KEY).decrypt(row[0]) == b"s3cret"
    assert os.fsencode(KEY) not in fleet.paths.plan.read_bytes()


@pytest.mark.long
def test_an_auth_manager_that_cannot_start_is_named_by_up() -> None:
    broken = AUTH.replace("AsksTheDatabase", "Broken").replace('text("select 1")', 'text("select no_such_thing")')
    text = "name: broken\ntriggerer: false\nworkers: [{slots: 1}]\nairflow: {core: {auth_manager: shop_auth.Broken}}\n"
    with FleetUnderTest.make(text, {"shop_auth.py": broken}) as made:
        result = made.airfleet("up", "--detach")
    assert result.returncode == 1
    assert "error: api-server did not start: ended with exit code 1" in result.stderr
    assert "the auth manager Broken cannot start: ProgrammingError" in result.stderr
