"""A fleet on the PostgreSQL and the Redis of its machine, and its way to the PostgreSQL of the wheel."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from airfleet.agent.servers import machine_programs, server_programs, wheel_programs
from airfleet.agent.servers.server_programs import Program
from airfleet.fleet.servers import own_servers
from airfleet.testing.fleet import FleetUnderTest

pytestmark = [pytest.mark.needs("postgresql"), pytest.mark.needs("redis")]

RUN_SECONDS = 120.0
HELLO = """\
dag_id: hello
schedule: null
tasks:
  - {id: say, uses: bash, with: {bash_command: "echo hello"}}
"""
SYSTEM = "name: shop\ndatabase: system\nbroker: system redis\n"
WHEEL = "name: shop\nbroker: system redis\n"


@pytest.fixture(scope="module")
def fleet() -> Iterator[FleetUnderTest]:
    with FleetUnderTest.make(SYSTEM, {"pipelines/hello.yaml": HELLO}) as made:
        made.start()
        yield made


def programs() -> tuple[Program, Program]:
    """The PostgreSQL and the Redis of this machine."""
    (redis, *_) = machine_programs.broker(own_servers.broker("system redis"), os.environ)
    return machine_programs.postgres(own_servers.database("system"), os.environ)[0], redis


def run(fleet: FleetUnderTest) -> str:
    fleet.__dict__.pop("api", None)  # ports may be others after a start
    fleet.wait_for_dag("hello")
    run_id = fleet.trigger("hello")
    assert fleet.wait_for_run("hello", run_id, RUN_SECONDS) == "success"
    return run_id


@pytest.mark.long
def test_a_fleet_runs_on_the_servers_of_its_machine_and_takes_its_runs_to_the_wheels(fleet: FleetUnderTest) -> None:
    first = run(fleet)
    password = fleet.paths.password.read_text()
    own, redis = programs()
    says_what_it_runs(fleet, f"PostgreSQL {server_programs.dotted(own.version)} of this machine ({own.path})")
    assert fleet.component("valkey").program == (
        f"Redis {server_programs.dotted(redis.version)} of this machine ({redis.path})"
    )
    assert fleet.airfleet("plan").stderr.strip().endswith("nothing would change")

    refused = fleet.airfleet("database", "upgrade")
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (
        1,
        "error: fleet 'shop' runs, and its database cannot be upgraded",
    )
    fleet.stop()
    fleet.write("fleet.yaml", WHEEL)
    unread = fleet.airfleet("up", "--detach")
    assert unread.returncode == 1
    assert f"were written by PostgreSQL {server_programs.dotted(own.version)}, and no program here" in unread.stderr
    major = own.version[0]
    assert f"hint: 'database: system {major}' goes on with them; 'airfleet database upgrade' brings" in unread.stderr

    upgraded = fleet.airfleet("database", "upgrade")
    assert upgraded.returncode == 0, upgraded.stderr
    fleet.start()
    (wheel, *_) = server_programs.programs(wheel_programs.postgres())
    says_what_it_runs(fleet, f"PostgreSQL {server_programs.dotted(wheel.version)} of the wheel ({wheel.path})")
    second = run(fleet)  # logs in as the user of before
    assert fleet.paths.password.read_text() == password
    assert {one["dag_run_id"] for one in fleet.api.get("dags", "hello", "dagRuns")["dag_runs"]} == {first, second}


def says_what_it_runs(fleet: FleetUnderTest, postgres: str) -> None:
    """Check that every command tells the program of the database."""
    assert fleet.component("postgres").program == postgres
    assert f"postgres is {postgres}" in fleet.airfleet("status").stderr
    assert postgres in fleet.airfleet("plan").stdout
    assert f"the agent runs {postgres}, Redis" in fleet.airfleet("doctor", "-o", "json").stdout
