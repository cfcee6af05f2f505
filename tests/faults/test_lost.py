"""Schedulers, workers, attempts and triggerers die without a warning; no task is lost, started twice, or pays for it.

Two witnesses: what tasks wrote down themselves (:mod:`airfleet.drill.journal`), and what the database committed
(:mod:`faultlab.measuring.state_audit`); what must hold of both is in :mod:`airfleet.drill.invariants`.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from airfleet.agent.recovery.attempt_processes import ATTEMPT, MONITOR
from airfleet.drill import journal
from airfleet.drill.invariants import violations
from airfleet.drill.records import History, Injection, Note, NoteKind, RunKey, TaskKey
from airfleet.drill.waiting import wait_until
from airfleet.fleet.servers import secrets
from airfleet.scheduler.orphan_recovery import MOST_RERUNS
from airfleet.system import procfs
from airfleet.testing.fleet import FleetUnderTest
from faultlab.measuring import state_audit

FLEET = """\
name: losing
scheduler: 2
workers: [{{name: worker, slots: 2}}]
env: {{WITNESS_FOLDER: "{folder}"}}
"""
DAGS = """\
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, DeadlineAlert, DeadlineReference, SyncCallback
from datetime import timedelta

from airfleet.drill import journal as witness
from airfleet.drill.records import NoteKind
from too_late import tell

COMMON = {"schedule": None, "max_active_runs": 100, "is_paused_upon_creation": False}


def work(*, ti, dag_run):
    witness.work(float(dag_run.conf["seconds"]), beat_seconds=0.25, ti=ti)


class Waits(BaseOperator):
    def execute(self, context):
        witness.write(NoteKind.START, context["ti"])
        seconds = float(context["dag_run"].conf["seconds"])
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=seconds)), method_name="resume")

    def resume(self, context, event=None):
        witness.write(NoteKind.END, context["ti"])


with DAG("works", **COMMON):
    PythonOperator(task_id="work", python_callable=work)

with DAG("waits", **COMMON):
    Waits(task_id="work")

LATE = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(seconds=1), SyncCallback(tell))
with DAG("late", deadline=LATE, **COMMON):
    PythonOperator(task_id="work", python_callable=work)
"""
#: a callback that says when it begins and when it ends
CALLBACK = """\
import os
import time


def tell(**_):
    path = os.environ["WITNESS_FOLDER"] + ".told"
    for word in ("begins", "ends"):
        with open(path, "a") as file:
            file.write(f"{os.getpid()} {word}\\n")
        time.sleep(5)
"""
FILES = {"pipelines/losing.py": DAGS, "pipelines/too_late.py": CALLBACK}
#: what a worker says of its broker, and of a message
CONNECTED, TAKEN = "Connected to redis", "] received"
#: longest times, seconds; some reserve for a machine that does other things meanwhile
WATCHED, AGAIN, SENT, TRIGGERED = 15.0, 15.0, 30.0, 15.0


@dataclass
class Losing:
    """The fleet, and the two witnesses of one test."""

    fleet: FleetUnderTest
    database: psycopg.Connection[Any]
    folder: Path
    asked: dict[RunKey, frozenset[TaskKey]] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)

    def start(self, count: int, seconds: float, dag_id: str = "works") -> list[TaskKey]:
        """Ask for runs of a task that lasts some seconds."""
        tasks = []
        for _ in range(count):
            run = RunKey(dag_id, self.fleet.trigger(dag_id, {"seconds": seconds}))
            tasks.append(TaskKey(run.dag_id, run.run_id, "work"))
            self.asked[run] = frozenset(tasks[-1:])
        return tasks

    def notes(self, task: TaskKey, event: NoteKind = NoteKind.START) -> list[Note]:
        """What a task wrote down."""
        return [note for note in journal.read(self.folder) if note.task == task and note.event == event]

    def wait_for_start(self, task: TaskKey, times: int = 1, seconds: float = 30.0) -> Note:
        """Its latest start, when it has started so often."""
        wait_until(lambda: len(self.notes(task)) >= times, seconds, f"{task} starts ({times})", pause_seconds=0.05)
        return self.notes(task)[-1]

    def states(self) -> dict[str, int]:
        """How many task instances are in which state."""
        rows = self.database.execute("SELECT state, count(*) FROM task_instance GROUP BY state").fetchall()
        return {str(state): count for state, count in rows}

    def wait_for(self, condition: Callable[[dict[str, int]], bool], what: str) -> None:
        """Wait for a condition on :meth:`states`."""
        wait_until(lambda: condition(self.states()), 30, what, pause_seconds=0.05)

    def nobody_watches(self) -> int:
        """How many attempts have no living scheduler that looks after them."""
        row = self.database.execute(
            "SELECT count(*) FROM task_instance ti LEFT JOIN job ON job.id = ti.queued_by_job_id"
            " WHERE ti.state IN ('queued', 'running') AND job.state IS DISTINCT FROM 'running'"
        ).fetchone()
        return int(row[0]) if row else 0

    def wait_for_the_end(self, *lost: Note, seconds: float = 60.0) -> None:
        """All runs end well, and nothing that must hold was violated, but for the attempts that were lost."""
        for run in self.asked:
            assert self.fleet.wait_for_run(run.dag_id, run.run_id, seconds) == "success", self.told()
        history = History(
            notes=journal.read(self.folder),
            changes=state_audit.changes(self.database),
            asked=self.asked,
            states=state_audit.states(self.database),
            injections=(Injection("lost", 0.0, 0.0, attempts=frozenset(note.attempt for note in lost)),),
        )
        assert violations(history) == (), self.told()

    def said(self, what: str) -> bool:
        """Whether a scheduler has said this."""
        logs = [self.fleet.paths.log(name) for name in ("scheduler", "scheduler-2")]
        return any(what in log.read_text(errors="replace") for log in logs)

    def told(self) -> str:
        """What the fleet's components said about it, for people."""
        names = ("agent", "scheduler", "scheduler-2", "worker")
        return "\n".join(f"--- {name}\n{_last(self.fleet.paths.log(name))}" for name in names)


