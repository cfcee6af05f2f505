"""A host is cut off, alive: it ends what it runs, the others run it again, and nothing runs twice at a time. With the
policy *keep* its tasks stay its own, for however long nothing is heard of them.

Three hosts in network namespaces on a bridge (``airfleet up --hosts 3 --netns``), which needs root's rights. The host
that is cut off has nothing but workers; the others, with the database and the schedulers, are the majority.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from airfleet.drill import journal
from airfleet.drill.invariants import violations
from airfleet.drill.records import History, Injection, Note, NoteKind, RunKey, TaskKey
from airfleet.drill.waiting import wait_until
from airfleet.fleet.servers import secrets
from airfleet.metadata import api_availability
from airfleet.system import procfs
from faultlab.measuring import state_audit
from faultlab.systems.hosts_under_test import HostsUnderTest
from support import works

CUT = "host-3"

#: seconds without a heartbeat after which Airflow calls an attempt failed; its default is five minutes
TIMEOUT_SECONDS = 20
KEEP = f"""\
policies: {{on_partition: keep}}
airflow:
  scheduler:
    task_instance_heartbeat_timeout: {TIMEOUT_SECONDS}
    task_instance_heartbeat_timeout_detection_interval: 2
"""

pytestmark = [pytest.mark.needs("root", "ip"), pytest.mark.long]


@pytest.fixture
def fleet(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[HostsUnderTest]:
    text = works.fleet_yaml("apart", tmp_path) + getattr(request, "param", "")
    with HostsUnderTest.of(text, 3, works.FILES, netns=True) as fleet:
        fleet.start()
        fleet.wait_for_dag("works")
        yield fleet


@pytest.fixture
def database(fleet: HostsUnderTest) -> Iterator[psycopg.Connection[Any]]:
    kept = secrets.load_or_generate(fleet.paths.secrets)
    port = fleet.component("postgres").address.rpartition(":")[2]
    url = f"postgresql://airflow:{kept.airflow_password}@{fleet.network.prefix}.1:{port}/airflow"
    with psycopg.connect(url, autocommit=True) as connection:
        state_audit.install(connection)
        yield connection


def on(database: psycopg.Connection[Any], host: str) -> list[str]:
    found = database.execute(works.WHERE).fetchall()
    return [run for run, hostname in found if hostname.startswith(f"{host}.")]


def starts(folder: Path, run: str) -> list[Note]:
    return [note for note in journal.read(folder) if note.task.run_id == run and note.event == NoteKind.START]


def test_a_minority_ends_what_it_runs_before_the_majority_runs_it_again(
    fleet: HostsUnderTest, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    runs: list[str] = []
    while not (victims := on(database, CUT)):
        assert len(runs) < 8, f"no worker of {CUT} took one; the others have no room for what will be lost"
        runs.append(fleet.trigger("works", {"seconds": 40}))
        wait_until(lambda: len(starts(tmp_path, runs[-1])) == 1, 60, "it has started")
    firsts = {run: starts(tmp_path, run)[0] for run in victims}
    boot = fleet.host(CUT).boot
    cut_at = time.monotonic()
    fleet.cut(CUT)
    try:
        wait_until(lambda: not any(procfs.is_alive(note.pid) for note in firsts.values()), 20, "they were ended")
        ended = time.monotonic() - cut_at
        gone = fleet.wait_for_host(CUT, "gone", 30)
        wait_until(lambda: all(len(starts(tmp_path, run)) == 2 for run in victims), 60, "they run again")
        again = time.monotonic() - cut_at
    finally:
        fleet.mend(CUT)
    back = fleet.wait_for_host(CUT, "up", 60)
    assert back.boot != boot
    for run in runs:
        assert fleet.wait_for_run("works", run, 240) == "success"
    assert gone.ended_by in ("host-1", "host-2")
    # Others begin 15 s after its last renewal, which may have been 2 s before the cut.
    assert ended < 15
    assert ended < again
    assert again > 12
    asked = {RunKey("works", run): frozenset({TaskKey("works", run, "work")}) for run in runs}
    lost = frozenset(note.attempt for note in firsts.values())
    history = History(
        notes=journal.read(tmp_path),
        changes=state_audit.changes(database),
        asked=asked,
        states=state_audit.states(database),
        injections=(Injection("cut off", 0.0, 0.0, attempts=lost),),
    )
    assert violations(history) == ()
    network = fleet.network
    fleet.stop()
    assert not Path("/sys/class/net", network.bridge).exists()
    assert not list(Path("/run/netns").glob(f"{network.namespace(0)[:-1]}*"))
    print(f"cut off: its tasks ended after {ended:.1f} s, and ran again after {again:.1f} s")


@pytest.mark.parametrize("fleet", [KEEP], indirect=True, ids=["keep"])
def test_what_a_host_keeps_is_not_given_up_for_being_silent(
    fleet: HostsUnderTest, database: psycopg.Connection[Any], tmp_path: Path
) -> None:
    runs: list[str] = []
    while not (victims := on(database, CUT)) or len(victims) == len(runs):
        assert len(runs) < 8, f"there are none on {CUT}, or none elsewhere that are heard meanwhile"
        runs.append(fleet.trigger("works", {"seconds": 120}))
        wait_until(lambda: len(starts(tmp_path, runs[-1])) == 1, 60, "it has started")
    time.sleep(TIMEOUT_SECONDS)  # so long have heartbeats been heard without a gap when the silence begins
    fleet.cut(CUT)
    try:
        wait_until(lambda: oldest(database) > 2 * TIMEOUT_SECONDS, 90, "Airflow would have given them up long ago")
        assert set(on(database, CUT)) == set(victims)
    finally:
        fleet.mend(CUT)
    for run in runs:
        assert fleet.wait_for_run("works", run, 240) == "success"
        assert len(starts(tmp_path, run)) == 1
    tried = database.execute("SELECT DISTINCT try_number, max_tries FROM task_instance").fetchall()
    assert tried == [(1, 0)]
    assert "Failing" not in fleet.log_of("host-1", "scheduler").read_text()


def oldest(database: psycopg.Connection[Any]) -> float:
    """For how many seconds nothing was heard of an attempt, while something is heard of others."""
    row = database.execute(
        "SELECT extract(epoch FROM now() - min(last_heartbeat_at))::float, extract(epoch FROM now() - max(beat))::float"
        " FROM task_instance, airfleet_api WHERE state = 'running'"
    ).fetchone()
    assert row is not None
    silent, heard = row
    assert heard < api_availability.GAP_SECONDS
    return float(silent or 0.0)
