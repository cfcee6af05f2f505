"""The pieces of an experiment that need no Airflow: what is asked for, what is broken, what is promised."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from airfleet.client.api_client import ApiError
from airfleet.drill import journal, killing, workload
from airfleet.drill.load_generator import LoadGenerator
from airfleet.drill.records import RunKey, TaskKey
from airfleet.drill.runner import drained
from airfleet.drill.waiting import wait_until
from airfleet.drill.workload import DrillMix, Mix, RunRequest
from airfleet.errors import FleetError
from airfleet.fleet.config.reader import FILE_NAME, read_file
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import local_hosts
from airfleet.fleet.planning.local_hosts import Network
from airfleet.pipelines.checks.pipeline_checks import read_and_check
from airfleet.system import procfs
from faultlab import matrix
from faultlab.experiment import surprises
from faultlab.faults import component_faults, fault, host_faults, nemesis
from faultlab.measuring import secret_scan
from faultlab.systems import stock_system
from faultlab.systems.fleet_yaml import BROKER, DATABASE, fleet_yaml
from faultlab.systems.hosts_under_test import HostsUnderTest
from faultlab.systems.stock_system import StockSystem
from faultlab.systems.topology import SCHEDULER, WORKER, Topology
from support.survival import survives

# --- the workload -----------------------------------------------------------------------------------


def test_the_file_of_dags_is_python_and_has_every_dag() -> None:
    tree = ast.parse(workload.file())
    made = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "DAG"
        and isinstance(call.args[0], ast.Constant)
    }
    assert made == set(workload.DAGS)


def test_the_pipeline_of_a_drill_has_no_problem(tmp_path: Path) -> None:
    file = tmp_path / "drill.yaml"
    file.write_text(workload.drill_pipeline("a queue"))
    checked = read_and_check(file, environ={})
    assert checked.problems == ()
    assert [pipeline.dag_id for pipeline in checked.pipelines] == [workload.DRILL]


def test_a_mix_is_the_same_at_the_same_tick_and_has_every_kind() -> None:
    mix = Mix()
    asked = [one for tick in range(40) for one in mix.at("x", tick)]
    assert asked == [one for tick in range(40) for one in mix.at("x", tick)]
    assert {one.dag_id for one in asked} == set(workload.DAGS) - {workload.TOLD}
    assert len({one.run for one in asked}) == len(asked)
    assert sum(one.conf["seconds"] == mix.long_seconds for one in asked) == 3


def test_what_is_asked_for_at_a_tick_is_steady_and_what_a_fault_needs_is_not() -> None:
    mix = Mix()
    asked = [one.run for tick in range(40) for one in mix.at("x-y", tick)]
    assert all(mix.is_steady("x-y", run) for run in asked)
    assert not mix.is_steady("x-y", RunKey(workload.ONE, "x-y-3-more-1"))
    assert not mix.is_steady("x-y", RunKey(workload.ONE, "another-3"))


@pytest.mark.parametrize("slots", [1, 4])
def test_a_drill_leaves_room_for_its_short_tasks(slots: int) -> None:
    mix = DrillMix("/folder", slots)
    asked = [one for tick in range(120) for one in mix.at("x", tick)]
    busy = sum(float(one.conf.get("seconds", 0)) for one in asked)
    assert sum(one.run_id.endswith(workload.LONG) for one in asked) > 3
    assert busy <= 120 * mix.tick_seconds * max(slots - 1, 0.5)
    assert {one.conf["witness"] for one in asked} == {"/folder"}


def test_a_run_says_what_has_to_become_of_it() -> None:
    chain = RunRequest(workload.CHAIN, "r")
    assert chain.must_end == {TaskKey(workload.CHAIN, "r", f"link{link}") for link in range(workload.LINKS)}
    assert len(RunRequest(workload.MAPPED, "r").must_end) == workload.MAPS
    fails = RunRequest(workload.ONE, "r", {"errors": 1})
    assert (fails.must_end, fails.callbacks) == (frozenset(), {TaskKey(workload.ONE, "r", "work")})
    assert RunRequest(workload.TOLD, "r").callbacks == {TaskKey(workload.TOLD, "r", "")}


def test_what_an_agent_met_that_nobody_had_thought_of_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "agent.log"
    log.write_text('at it is healthy {"action": "component_healthy"}\nat odd {"action": "surprised", "part": "x"}\n')
    (tmp_path / "worker.log").write_text('{"action": "surprised"}\n')
    assert surprises(tuple(tmp_path.iterdir())) == ['an agent says: at odd {"action": "surprised", "part": "x"}']


# --- the load ---------------------------------------------------------------------------------------


@dataclass
class FakeApi:
    """Answers as it is told, then well."""

    answers: list[Exception | None]
    asked: list[str] = field(default_factory=list)

    def post(self, *path: str, body: dict[str, Any]) -> None:
        self.asked.append(body["dag_run_id"])
        if self.answers and (wrong := self.answers.pop(0)):
            raise wrong


class Once:
    """Two runs at the first tick."""

    tick_seconds = 0.01

    def at(self, label: str, tick: int) -> Iterator[RunRequest]:
        if tick == 0:
            yield RunRequest(workload.ONE, f"{label}-a")
            yield RunRequest(workload.ONE, f"{label}-b")


def test_a_run_that_got_no_answer_is_asked_for_again_and_counts_once() -> None:
    api = FakeApi([FleetError("away"), ApiError(503, "not now"), ApiError(409, "it is there"), None])
    load = LoadGenerator(api, Once(), "x")  # type: ignore[arg-type]
    load.start()
    wait_until(lambda: len(load.asked) == 2, 10, "both are asked for")
    load.stop()
    assert load.settle(1) == 0
    assert api.asked == ["x-a", "x-a", "x-a", "x-b"]
    assert [one.run_id for one in load.asked] == ["x-a", "x-b"]
    assert [answer.answered for answer in load.answers] == [False, False, True, True]
    assert set(load.accepted) == {one.run for one in load.asked}


def test_an_answer_that_comes_too_late_is_none() -> None:
    clock = iter([0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.1, 5.1]).__next__
    load = LoadGenerator(FakeApi([]), Once(), "x", clock)  # type: ignore[arg-type]
    load.ask([RunRequest(workload.ONE, "a"), RunRequest(workload.ONE, "b")])
    assert load.settle(1) == 0
    assert [(one.at, one.answered) for one in load.answers] == [(0.0, False), (5.0, False), (5.0, True)]


def test_what_could_not_be_asked_for_is_counted() -> None:
    api = FakeApi([FleetError("away")] * 1000)
    load = LoadGenerator(api, Once(), "x")  # type: ignore[arg-type]
    load.start()
    wait_until(lambda: api.asked, 10, "it tries")
    load.stop()
    assert load.settle(0.15) == 2
    assert load.asked == ()


# --- the nemesis ------------------------------------------------------------------------------------


def test_a_schedule_is_made_by_its_seed_alone() -> None:
    one, same, other = (nemesis.schedule(nemesis.of_one_host, seed, 30, (1, 2), 10) for seed in (7, 7, 8))
    assert one == same
    assert one != other
    assert len({step.fault.name.partition(" for ")[0] for step in one}) > 8
    assert all(1 <= step.after_seconds <= 2 and step.fault.seconds <= 10 for step in one)


def test_the_first_faults_of_a_longer_schedule_are_those_of_a_shorter_one() -> None:
    longer, shorter = (nemesis.schedule(nemesis.of_one_host, 3, count, (1, 2), 10) for count in (20, 5))
    assert longer[:5] == shorter


PARENT = """\
import subprocess, sys, time
child = "import os, time; os.write(1, 'up'.encode() + bytes([10])); time.sleep(60)"  # at once, not in two pieces
other = subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
subprocess.Popen([sys.executable, "-c", child])
time.sleep(60)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a child, and one more child in a session of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as parent:
        assert parent.stdout
        assert [parent.stdout.readline() for _ in range(2)] == ["up\n"] * 2
        members = procfs.tree(parent.pid)
        yield parent
        for pid in members:
            procfs.send(pid, signal.SIGKILL)


