"""The size of machine that a host is set up for."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.fleet import planner
from airfleet.fleet.config import reader
from airfleet.fleet.config.spec import Profile
from airfleet.fleet.planning import profiles
from airfleet.fleet.planning.context import Context, Embedded, Ports
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Exec, Plan, Sleep, Wake
from airfleet.fleet.planning.plan_record import settings
from airfleet.fleet.servers import secrets
from airfleet.task_process import pool
from airfleet.zygote import preload

SMALL_MACHINE, LARGE_MACHINE = 450 * 2**20, 8 * 2**30
FLOWER = ("127.0.0.1", 5555)


def planned(tmp_path: Path, text: str, memory_bytes: int | None, api_servers: tuple[int, ...] = (8080,)) -> Plan:
    fleet, problems = reader.read(text, "fleet.yaml", {}, tmp_path)
    assert fleet is not None, problems
    embedded = Embedded(Path("pg"), tmp_path / "pg", Path("valkey-server"), tmp_path / "valkey")
    ports = Ports(api_servers=api_servers, postgres=5432, broker=6379, flower=5555 if fleet.flower else None)
    paths = Paths(tmp_path / "home", tmp_path / "run")
    made = Context(fleet, paths, ports, secrets.generate(), embedded, memory_bytes=memory_bytes)
    return planner.plan(made)


def sleeps(plan: Plan, name: str) -> Sleep | None:
    return plan.component(name).sleep


@pytest.mark.parametrize(
    ("wanted", "memory_bytes", "profile", "is_worth_saying"),
    [
        (None, 2**30, "small", True),
        (None, 2**30 + 1, "standard", False),
        (None, None, "standard", False),
        ("standard", SMALL_MACHINE, "standard", True),
        ("small", LARGE_MACHINE, "small", True),
    ],
)
def test_the_file_decides_and_else_the_memory(
    wanted: Profile | None, memory_bytes: int | None, profile: str, is_worth_saying: bool
) -> None:
    chosen = profiles.choose(wanted, memory_bytes)
    assert (chosen.sizing.profile, chosen.is_worth_saying) == (profile, is_worth_saying)


def test_servers_of_a_small_machine_get_their_settings(tmp_path: Path) -> None:
    small, large = planned(tmp_path, "", SMALL_MACHINE), planned(tmp_path, "", LARGE_MACHINE)
    postgres, usual = small.component("postgres").start, large.component("postgres").start
    assert isinstance(postgres, Exec)
    assert isinstance(usual, Exec)
    assert "max_connections=40" in postgres.argv
    assert "max_connections=100" in usual.argv
    assert len({word.partition("=")[0] for word in postgres.argv}) == len(postgres.argv), "each setting once"
    valkey, other = small.component("valkey").start, large.component("valkey").start
    assert isinstance(valkey, Exec)
    assert isinstance(other, Exec)
    assert "maxmemory 32mb" in valkey.secret_input
    assert "maxmemory 32mb" not in other.secret_input
    assert settings(small.files)["dag_processor.parsing_processes"] == "1"


def test_workers_of_a_small_machine_keep_one_file_loaded(tmp_path: Path) -> None:
    environments = [planned(tmp_path, "", memory).environment for memory in (SMALL_MACHINE, LARGE_MACHINE)]
    assert [pool.limits(environ).zygotes for environ in environments] == [1, pool.Limits().zygotes]


@pytest.mark.parametrize(
    ("memory_bytes", "api_servers", "is_shared"),
    [(SMALL_MACHINE, (8080,), False), (SMALL_MACHINE, (8080, 8081), True), (LARGE_MACHINE, (8080,), True)],
)
def test_the_only_api_server_of_a_small_machine_has_an_application_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_bytes: int, api_servers: tuple[int, ...], is_shared: bool
) -> None:
    environment = planned(tmp_path, "", memory_bytes, api_servers).environment
    monkeypatch.setenv(preload.OWN_API, environment.get(preload.OWN_API, ""))
    assert preload.is_shared() is is_shared


def test_what_fleet_yaml_sets_wins_over_the_profile(tmp_path: Path) -> None:
    plan = planned(tmp_path, "airflow: {dag_processor: {parsing_processes: 3}}", SMALL_MACHINE)
    assert settings(plan.files)["dag_processor.parsing_processes"] == "3"


def test_components_sleep_unless_they_are_kept_awake(tmp_path: Path) -> None:
    plan = planned(tmp_path, "flower: true", LARGE_MACHINE)
    assert sleeps(plan, "triggerer") == Sleep(Wake.DEFERRED, 300.0)
    assert sleeps(plan, "dag-processor") == Sleep(Wake.CHANGED, 300.0)
    assert sleeps(plan, "flower") is None, "it would forget the tasks that it has seen"
    awake = "triggerer: {awake: true}\ndag_processor: {awake: true}\nflower: {awake: true}"
    kept = planned(tmp_path, awake, SMALL_MACHINE)
    assert [sleeps(kept, name) for name in ("triggerer", "dag-processor", "flower", "scheduler")] == [None] * 4


def test_on_a_small_machine_they_sleep_sooner_and_some_from_the_start(tmp_path: Path) -> None:
    plan = planned(tmp_path, "flower: true", SMALL_MACHINE)
    assert sleeps(plan, "triggerer") == Sleep(Wake.DEFERRED, 1.0, from_start=True)
    assert sleeps(plan, "dag-processor") == Sleep(Wake.CHANGED, 1.0)
    assert sleeps(plan, "flower") == Sleep(Wake.ASKED, 60.0, FLOWER, from_start=True)
