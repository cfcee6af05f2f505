"""The power of a host goes off: what ran there runs again elsewhere, and the rest of the fleet goes on.

Three agents on loopback, each with its own process tree (``airfleet up --hosts 3``). The host that dies has a scheduler
and a worker.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.agent.supervisor.reasons import Drained
from airfleet.cli.commands.fleet import status
from airfleet.drill import journal
from airfleet.drill.invariants import violations
from airfleet.drill.records import History, Injection, Note, NoteKind, RunKey, TaskKey
from airfleet.drill.waiting import wait_until
from airfleet.fleet.servers import secrets
from airfleet.releases import fetcher, publisher, registry, tree
from airfleet.releases.news import ReleaseState
from airfleet.releases.places import Places
from airfleet.releases.registry import About
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.testing.fleet import FleetUnderTest
from faultlab.measuring import state_audit
from faultlab.systems.hosts_under_test import HostsUnderTest
from support import works

#: from the death of a host to the start of what ran there
AGAIN_SECONDS = 30.0


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HostsUnderTest, Path]]:
    folder = tmp_path_factory.mktemp("witness")
    with HostsUnderTest.of(works.fleet_yaml("many", folder), 3, works.FILES) as fleet:
        fleet.start()
        fleet.wait_for_dag("works")
        yield fleet, folder


@pytest.fixture
def database(fleet: tuple[HostsUnderTest, Path]) -> Iterator[psycopg.Connection[Any]]:
    one, _ = fleet
    password = secrets.load_or_generate(one.paths.secrets).airflow_password
    url = f"postgresql://airflow:{password}@{one.component('postgres').address}/airflow"
    with psycopg.connect(url, autocommit=True) as connection:
        state_audit.install(connection)
        yield connection
        state_audit.remove(connection)


def start(fleet: HostsUnderTest, count: int, seconds: float) -> list[TaskKey]:
    runs = [fleet.trigger("works", {"seconds": seconds}) for _ in range(count)]
    return [TaskKey("works", run, "work") for run in runs]


def running_on(database: psycopg.Connection[Any]) -> dict[str, str]:
    """run -> the host that it runs on, as Airflow knows it."""
    return {run: hostname for run, hostname in database.execute(works.WHERE).fetchall() if hostname}


def wait_until_running(database: psycopg.Connection[Any], task: TaskKey) -> None:
    wait_until(lambda: task.run_id in running_on(database), 60, f"{task} runs")


def on_host(database: psycopg.Connection[Any], tasks: list[TaskKey], host: str) -> list[TaskKey]:
    placed = running_on(database)
    return [task for task in tasks if placed.get(task.run_id, "").startswith(f"{host}.")]


def starts(folder: Path, task: TaskKey) -> list[Note]:
    return [note for note in journal.read(folder) if note.task == task and note.event == NoteKind.START]


@pytest.mark.long
def test_each_host_fetches_a_release_to_places_of_its_own(
    fleet: tuple[HostsUnderTest, Path], database: psycopg.Connection[Any]
) -> None:
    one, _ = fleet
    read = tree.read(one.root)
    publisher.publish(read, DatabaseObjects(database), database, About("ada", "laptop"))
    release = read.manifest

    def ready() -> set[str]:
        reports = registry.host_states(database, release.digest)
        return {report.host for report in reports if report.state is ReleaseState.READY}

    wait_until(lambda: ready() == set(one.names), 30, "every host has the release")
    places = [Places(one.on(host).paths.releases) for host in one.names]
    assert len({place.tree(release.digest).stat().st_ino for place in places}) == 3
    assert [fetcher.verify(release, place) for place in places] == [(), (), ()]


def test_what_ran_on_a_host_that_is_gone_runs_again_elsewhere(
    fleet: tuple[HostsUnderTest, Path],
    database: psycopg.Connection[Any],
    record_property: Callable[[str, object], None],
) -> None:
    one, folder = fleet
    tasks: list[TaskKey] = []
    while not (there := on_host(database, tasks, "host-2")):
        assert len(tasks) < 8, "no worker of host-2 took one; the others have no room for what will be lost"
        tasks += start(one, 1, seconds=30)
        wait_until_running(database, tasks[-1])
    victim = there[0]
    (first,) = wait_until(lambda: starts(folder, victim), 30, "it says that it has started")

    began = time.monotonic()
    one.power_off("host-2")
    after = start(one, 1, seconds=0)[0]
    wait_until(lambda: len(starts(folder, victim)) == 2, AGAIN_SECONDS, "it runs again", pause_seconds=0.05)
    again = starts(folder, victim)[-1].at - began
    gone = one.wait_for_host("host-2", "gone", 5)
    wait_until(lambda: starts(folder, after), 60, "a task of later is started", pause_seconds=0.05)

    asked = {task.run: frozenset({task}) for task in (*tasks, after)}
    for run in asked:
        assert one.wait_for_run(run.dag_id, run.run_id, 120) == "success", told(one)
    assert broken(folder, database, asked, first) == (), told(one)
    assert [len(starts(folder, task)) for task in tasks] == [2 if task == victim else 1 for task in tasks]
    left = "SELECT DISTINCT max_tries - try_number FROM task_instance"
    assert database.execute(left).fetchall() == [(-1,)]  # as for a first try without retries
    assert gone.ended_by in ("host-1", "host-3")
    record_property("host gone, its task running again", round(again, 2))
    print(f"host gone, its task running again: {again:.2f} s")


def broken(
    folder: Path, database: psycopg.Connection[Any], asked: dict[RunKey, frozenset[TaskKey]], lost: Note
) -> tuple[object, ...]:
    history = History(
        notes=journal.read(folder),
        changes=state_audit.changes(database),
        asked=asked,
        states=state_audit.states(database),
        injections=(Injection("power off", 0.0, 0.0, attempts=frozenset({lost.attempt})),),
    )
    return violations(history)


@pytest.mark.long
def test_a_host_that_comes_back_is_another_one_and_can_be_drained(fleet: tuple[HostsUnderTest, Path]) -> None:
    one, _ = fleet
    one.power_off("host-2")  # it is, where the test before was run
    before = one.wait_for_host("host-2", "gone", 30).boot
    one.start_again("host-2")
    assert one.wait_for_host("host-2", "up", 10).boot != before

    assert one.airfleet("drain", "host-2").returncode == 0
    wait_until(lambda: stopped(one, "host-2") == str(Drained()), 60, "its worker has finished what it ran")
    result = one.airfleet("status", "-o", "json")
    assert result.returncode == 0, result.stderr
    found = {host["host"]: host for host in json.loads(result.stdout)["hosts"]}
    assert [found[name]["state"] for name in one.names] == ["up", "up", "up"]
    assert [found[name]["drained"] for name in one.names] == [False, True, False]
    assert one.airfleet("drain", "host-2", "--undo").returncode == 0
    wait_until(lambda: one.on("host-2").component("worker").state == "ready", 60, "its worker is back")


@pytest.mark.long
def test_a_host_that_goes_by_other_rules_does_not_join_and_one_with_other_pipelines_is_named(
    fleet: tuple[HostsUnderTest, Path],
) -> None:
    one, _ = fleet
    (one.root / "fleet.odd.yaml").write_text("policies: {on_worker_lost: fail}\n")
    (one.root / "fleet.elsewhere.yaml").write_text("pipelines: elsewhere\n")
    shutil.copytree(one.root / "pipelines", one.root / "elsewhere")
    (one.root / "elsewhere" / "fresh.yaml").write_text("tasks: []\n")
    for words in (("drain", "host-3"), ("down", "--host", "host-3")):  # as docs/how-to/operate.md has it
        result = one.airfleet(*words)
        assert result.returncode == 0, result.stderr

    odd = one.on("host-3").with_environment(AIRFLEET_ENV="odd").airfleet("up", "--detach")
    assert odd.returncode == 1, odd.stdout
    why = "host 'host-3' does not join: it goes by other rules than 'host-1': on_worker_lost fail, there rerun"
    assert f"error: {why}\nhint: make it the same on all hosts" in odd.stderr
    assert not one.on("host-3").pids()
    assert why in headline(one)

    one.on("host-3").with_environment(AIRFLEET_ENV="elsewhere").start()
    differs = [
        "host 'host-3' has another fleet.yaml than 'host-1': pipelines",
        "host 'host-3' has other pipelines than 'host-1' (1 file differs: fresh.yaml is there alone)",
    ]
    wait_until(lambda: set(differs) <= set(headline(one)), 30, "the difference is told")
    assert one.airfleet("status").returncode == 4
    assert set(differs) <= set(headline(one.on("host-3")))
    (one.root / "elsewhere" / "fresh.yaml").unlink()
    wait_until(lambda: differs[1] not in headline(one), 30, "the pipelines are the same again")
    assert stopped(one, "host-3") == str(Drained())
    assert one.airfleet("drain", "host-3", "--undo").returncode == 0
    wait_until(lambda: one.on("host-3").component("worker").state == "ready", 60, "its worker is back")


def headline(fleet: FleetUnderTest) -> list[str]:
    """What 'airfleet status' says below its table."""
    return status.headline(fleet.snapshot()).splitlines()


def stopped(fleet: HostsUnderTest, host: str) -> str:
    worker = fleet.on(host).component("worker")
    return worker.reason if worker.state == "stopped" else ""


def told(fleet: HostsUnderTest) -> str:
    logs = [fleet.log_of(host, name) for host in fleet.names for name in ("agent", "scheduler", "worker")]
    return "\n".join(f"--- {log}\n{_last(log)}" for log in logs)


def _last(log: Path, lines: int = 30) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