def test_a_kill_takes_all_that_a_process_started(family: subprocess.Popen[str], tmp_path: Path) -> None:
    members = procfs.tree(family.pid)
    assert len(members) == 3
    assert killing.kill_all((family.pid,), tmp_path) == frozenset()
    assert family.wait(10) == -signal.SIGKILL
    wait_until(lambda: not any(map(procfs.is_alive, members)), 10, "all are gone")


def test_a_process_is_told_to_stop_and_waited_for_until_none_of_its_threads_goes_on() -> None:
    busy = "import threading\nfor _ in range(4): threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()"
    with subprocess.Popen([sys.executable, "-c", busy]) as process:
        try:
            wait_until(lambda: len(os.listdir(f"/proc/{process.pid}/task")) == 5, 10, "the threads are there")
            for _ in range(20):
                assert killing.stop_all(lambda: [process.pid]) == [process.pid]
                assert not procfs.goes_on(process.pid)
                procfs.send(process.pid, signal.SIGCONT)
                wait_until(lambda: procfs.goes_on(process.pid), 10, "it goes on")
        finally:
            process.kill()


def test_a_process_that_is_gone_has_no_family_and_cannot_be_hurt(tmp_path: Path) -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    pid = int(gone.stdout)
    assert procfs.tree(pid) == ()
    procfs.send(pid, signal.SIGKILL)
    assert procfs.tree(os.getpid())[-1] >= os.getpid()


