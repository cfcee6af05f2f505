"""A component that stands still, alive: its agent ends it and starts another, when nothing else is to blame."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from airfleet.fleet.plan import Component, JobBeats
from airfleet.testing import processes
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.servers import Servers
from airfleet.testing.waiting import wait_until
from support.toy_agent import program, toy

#: a component that says which row is its own, and then nothing more
WRITES_DOWN = 'echo "{{\\"pid\\": $$, \\"job\\": {job}}}" > {file}; while :; do sleep 0.05; done'
#: from the moment that a real one is stopped: its heartbeat gets too old, and it gets its time
REPLACED_SECONDS = 110.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Servers(tmp_path_factory.mktemp("silent")) as servers:
        made = servers.database("silent")
        with psycopg.connect(made, autocommit=True) as db:
            columns = "id int, job_type text, state text, latest_heartbeat timestamptz, end_date timestamptz"
            db.execute(f"CREATE TABLE job ({columns})".encode())
            db.execute("CREATE TABLE task_instance (id uuid, pid int, hostname text, state text)")
            one = "INSERT INTO job VALUES (%s, 'SchedulerJob', 'running', now() + interval '1 hour')"
            for number in (1, 2):
                db.execute(one, (number,))
        yield made


def scheduler(folder: Path, name: str, job: int) -> Component:
    file = folder / f"{name}.job"
    probe = JobBeats("SchedulerJob", late_seconds=3.0, file=str(file))
    return program(name, WRITES_DOWN.format(job=job, file=file), "scheduler", probe=probe, silent_seconds=0.0)


@pytest.mark.parametrize("state", ["running", "failed"])
def test_of_two_schedulers_of_a_host_the_one_that_stands_still_is_started_again(
    url: str, tmp_path: Path, state: str
) -> None:
    """Also when the other one, which took its tasks over, has called it failed meanwhile."""
    both = (scheduler(tmp_path, "scheduler", 1), scheduler(tmp_path, "scheduler-2", 2))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("UPDATE job SET state = 'running', latest_heartbeat = now() + interval '4 s' WHERE id = 1")
    with toy(*both, database_url=url) as running:
        running.wait(lambda now: now.healthy, "both are ready")
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("UPDATE job SET state = %s WHERE id = 1", (state,))
        other = running.component("scheduler-2").pid
        running.wait(lambda now: now.components[0].restarts > 0, "the first one was ended")
        died = next(line for line in running.log() if line.startswith("scheduler did nothing"))
        assert "its last heartbeat is" in died
        assert running.component("scheduler-2").pid == other
        assert running.component("scheduler-2").restarts == 0


@pytest.mark.long
def test_every_part_of_a_real_fleet_that_stands_still_is_replaced_and_work_goes_on() -> None:
    pipeline = "dag_id: hello\nstart_date: 2026-01-01\ntasks: [{id: say, uses: bash, with: {bash_command: 'true'}}]\n"
    names = ("api-server", "scheduler", "dag-processor", "triggerer")
    with FleetUnderTest.make("name: frozen\n", {"pipelines/hello.yaml": pipeline}) as fleet:
        fleet.start()
        fleet.wait_for_dag("hello")
        pids = {name: fleet.component(name).pid or 0 for name in names}
        for pid in pids.values():
            for one in processes.tree(pid):
                os.kill(one, signal.SIGSTOP)
        for name, pid in pids.items():
            replaced = fleet.wait_until_replaced(name, pid, REPLACED_SECONDS)
            assert replaced.restarts == 1
        wait_until(lambda: fleet.snapshot().healthy, 60, "all is well again")
        run = fleet.trigger("hello")
        assert fleet.wait_for_run("hello", run) == "success"
