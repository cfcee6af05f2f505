"""Facts of hosts become whole sentences, all of them at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent.servers.server_programs import Program
from airfleet.deploy import problems
from airfleet.deploy.facts import Facts
from airfleet.deploy.needs import Needs, Server
from support.fleet_files import read

FLEET = """\
name: shop
database: postgresql://airflow@pg.internal/airflow
broker: redis://queue.internal
policies: {on_partition: keep}
hosts:
  - {name: control, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true}
  - {name: work, address: 10.0.0.2, workers: [{slots: 2}]}
"""
ONE = """\
name: shop
hosts:
  - {name: one, address: 10.0.0.1, scheduler: true, api_server: true, dag_processor: true, workers: [{}]}
"""
WELL = Facts(
    folder="/srv/shop",
    user="shop",
    uid=1000,
    machine="x86_64",
    glibc="2.36",
    memory_bytes=8 * 2**30,
    disk_bytes=20 * 2**30,
    pythons={"3.12": "/usr/bin/python3.12"},
)
NEEDS = Needs("x86_64", "", "3.12", (Server("database", "pg.internal", 5432), Server("broker", "queue.internal", 6379)))


def found(text: str, needs: Needs = NEEDS, **facts: Facts) -> list[str]:
    return list(problems.find(read(text), {name.replace("_", "-"): one for name, one in facts.items()}, needs, {}))


def test_hosts_that_are_well_have_no_problem() -> None:
    assert found(FLEET, control=WELL, work=WELL) == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"system": "Darwin"}, "runs Darwin; a fleet needs Linux"),
        ({"glibc": ""}, "has no glibc: the locked wheels are for it alone (Debian, Ubuntu, RHEL and the like)"),
        ({"glibc": "2.17"}, "has glibc 2.17; the locked wheels need 2.28 or newer"),
        ({"lacks": ("tar",)}, "has no program 'tar'"),
        (
            {"has_systemd": True},
            "ends services of 'shop' when that user logs out: 'sudo loginctl enable-linger shop' there keeps them",
        ),
        (
            {"machine": "aarch64"},
            "is a machine of aarch64, and the uv that runs here is for x86_64: install uv there",
        ),
        ({"disk_bytes": 300 * 2**20}, "has 300MB free at /srv/shop, and 1500MB are needed"),
        ({"memory_bytes": 480 * 2**20}, "has 480MB of memory, and a fleet needs 500MB at the least"),
        (
            {"is_writable": False},
            "lets user 'shop' not write to /srv/shop: 'deploy: {folder: …}' names another folder",
        ),
        (
            {"is_writable": False, "sudo_makes_folder": True, "owner": "root"},
            "has /srv/shop, which belongs to 'root' and is not empty: 'deploy: {folder: …}' names another folder",
        ),
        (
            {"clock_ahead": 61.2},
            "has a clock 61 s ahead of this machine's: chrony or another NTP client sets it",
        ),
        ({"clock_ahead": -7.0}, "has a clock 7 s behind this machine's: chrony or another NTP client sets it"),
        ({"misses": frozenset({("pg.internal", 5432)})}, "does not reach the database at pg.internal:5432"),
        ({"misses": frozenset({("queue.internal", 6379)})}, "does not reach the broker at queue.internal:6379"),
        (
            {"listens": frozenset({("0.0.0.0", 8080)})},
            "has another program at port 8080 of 10.0.0.1, which the api-server needs",
        ),
    ],
)
def test_a_problem_is_a_sentence_with_the_name_of_the_host(wrong: dict[str, object], sentence: str) -> None:
    assert found(FLEET, control=replace(WELL, **wrong), work=WELL) == [f"host 'control' {sentence}"]  # type: ignore[arg-type]


def test_problems_of_all_hosts_are_said_at_once() -> None:
    said = found(FLEET, control=replace(WELL, glibc="2.17", disk_bytes=0), work=replace(WELL, lacks=("bash",)))
    assert [line.split(" ", 2)[1] for line in said] == ["'control'", "'control'", "'work'"]


def test_a_port_at_another_address_and_one_of_the_fleet_itself_are_free() -> None:
    elsewhere = replace(WELL, listens=frozenset({("127.0.0.1", 8080)}))
    own = replace(WELL, listens=frozenset({("10.0.0.1", 8080)}), state="ready", own_ports=frozenset({8080}))
    assert found(FLEET, control=elsewhere, work=WELL) == []
    assert found(FLEET, control=own, work=WELL) == []


def test_an_environment_that_is_there_needs_no_room_and_no_python() -> None:
    small = replace(WELL, disk_bytes=200 * 2**20, machine="aarch64", environments=frozenset({"env"}))
    assert list(problems.find(read(FLEET), {"control": small}, NEEDS, {"control": "env"})) == []


def test_tasks_of_another_user_need_a_folder_that_they_can_enter() -> None:
    closed = replace(WELL, uid=0, closed="/root")
    said = "host 'one' lets only root into /root, and tasks run as 'nobody': 'deploy: {folder: …}' names another folder"
    assert found(f"{ONE}task_user: nobody\n", one=closed) == [said]
    assert found(ONE, one=closed) == []


def test_wheels_that_travel_along_need_their_python_and_machine() -> None:
    vendors = replace(NEEDS, vendors=True)
    assert found(FLEET, vendors, control=replace(WELL, pythons={}), work=WELL) == [
        "host 'control' has no Python 3.12, for which --vendor brings wheels"
    ]
    assert found(FLEET, replace(vendors, python="3.11"), work=WELL) == [
        "host 'work' has no Python 3.11, which fleet.yaml asks for, and --vendor brings none"
    ]


@pytest.mark.parametrize(
    ("there", "needs", "chosen"),
    [
        ((), NEEDS, "3.12"),
        (("3.11", "3.12", "3.13"), NEEDS, "3.12"),
        (("3.11", "3.13"), NEEDS, "3.13"),
        (("3.11", "3.13"), replace(NEEDS, python="3.11"), "3.11"),
        (("3.9",), NEEDS, "3.12"),
    ],
)
def test_the_python_is_the_one_here_or_the_newest_there(there: tuple[str, ...], needs: Needs, chosen: str) -> None:
    facts = replace(WELL, pythons=dict.fromkeys(there, "python"))
    assert problems.python_for(facts, needs) == chosen


POSTGRES = Program(Path("/usr/lib/postgresql/15/bin/postgres"), "postgres", (15, 18))
REDIS = Program(Path("/usr/bin/redis-server"), "redis", (7, 0, 15))


@pytest.mark.parametrize(
    ("database", "broker", "servers", "sentences"),
    [
        ("system", "system", (POSTGRES, REDIS), []),
        ("system 15", "system redis", (POSTGRES, REDIS), []),
        ("system /usr/lib/postgresql/15", "system /usr/bin/redis-server", (POSTGRES, REDIS), []),
        ("embedded", "embedded", (), []),
        ("system", "embedded", (REDIS,), ["has no program for 'database: system': install PostgreSQL 14 there"]),
        (
            "system 17", "embedded", (POSTGRES,),
            ["has no program for 'database: system 17': install PostgreSQL 17 there"],
        ),
        ("embedded", "system valkey", (REDIS,), ["has no program for 'broker: system valkey': install valkey there"]),
        (
            "embedded", "system", (POSTGRES, replace(REDIS, version=(6, 0, 16))),
            ["has no program for 'broker: system': install redis or valkey there"],
        ),
    ],
)  # fmt: skip
def test_a_server_of_the_machine_has_to_be_there(
    database: str, broker: str, servers: tuple[Program, ...], sentences: list[str]
) -> None:
    text = f"database: {database}\nbroker: {broker}\n{ONE}"
    assert found(text, Needs("x86_64", "", "3.12"), one=replace(WELL, servers=servers)) == [
        f"host 'one' {sentence}" for sentence in sentences
    ]


def test_what_sudo_does_without_a_password_is_no_problem() -> None:
    unable = replace(WELL, has_systemd=True, is_writable=False)
    assert len(found(FLEET, control=unable)) == 2
    folder, linger = replace(unable, sudo_makes_folder=True), replace(unable, sudo_lingers=True)
    assert ["logs out" in sentence for sentence in found(FLEET, control=folder)] == [True]
    assert ["not write" in sentence for sentence in found(FLEET, control=linger)] == [True]
    assert found(FLEET, control=replace(folder, sudo_lingers=True)) == []


def test_a_port_that_only_root_opens_is_named_for_others() -> None:
    text = FLEET + "proxy: {on: control, name: shop.example.com}\n"
    assert found(text, control=WELL) == [
        "host 'control' lets user 'shop' not open port 80, which the proxy needs: take a port from 1024 on, or "
        "'sysctl net.ipv4.ip_unprivileged_port_start=80' there"
    ]
    assert found(text, control=replace(WELL, lowest_port=80)) == []
    assert found(text, control=replace(WELL, uid=0)) == []


def test_tasks_of_another_user_need_root() -> None:
    text = FLEET + "task_user: nobody\n"
    assert "host 'work' is logged in to as 'shop', and 'task_user' needs root: 'deploy: {user: root}'" in found(
        text, control=WELL, work=WELL
    )
    assert found(text, control=replace(WELL, uid=0)) == []