# --- faults of hosts --------------------------------------------------------------------------------


class FakeSystem(StockSystem):
    """Two hosts on which one process runs each; records what is done to them, and whether that process was stopped."""

    def __init__(self, running: dict[str, subprocess.Popen[str]]) -> None:
        super().__init__(Topology(hosts=len(running)))
        self.running = running
        self.done: list[str] = []

    @property
    def network(self) -> Network:
        return Network(7)

    def is_well(self) -> bool:
        self.done.append("is it well?")
        return True

    def processes_on(self, host: str) -> tuple[int, ...]:
        return (self.running[host].pid,)

    def pids_on(self, host: str, kind: str) -> tuple[int, ...]:
        self.done.append(f"look for {kind} of {host}")
        return self.processes_on(host)

    def cut(self, host: str) -> None:
        self.done.append(f"cut {host}")

    def vanish(self, host: str) -> None:
        self.done.append(f"{host} vanishes")

    def mend(self, host: str) -> None:
        self.done.append(f"mend {host}")

    def power_off(self, host: str) -> None:
        stopped = "running" if procfs.goes_on(self.running[host].pid) else "stopped"
        self.done.append(f"power off {host}, {stopped}")

    def shut_down(self, host: str) -> None:
        self.done.append(f"stop {host}")

    def power_on(self, host: str) -> None:
        self.done.append(f"start {host}")


@pytest.fixture
def system() -> Iterator[FakeSystem]:
    """Two hosts with networks; an attempt called ``there`` runs on the second one, and ``here`` on the first."""
    with contextlib.ExitStack() as stack:
        sleeping = {name: stack.enter_context(_sleeper()) for name in ("host-1", "host-2")}
        system = FakeSystem(sleeping)
        stack.callback(shutil.rmtree, system.folder)
        system.witness_folder.mkdir()
        for name, attempt in (("host-1", "here"), ("host-2", "there")):
            line = {"event": "start", "task": ["d", "r", attempt, -1], "attempt": attempt, "try_number": 1}
            more = {"host": "machine", "pid": sleeping[name].pid, "at": time.monotonic()}
            journal.append(system.witness_folder / "machine.jsonl", {**line, **more})
        yield system


@contextlib.contextmanager
def _sleeper() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], text=True) as process:
        yield process
        process.kill()


def test_a_host_without_power_tells_nobody_and_nothing_begins_while_it_is_asked_what_runs(system: FakeSystem) -> None:
    fault = host_faults.HostPowerOff("host-2", 45)
    assert fault.inflict(system) == {"there"}
    fault.heal(system)
    assert system.done == ["host-2 vanishes", "power off host-2, stopped", "mend host-2", "start host-2"]


