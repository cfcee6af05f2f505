"""A component that stands still, alive: its agent ends it and starts another, when nothing else is to blame."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psycopg
import pytest

from airfleet.agent.supervisor.health_policy import FORK_TIMEOUT_SECONDS
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.plan import Component, Exec, Fork, JobBeats
from airfleet.system import procfs
from airfleet.testing.fleet import FleetUnderTest
from support.databases import NewDatabase
from support.toy_agent import program, toy

#: a component that says which row is its own, and then nothing more
WRITES_DOWN = 'echo "{{\\"pid\\": $$, \\"job\\": {job}}}" > {file}; while :; do sleep 0.05; done'
#: from the moment that a real one is stopped: its heartbeat gets too old, and it gets its time
REPLACED_SECONDS = 110.0


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    made = new_database("silent")
    with psycopg.connect(made, autocommit=True) as db:
        columns = "id int, job_type text, state text, latest_heartbeat timestamptz, end_date timestamptz"
        db.execute(f"CREATE TABLE job ({columns})".encode())
        db.execute("CREATE TABLE task_instance (id uuid, pid int, hostname text, state text)")
        one = "INSERT INTO job VALUES (%s, 'SchedulerJob', 'running', now() + interval '1 hour')"
        for number in (1, 2):
            db.execute(one, (number,))
    return made


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


# --- the zygote --------------------------------------------------------------------------------------------------

#: a real zygote's conversation and forks, of components that need nothing; {extra} may bend it
ZYGOTE = """
import os, signal, socket, time
from airfleet.zygote import component_settings, entrypoints as entries, main as zygote

def stay(options):
    with open({ledger!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    while True:
        time.sleep(60)

def step(options):
    with open({ledger!r}, "a") as file:
        file.write("done\\n")

component_settings.apply = lambda settings: None
entries.ENTRIES = {{"stay": stay, "step": step}}
{extra}
connection = socket.socket(fileno=int(os.environ[zygote.ZYGOTE_DESCRIPTOR]))
orders = zygote.ForkOrders(connection)
zygote._say(connection, said="ready")
while zygote._obey_next(connection, orders):
    pass
"""
#: the first zygote dies before it tells of a fork; or when it has, and before it lets that begin
DIES = """
say = zygote._say
def dies(connection, **message):
    dies_now = message["said"] == "forked" and not os.path.exists({died!r})
    if dies_now and {first!r} == "dies":
        die()
    say(connection, **message)
    if dies_now:
        die()
def die():
    open({died!r}, "w").close()
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
zygote._say = dies
"""


def with_zygote(ledger: Path, extra: str = "") -> tuple[Component, ...]:
    script = ZYGOTE.format(ledger=str(ledger), extra=extra)
    forked = Component("scheduler", "scheduler", Fork("stay"), needs=("zygote",))
    return (Component("zygote", "zygote", Exec((sys.executable, "-c", script))), forked)


@pytest.mark.long
def test_a_zygote_that_stands_still_is_replaced_when_it_is_needed(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    with toy(*with_zygote(ledger)) as running:
        running.wait(lambda now: now.healthy, "both are ready")
        zygote, scheduler = (running.component(name).pid or 0 for name in ("zygote", "scheduler"))
        os.kill(zygote, signal.SIGSTOP)
        os.kill(scheduler, signal.SIGKILL)
        wait_until(lambda: not procfs.is_alive(zygote), FORK_TIMEOUT_SECONDS + 10, "it was ended")
        running.wait(lambda now: now.healthy and now.components[1].pid != scheduler, "another one forked the other")
        (why,) = (line for line in running.log() if line.startswith("zygote did nothing for"))
        assert "it was told to fork scheduler" in why
        wait_until(lambda: len(ledger.read_text().split()) == 2, 10, "it has begun")


def test_a_zygote_that_dies_before_it_says_what_it_forked_leaves_nothing_that_runs(tmp_path: Path) -> None:
    ledger, died = tmp_path / "ledger", tmp_path / "died"
    with toy(*with_zygote(ledger, DIES.format(died=str(died), first="dies"))) as running:
        running.wait(lambda now: now.healthy and now.components[0].restarts == 1, "another one forked it")
        assert died.exists()
        wait_until(ledger.exists, 10, "it runs")
        assert ledger.read_text().split() == [str(running.component("scheduler").pid)]


def test_a_step_whose_zygote_dies_before_it_lets_it_begin_is_not_held_to_be_done(tmp_path: Path) -> None:
    ledger, died = tmp_path / "ledger", tmp_path / "died"
    zygote, _ = with_zygote(ledger, DIES.format(died=str(died), first="tells"))
    step = Component("migrate", "migrate", Fork("step"), needs=("zygote",), once=True)
    with toy(zygote, step) as running:
        running.wait(lambda now: now.healthy and now.components[0].restarts == 1, "another one forked it")
        assert died.exists()
        running.wait(lambda now: now.components[1].state == "done", "the step is done")
        assert ledger.read_text() == "done\n"


@pytest.mark.long
def test_every_part_of_a_real_fleet_that_stands_still_is_replaced_and_work_goes_on() -> None:
    pipeline = "dag_id: hello\nstart_date: 2026-01-01\ntasks: [{id: say, uses: bash, with: {bash_command: 'true'}}]\n"
    names = ("api-server", "scheduler", "dag-processor", "triggerer")
    with FleetUnderTest.make("name: frozen\n", {"pipelines/hello.yaml": pipeline}) as fleet:
        fleet.start()
        fleet.wait_for_dag("hello")
        pids = {name: fleet.component(name).pid or 0 for name in names}
        for pid in pids.values():
            for one in procfs.tree(pid):
                os.kill(one, signal.SIGSTOP)
        for name, pid in pids.items():
            replaced = fleet.wait_until_replaced(name, pid, REPLACED_SECONDS)
            assert replaced.restarts == 1
        wait_until(lambda: fleet.snapshot().healthy, 60, "all is well again")
        run = fleet.trigger("hello")
        assert fleet.wait_for_run("hello", run) == "success"
