"""Connections, variables and pools of fleet.yaml reach Airflow, stay as the file has them, and are never deleted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airfleet.testing.fleet import FleetUnderTest

FLEET = """\
name: objects
triggerer: false
workers: [{slots: 1}]
connections:
  warehouse:
    type: postgres
    host: db.internal
    port: 5433
    schema: orders
    login: ada
    password: ${{ env.WAREHOUSE_PASSWORD }}
    extra: {sslmode: require, retries: 3}
  bucket: aws://key:${{ secrets.bucket }}@/?region_name=eu-1
variables:
  region: eu-1
  rate: {value: 100% of it, description: how much}
pools:
  warehouse: 2
  slow: {slots: 1, include_deferred: true}
  default_pool: 64
"""
PIPELINE = """\
dag_id: uses_objects
is_paused_upon_creation: false
tasks:
  - id: look
    uses: bash
    pool: warehouse
    with:
      bash_command:
        $t: >-
          echo "{{ conn.warehouse.password }} {{ conn.warehouse.extra_dejson.retries }} {{ conn.bucket.password }}
          {{ var.value.region }} {{ var.value.rate }}"
"""
PASSWORD = "p%40ss/ö'"


@pytest.fixture
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(FLEET, {"pipelines/uses_objects.yaml": PIPELINE}) as made:
        made.write("secrets/bucket", "b%2Fcket%2B\n").chmod(0o600)
        yield made.with_environment(WAREHOUSE_PASSWORD=PASSWORD)


def said(lines: str) -> list[str]:
    """What the step said itself, without Airflow's own log."""
    return [line for line in lines.splitlines() if line.startswith(("connection ", "variable ", "pool "))]


def log(fleet: FleetUnderTest, component: str) -> str:
    return fleet.paths.log(component).read_text()


@pytest.mark.long
def test_objects_reach_tasks_and_come_back_to_what_the_file_says(fleet: FleetUnderTest) -> None:
    fleet.start()
    fleet.wait_for_dag("uses_objects")
    run = fleet.trigger("uses_objects")
    assert fleet.wait_for_run("uses_objects", run) == "success"
    path = ("dags", "uses_objects", "dagRuns", run, "taskInstances", "look", "xcomEntries", "return_value")
    assert fleet.api.get(*path)["value"] == f"{PASSWORD} 3 b/cket+ eu-1 100% of it"
    assert fleet.api.get("variables", "rate")["description"] == "how much"
    pools = {pool["name"]: (pool["slots"], pool["include_deferred"]) for pool in fleet.api.every("pools", "pools")}
    assert pools == {"default_pool": (64, False), "warehouse": (2, False), "slow": (1, True)}
    assert fleet.api.get("pools", "default_pool")["description"] == "Default pool"
    assert log(fleet, "objects").count("is written as fleet.yaml has it") == 7
    assert PASSWORD not in log(fleet, "objects") + log(fleet, "zygote")

    # Somebody changes one by hand; the file loses some, and changes one.
    fleet.api.patch("variables", "region", body={"key": "region", "value": "us-1"})
    changed = FLEET.replace("port: 5433", "port: 5434").replace("  slow: {slots: 1, include_deferred: true}\n", "")
    fleet.write("fleet.yaml", changed.replace("  rate: {value: 100% of it, description: how much}\n", ""))
    planned = fleet.airfleet("plan", "-o", "plain").stdout
    assert "~\t\tobjects\t\t\t\twhat it is told in secret" in planned
    fleet.stop()
    before = len(log(fleet, "objects"))
    fleet.start()
    assert said(log(fleet, "objects")[before:]) == [
        "connection 'warehouse' is written as fleet.yaml has it",
        "variable 'region' is written as fleet.yaml has it",
        "pool 'slow' is no longer in fleet.yaml; it is kept (airflow pools delete slow)",
        "variable 'rate' is no longer in fleet.yaml; it is kept (airflow variables delete rate)",
    ]
    assert fleet.api.get("connections", "warehouse")["port"] == 5434
    assert fleet.api.get("variables", "region")["value"] == "eu-1"
    assert fleet.api.get("variables", "rate")["value"] == "100% of it"


@pytest.mark.long
def test_what_is_no_longer_in_the_file_is_said_until_it_is_gone(fleet: FleetUnderTest) -> None:
    fleet.start()
    fleet.api.delete("pools", "slow")
    fleet.stop()
    fleet.write("fleet.yaml", FLEET.partition("connections:")[0])
    before = len(log(fleet, "migrate"))
    fleet.start()
    kept = [line.partition(" is no longer")[0] for line in said(log(fleet, "migrate")[before:])]
    assert kept == [
        "connection 'bucket'",
        "connection 'warehouse'",
        "pool 'default_pool'",
        "pool 'warehouse'",
        "variable 'rate'",
        "variable 'region'",
    ]