@pytest.mark.parametrize(("component", "suffer"), [(SCHEDULER, {"there"}), (WORKER, {"there", "ended just now"})])
def test_a_component_is_killed_on_one_host_with_what_it_runs_and_no_other_host_suffers(
    system: FakeSystem, component: str, suffer: set[str]
) -> None:
    line = {"event": "end", "task": ["d", "r", "t", -1], "attempt": "ended just now", "try_number": 1}
    more = {"host": "machine", "pid": 0, "at": time.monotonic()}
    journal.append(system.witness_folder / "machine.jsonl", {**line, **more})
    assert component_faults.Kill(component, host="host-2").inflict(system) == suffer
    assert system.done == [f"look for {component} of host-2"]
    assert system.running["host-2"].wait(10) == -signal.SIGKILL
    assert survives(system.running["host-1"].pid)


def test_processes_are_stopped_while_something_is_so_and_go_on_when_it_was_too_late() -> None:
    with _sleeper() as process:
        answers = iter([False, True, False, True, True])
        went_on: list[bool] = []

        def holds() -> bool:
            went_on.append(procfs.goes_on(process.pid))
            return next(answers)

        host_faults.stop_while(holds, [process.pid])
        assert went_on == [True, True, False, True, False]
        assert not procfs.goes_on(process.pid)


@pytest.mark.parametrize(("replaced", "suffer"), [(True, {"there"}), (False, set())])
def test_a_host_that_is_cut_off_lives_and_its_attempts_suffer_if_they_are_to_be_replaced(
    system: FakeSystem, replaced: bool, suffer: set[str]
) -> None:
    fault = host_faults.HostCutOff("host-2", 120, replaced)
    assert fault.inflict(system) == suffer
    fault.heal(system)
    assert system.done == ["cut host-2", "mend host-2"]
    assert survives(system.running["host-2"].pid)


def test_hosts_are_started_anew_one_by_one_and_the_first_one_comes_last(system: FakeSystem) -> None:
    assert host_faults.EachHostAnew().inflict(system) == fault.NOBODY
    of_each = [[f"stop {host}", f"start {host}", "is it well?"] for host in ("host-2", "host-1")]
    assert system.done == of_each[0] + of_each[1]


def test_what_runs_on_a_host_is_known_by_its_processes(system: FakeSystem) -> None:
    assert [note.attempt for note in system.running_on("host-2")] == ["there"]
    assert system.attempts_on("host-1") == {"here"}


def test_hosts_are_found_on_their_bridge(system: FakeSystem) -> None:
    assert [system.address(host) for host in system.names] == ["198.18.7.1", "198.18.7.2"]


def test_a_host_of_stock_airflow_has_what_one_of_a_fleet_has() -> None:
    fleet = local_hosts.spread(Fleet("shop", "/srv/shop"), 4)
    for number, host in enumerate(fleet.hosts, start=1):
        there = stock_system.components_of(number)
        counts = {"api-server": host.api_server.count, SCHEDULER: host.scheduler.count, WORKER: len(host.workers)}
        assert {name: int(name in there) for name in counts} == counts
        assert ("dag-processor" in there, "triggerer" in there) == (host.dag_processor.count == 1,) * 2


@pytest.mark.parametrize("topology", [matrix.BY_NUMBER[number].topology for number in ("F7a", "F8a")])
def test_a_fleet_with_two_control_hosts_has_no_problem_and_either_may_be_lost(
    topology: Topology, tmp_path: Path
) -> None:
    urls = {DATABASE: "postgresql://u@198.18.7.254/a", BROKER: "redis://198.18.7.254:6379/0"}
    (tmp_path / FILE_NAME).write_text(
        fleet_yaml(topology, urls, {"A": "b"}, network=Network(7), witness="198.18.7.254:5432")
    )
    fleet = read_file(tmp_path / FILE_NAME, urls)
    assert (fleet.database, fleet.broker, fleet.environment) == (*urls.values(), {"A": "b"})
    assert [host.address for host in fleet.hosts] == [f"198.18.7.{number}" for number in range(1, topology.hosts + 1)]
    for number, host in enumerate(fleet.hosts, start=1):
        deciding = (host.scheduler, host.api_server, host.dag_processor, host.triggerer)
        assert [one.count for one in deciding] == [int(number <= 2)] * 4
        assert [worker.slots for worker in host.workers] == [topology.slots]
    front = fleet.proxy.on if fleet.proxy else ()
    assert (front, fleet.witness) == (((), "198.18.7.254:5432") if topology.hosts == 2 else (("host-3",), None))