def _last(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FleetUnderTest, Path]]:
    folder = tmp_path_factory.mktemp("witness")
    with FleetUnderTest.make(FLEET.format(folder=folder), FILES) as fleet:
        fleet.start()
        fleet.wait_for_dag("waits")
        fleet.wait_for_dag("works")
        yield fleet, folder


@pytest.fixture
def losing(fleet: tuple[FleetUnderTest, Path], record_property: Callable[[str, object], None]) -> Iterator[Losing]:
    one, folder = fleet
    wait_until(lambda: one.snapshot().healthy, 60, "the fleet is healthy")
    for path in folder.iterdir():
        path.unlink()
    password = secrets.load_or_generate(one.paths.secrets).airflow_password
    url = f"postgresql://airflow:{password}@{one.component('postgres').address}/airflow"
    with psycopg.connect(url, autocommit=True) as database:
        state_audit.install(database)
        made = Losing(one, database, folder)
        yield made
        state_audit.remove(database)
    for what, seconds in made.measured.items():
        record_property(what, round(seconds, 2))
        print(f"{what}: {seconds:.2f} s")


def process_of(beginning: str, attempt: str) -> int:
    """The process whose title names an attempt."""
    found = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return next(pid for pid in found if attempt.startswith(_named(pid, beginning)))


def _named(pid: int, beginning: str) -> str:
    title = procfs.arguments(pid)
    return title.removeprefix(beginning) if title.startswith(beginning) else "nobody"


def family(root: int) -> list[int]:
    """A process, and all of its session."""
    found = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [root, *(pid for pid in found if pid != root and _session(pid) == root)]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def test_what_a_killed_scheduler_queued_is_watched_by_another_at_once(losing: Losing) -> None:
    tasks = losing.start(4, seconds=5)
    losing.wait_for(lambda states: states.get("running") == 2 and states.get("queued") == 2, "two run, two wait")
    row = losing.database.execute(
        "SELECT queued_by_job_id, count(*) FROM task_instance WHERE state IN ('running', 'queued')"
        " GROUP BY 1 ORDER BY 2 DESC"
    ).fetchone()
    assert row is not None
    killed = owner(losing.fleet, row[0])
    began = time.monotonic()
    losing.fleet.kill(killed)
    wait_until(lambda: losing.nobody_watches() > 0 or time.monotonic() > began + 1, 5, "somebody notices", 0.01)
    wait_until(lambda: losing.nobody_watches() == 0, WATCHED, "all are watched again", pause_seconds=0.02)
    losing.measured["one of two schedulers killed, all watched again"] = time.monotonic() - began
    losing.wait_for_the_end()
    assert len(tasks) == len({note.task for note in journal.read(losing.folder)})


def owner(fleet: FleetUnderTest, job: int) -> str:
    """The component whose job this is."""
    files = sorted(fleet.paths.airflow_home.glob("scheduler*.job"))
    return next(path.stem for path in files if f'"job": {job}' in path.read_text())


