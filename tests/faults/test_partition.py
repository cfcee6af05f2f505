"""A host is cut off, alive: it ends what it runs, the others run it again, and nothing runs twice at a time.

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

from airfleet.fleet import secrets
from airfleet.testing import audit, processes, witness
from airfleet.testing.history import Event, Fault, History, Note, Run, Task
from airfleet.testing.hosts import HostsUnderTest
from airfleet.testing.invariants import violations
from airfleet.testing.waiting import wait_until
from support import works

CUT = "host-3"

pytestmark = pytest.mark.long


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[HostsUnderTest]:
    text = works.fleet_yaml("apart", tmp_path)
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
        audit.install(connection)
        yield connection


def on(database: psycopg.Connection[Any], host: str) -> list[str]:
    found = database.execute(works.WHERE).fetchall()
    return [run for run, hostname in found if hostname.startswith(f"{host}.")]


def starts(folder: Path, run: str) -> list[Note]:
    return [note for note in witness.read(folder) if note.task.run_id == run and note.event == Event.START]


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
        wait_until(lambda: not any(processes.is_alive(note.pid) for note in firsts.values()), 20, "they were ended")
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
    assert ended < 15 < again
    asked = {Run("works", run): frozenset({Task("works", run, "work")}) for run in runs}
    lost = frozenset(note.attempt for note in firsts.values())
    history = History(
        notes=witness.read(tmp_path),
        changes=audit.changes(database),
        asked=asked,
        states=audit.states(database),
        faults=(Fault("cut off", 0.0, 0.0, attempts=lost),),
    )
    assert violations(history) == ()
    network = fleet.network
    fleet.stop()
    assert not Path("/sys/class/net", network.bridge).exists()
    assert not list(Path("/run/netns").glob(f"{network.namespace(0)[:-1]}*"))
    print(f"cut off: its tasks ended after {ended:.1f} s, and ran again after {again:.1f} s")