def test_a_host_that_the_file_names_runs_in_its_part_of_the_network(tmp_path: Path) -> None:
    fleet = HostsUnderTest(tmp_path, {"A": "b"}, count=2, given=Network(7))
    assert fleet.on("host-2").environ == {"A": "b", "AIRFLEET_HOST": "host-2", "AIRFLEET_NETNS": "airfleet-7-2"}
    assert fleet.address("host-2") == "198.18.7.2"


def test_a_component_of_stock_airflow_is_started_in_the_network_and_under_the_name_of_its_host() -> None:
    words = stock_system.words_before(Network(7), 2, "host-2")
    place = words.index("unshare")
    assert "airfleet-7-2" in " ".join(words[:place])
    assert words[place + 1] == "--uts"
    assert words[-1] == "host-2"


# --- the matrix -------------------------------------------------------------------------------------


def test_every_row_is_measured_by_what_is_promised_of_it() -> None:
    assert len(matrix.BY_NUMBER) == len(matrix.ROWS)
    for row in matrix.ROWS:
        assert row.promised.keys() <= row.watches.keys(), row.number
        assert all(promise.p95 <= promise.most for promise in row.promised.values())
        assert row.trial(0.1).fault.seconds <= row.trial(1.0).fault.seconds
        assert not row.through_seconds or row.through_seconds > row.fault(1.0).seconds, row.number


@pytest.mark.parametrize("number", matrix.NEMESES)
def test_random_trials_are_those_of_the_seed(number: str) -> None:
    drawn = replace(matrix.NEMESES[number], faults=4)
    assert [trial.fault for trial in drawn.trials(5)] == [trial.fault for trial in drawn.trials(5)]
    assert len(drawn.trials(5)) == 4


def test_random_faults_of_hosts_spare_the_one_with_the_servers_and_are_of_all_kinds() -> None:
    trials = [trial for seed in range(20) for trial in matrix.NEMESES[matrix.RANDOM_HOSTS].trials(seed)]
    names = {trial.fault.name for trial in trials}
    assert not any("host-1" in name for name in names)
    for kind in (
        "scheduler of host-2 killed",
        "worker of host-3 killed",
        "agent of host-3 killed",
        "power of host-2 off",
    ):
        assert any(name.startswith(kind) for name in names), kind
    assert {"host-3 cut off for 45 s", "power of host-3 off for 45 s"} <= names


# --- secrets ----------------------------------------------------------------------------------------


def test_a_secret_and_a_token_are_found_where_they_stand(tmp_path: Path) -> None:
    secret = "correct-horse-battery-staple"
    texts = {
        "clean.log": "nothing here",
        "secret.log": f"postgresql://user:{secret}@host",
        "token.log": "Bearer eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiIwMTkwMDAwMCJ9.c2lnbmF0dXJlLW9mLXNvbWU",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    files = [*(tmp_path / name for name in texts), tmp_path / "gone.log"]
    assert secret_scan.leaks([secret, "short"], files) == (
        "secret.log holds a secret of the fleet",
        "token.log holds a token",
    )


class Seconds:
    """A clock that only sleeping moves, and for each second what is left then; the last goes on for ever."""

    def __init__(self, *left: int | None) -> None:
        self.at, self.looks = 0.0, left

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def left(self) -> int | None:
        return self.looks[min(int(self.at), len(self.looks) - 1)]


@pytest.mark.parametrize(
    ("left", "well_from", "over", "ended"),
    [
        ((3, 2, 1, 0), 0, True, 3),
        (tuple(range(30, -1, -1)), 0, True, 30),  # longer than the patience, and each second it is less
        ((3, 2, 2), 0, False, 1 + 10),
        ((3, 2, 3, 2, 3), 0, False, 1 + 10),  # there and back is nothing that is worked off
        ((None,), 0, False, 10),
        ((None, None, 1, 0), 0, True, 3),
        ((0,), 4, True, 4),
        ((0,), 99, False, 10),
    ],
)
def test_what_piled_up_is_waited_for_as_long_as_it_gets_less(
    left: tuple[int | None, ...], well_from: int, over: bool, ended: float
) -> None:
    clock = Seconds(*left)
    assert drained(clock.left, lambda: clock.at >= well_from, 10.0, clock, clock.sleep) is over
    assert clock.at == pytest.approx(ended, abs=0.6)