@pytest.mark.long
def test_tasks_go_on_and_are_watched_when_every_scheduler_is_killed(losing: Losing) -> None:
    losing.start(4, seconds=5)
    losing.wait_for(lambda states: states.get("running") == 2 and states.get("queued") == 2, "two run, two wait")
    began = time.monotonic()
    for name in ("scheduler", "scheduler-2"):
        losing.fleet.kill(name)
    time.sleep(0.3)  # the agent has told by then, and nobody can have adopted
    wait_until(lambda: losing.nobody_watches() == 0, WATCHED, "all are watched again", pause_seconds=0.02)
    losing.measured["all schedulers killed, all watched again"] = time.monotonic() - began
    after = losing.start(1, seconds=0)[0]
    losing.wait_for_the_end()
    assert losing.notes(after)


@pytest.mark.long
def test_a_task_whose_message_is_lost_with_its_scheduler_is_sent_again(losing: Losing) -> None:
    losing.start(2, seconds=4)
    losing.wait_for(lambda states: states.get("running") == 2, "both slots are taken")
    task = losing.start(1, seconds=0)[0]
    losing.wait_for(lambda states: states.get("queued") == 1, "one waits")
    with connect_to_broker(losing.fleet) as broker:
        default = losing.fleet.queue_in_broker("default")
        wait_until(lambda: broker.llen(default), 20, "the message is sent", pause_seconds=0.02)
        broker.delete(default)  # as if it had not been sent
    began = time.monotonic()
    for name in ("scheduler", "scheduler-2"):
        losing.fleet.kill(name)
    losing.measured["killed between commit and send, started"] = losing.wait_for_start(task, seconds=SENT).at - began
    losing.wait_for_the_end()


def connect_to_broker(fleet: FleetUnderTest) -> redis.Redis:
    host, _, port = fleet.component("valkey").address.partition(":")
    password = secrets.load_or_generate(fleet.paths.secrets).broker_password
    return redis.Redis(host=host, port=int(port), password=password)


@pytest.mark.long
def test_messages_of_a_wiped_broker_are_sent_again(losing: Losing) -> None:
    losing.start(2, seconds=4)
    losing.wait_for(lambda states: states.get("running") == 2, "both slots are taken")
    waiting = losing.start(2, seconds=0)
    losing.wait_for(lambda states: states.get("queued") == 2, "two wait")
    began = time.monotonic()
    with connect_to_broker(losing.fleet) as broker:
        broker.flushall()
    for task in waiting:
        losing.measured["broker wiped, started"] = losing.wait_for_start(task, seconds=SENT).at - began
    losing.wait_for_the_end()


def test_a_worker_that_was_full_when_its_broker_died_fills_its_slots_when_they_are_free(losing: Losing) -> None:
    full = losing.start(2, seconds=6)
    for task in full:
        losing.wait_for_start(task)
    log = losing.fleet.paths.log("worker")
    before = log.read_text()
    losing.fleet.kill("valkey")
    wait_until(lambda: log.read_text().count(CONNECTED) > before.count(CONNECTED), 20, "the worker is connected again")
    waiting = losing.start(3, seconds=1)
    with connect_to_broker(losing.fleet) as broker:
        default = losing.fleet.queue_in_broker("default")
        wait_until(lambda: broker.llen(default) >= 3, 20, "all wait in the broker", pause_seconds=0.02)
    while_full = log_until(log, lambda: any(losing.notes(task, NoteKind.END) for task in full))
    assert while_full.count(TAKEN) == before.count(TAKEN)
    losing.wait_for_the_end()
    starts, ends = ([losing.notes(task, event)[0].at for task in waiting] for event in (NoteKind.START, NoteKind.END))
    assert sorted(starts)[1] < min(ends)  # side by side, from the first one on


def test_a_task_waits_for_no_other_while_a_slot_is_free_whatever_ran_when_the_broker_died(losing: Losing) -> None:
    long = losing.start(1, seconds=8)[0]
    losing.wait_for_start(long)
    log = losing.fleet.paths.log("worker")
    before = log.read_text().count(CONNECTED)
    losing.fleet.kill("valkey")
    wait_until(lambda: log.read_text().count(CONNECTED) > before, 20, "the worker is connected again")
    short = losing.start(4, seconds=0)
    losing.wait_for_the_end()
    ended = losing.notes(long, NoteKind.END)[0].at
    assert all(losing.notes(task, NoteKind.START)[0].at < ended for task in short)


def log_until(log: Path, condition: Callable[[], bool]) -> str:
    """What a log said when a condition was last seen not to hold."""
    said = log.read_text()

    def holds() -> bool:
        nonlocal said
        now = log.read_text()
        if condition():
            return True
        said = now
        return False

    wait_until(holds, 30, "what was waited for", pause_seconds=0.05)
    return said


@contextmanager
def unwritable_logs(losing: Losing) -> Iterator[None]:
    """As if the disk of a worker's logs took none of these Dags: nothing can begin there."""
    folder = losing.fleet.paths.task_logs / "dag_id=works"
    aside = folder.with_name("aside")
    folder.mkdir(parents=True, exist_ok=True)
    folder.rename(aside)
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        aside.rename(folder)


def test_a_task_that_can_begin_nowhere_for_a_while_begins_later_and_pays_nothing(losing: Losing) -> None:
    with unwritable_logs(losing):
        task = losing.start(1, seconds=0)[0]
        wait_until(lambda: losing.said("(2 of") or losing.states().get("failed"), 30, "it could not begin twice")
    began = time.monotonic()
    losing.measured["can begin again, started"] = losing.wait_for_start(task, seconds=SENT).at - began
    losing.wait_for_the_end()
    assert len(losing.notes(task)) == 1
    query = "SELECT try_number, max_tries FROM task_instance WHERE run_id = %s"
    assert losing.database.execute(query, (task.run_id,)).fetchall() == [(1, 0)]


def test_a_second_message_that_cannot_begin_does_no_harm_to_the_attempt_that_runs(losing: Losing) -> None:
    losing.start(2, seconds=3)
    losing.wait_for(lambda states: states.get("running") == 2, "both slots are taken")
    task = losing.start(1, seconds=10)[0]
    with connect_to_broker(losing.fleet) as broker:
        default = losing.fleet.queue_in_broker("default")
        message = wait_until(lambda: broker.lrange(default, 0, -1), 20, "the message waits", pause_seconds=0.02)[0]
        losing.wait_for_start(task)
        losing.wait_for(lambda states: states.get("running") == 1, "a slot is free")
        with unwritable_logs(losing):
            broker.lpush(default, message)
            known = "SELECT count(*) FROM airfleet_outcome WHERE value LIKE '%FAILURE%' AND at > now() - interval '9 s'"
            wait_until(lambda: losing.database.execute(known).fetchone() != (0,), 9, "its failure is told")
    losing.wait_for_the_end()
    assert len(losing.notes(task)) == len(losing.notes(task, NoteKind.END)) == 1


@pytest.mark.long
@pytest.mark.parametrize("lost", ["process", "worker", "schedulers"])
def test_a_callback_that_is_lost_with_its_process_runs_again_and_one_without_scheduler_is_seen_to(
    losing: Losing, lost: str
) -> None:
    losing.database.execute("DELETE FROM callback")
    told = losing.folder.with_name(f"{losing.folder.name}.told")
    told.unlink(missing_ok=True)
    losing.start(1, seconds=4, dag_id="late")
    wait_until(told.exists, 60, "the callback begins")
    began = time.monotonic()
    worker = losing.fleet.component("worker").pid or 0
    if lost == "process":
        monitors = [pid for pid in family(worker) if _named(pid, MONITOR) == "tell"]
        assert monitors
        for pid in monitors:  # itself, too: it has the title of who forked it
            os.kill(pid, signal.SIGKILL)
    elif lost == "worker":
        for pid in family(worker):
            processes_gone(pid)
    else:
        for name in ("scheduler", "scheduler-2"):
            losing.fleet.kill(name)
    states = "SELECT state FROM callback WHERE type = 'executor'"
    wait_until(lambda: losing.database.execute(states).fetchall() == [("success",)], 2 * SENT, "it has run")
    losing.measured[f"callback's {lost} killed, over"] = time.monotonic() - began
    words = [line.split()[1] for line in told.read_text().splitlines()]
    assert words == (["begins", "ends"] if lost == "schedulers" else ["begins", "begins", "ends"])
    for run in losing.asked:
        assert losing.fleet.wait_for_run(run.dag_id, run.run_id) == "success", losing.told()


@pytest.mark.parametrize("processes_killed", ["monitor", "monitor and attempt"])
def test_an_attempt_that_loses_its_monitor_runs_again(losing: Losing, processes_killed: str) -> None:
    task = losing.start(1, seconds=7)[0]  # longer than it has to end when its monitor is gone
    first = losing.wait_for_start(task)
    monitor, attempt = process_of(MONITOR, first.attempt), process_of(ATTEMPT, first.attempt)
    began = time.monotonic()
    os.kill(monitor, signal.SIGKILL)
    if processes_killed != "monitor":
        os.kill(attempt, signal.SIGKILL)
    second = losing.wait_for_start(task, times=2, seconds=AGAIN)
    losing.measured[f"{processes_killed} killed, running again"] = second.at - began
    assert (second.attempt, second.try_number) != (first.attempt, first.try_number)
    losing.wait_for_the_end(first)


@pytest.mark.long
def test_what_ran_in_a_killed_worker_runs_again_without_a_retry(losing: Losing) -> None:
    tasks = losing.start(2, seconds=4)
    first = [losing.wait_for_start(task) for task in tasks]
    waiting = losing.start(1, seconds=0)[0]
    worker = losing.fleet.component("worker").pid or 0
    began = time.monotonic()
    for pid in family(worker):
        processes_gone(pid)
    again = max(losing.wait_for_start(task, times=2, seconds=AGAIN).at for task in tasks)
    losing.measured["whole worker killed, running again"] = again - began
    losing.wait_for_the_end(*first)
    assert len(losing.notes(waiting)) == 1
    left = "SELECT DISTINCT max_tries - try_number FROM task_instance WHERE run_id = ANY(%s)"
    rows = losing.database.execute(left, ([task.run_id for task in (*tasks, waiting)],)).fetchall()
    assert rows == [(-1,)]  # as for a first try without retries


def processes_gone(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@pytest.mark.long
def test_a_task_that_was_lost_too_often_is_left_to_airflow(losing: Losing) -> None:
    task = losing.start(1, seconds=30)[0]
    first = losing.wait_for_start(task)
    for _ in range(MOST_RERUNS):
        losing.database.execute(
            "INSERT INTO airfleet_lost (ti_id, celery_id, dag_id, run_id, task_id, map_index, try_number, hostname,"
            " handled_at, outcome) VALUES (gen_random_uuid(), '', %s, %s, %s, -1, 1, 'here', now(), 'rerun')",
            (task.dag_id, task.run_id, task.task_id),
        )
    began = time.monotonic()
    for beginning in (MONITOR, ATTEMPT):
        os.kill(process_of(beginning, first.attempt), signal.SIGKILL)
    assert losing.fleet.wait_for_run(task.dag_id, task.run_id, AGAIN) == "failed"
    losing.measured["lost too often, failed"] = time.monotonic() - began
    assert len(losing.notes(task)) == 1
    outcome = "SELECT outcome FROM airfleet_lost ORDER BY number DESC LIMIT 1"
    assert losing.database.execute(outcome).fetchone() == ("fail",)


@pytest.mark.long
def test_a_task_that_is_cleared_while_its_worker_dies_runs_again(losing: Losing) -> None:
    task = losing.start(1, seconds=3)[0]
    losing.wait_for_start(task)
    worker = losing.fleet.component("worker").pid or 0
    clear = {"dry_run": False, "dag_run_id": task.run_id, "task_ids": [task.task_id], "only_failed": False}
    losing.fleet.api.post("dags", task.dag_id, "clearTaskInstances", body=clear)
    for pid in family(worker):
        processes_gone(pid)
    losing.wait_for_start(task, times=2, seconds=AGAIN)
    assert losing.fleet.wait_for_run(task.dag_id, task.run_id) == "success"


def test_tasks_of_a_worker_whose_leader_is_killed_come_to_their_end(losing: Losing) -> None:
    tasks = losing.start(2, seconds=4)
    for task in tasks:
        losing.wait_for_start(task)
    slots = {process_of(MONITOR, losing.notes(task)[0].attempt) for task in tasks}
    losing.fleet.kill("worker")
    losing.wait_for_the_end()
    assert [len(losing.notes(task)) for task in tasks] == [1, 1]
    wait_until(lambda: not any(map(procfs.is_alive, slots)), 10, "the slots have ended")


def test_a_deferred_task_goes_on_when_its_triggerer_is_killed(losing: Losing) -> None:
    task = losing.start(1, seconds=4, dag_id="waits")[0]
    losing.wait_for(lambda states: states.get("deferred") == 1, "it is deferred")
    claimed = "SELECT triggerer_id FROM trigger WHERE triggerer_id IS NOT NULL"
    before = wait_until(lambda: losing.database.execute(claimed).fetchall(), 20, "a triggerer runs it")
    began = time.monotonic()
    losing.fleet.kill("triggerer")

    def taken_over() -> bool:
        now = losing.database.execute(claimed).fetchall()
        return bool(now and now != before) or bool(losing.notes(task, NoteKind.END))

    wait_until(taken_over, TRIGGERED, "another triggerer runs it", pause_seconds=0.05)
    losing.measured["triggerer killed, trigger runs again"] = time.monotonic() - began
    losing.wait_for_the_end()
