"""A real agent over small programs: order, deaths, the end, and what it leaves (nothing)."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from airfleet.agent import control, launch
from airfleet.agent.control import AgentGone
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.plan import Component, Exec, FileBeats
from airfleet.system import process_tree, procfs, unix_sockets
from faultlab.measuring.ledger import Ledger
from support.survival import survives
from support.toy_agent import SECONDS, Toy, program, reporting, toy

#: a shell script that stays, as the shell itself: its pid is the component's
STAY = "while :; do sleep 0.05; done"


def pid_of(running: Toy, name: str) -> int:
    pid = running.component(name).pid
    assert pid is not None
    return pid


def wait_until_gone(pid: int) -> None:
    wait_until(lambda: not procfs.is_alive(pid), SECONDS, f"process {pid} has ended", pause_seconds=0.02)


# --- starting --------------------------------------------------------------------------------------


def test_a_component_starts_when_what_it_needs_is_ready_and_not_before(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    server = reporting("server", beat, f"sleep 0.3; echo $$ > {beat}; {STAY}")
    client = program("client", STAY, needs=("server",))
    with toy(client, server) as running:
        snapshot = running.wait(lambda now: now.healthy, "everything is ready")
        log = running.log()
    assert log.index("server is ready") < log.index("client is starting")
    assert snapshot.state == "ready"
    assert snapshot.ready_after is not None
    assert 0.3 <= snapshot.ready_after <= snapshot.elapsed
    assert any(line.startswith("fleet 'toy' is ready after ") for line in log)


def test_a_step_ends_by_itself_and_is_done_before_what_needs_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    step = program("step", ledger.command("step"), once=True, probe=never(tmp_path))
    after = program("after", f"{ledger.command('after')}; {STAY}", needs=("step",))
    with toy(step, after) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        wait_until(lambda: len(ledger.lines()) == 2, SECONDS, "both have written")
        assert running.component("step").state == "done"
        assert running.component("step").pid is None
    assert ledger.lines() == ("step", "after")


def test_a_program_that_is_not_there_is_said_in_words() -> None:
    with toy(Component("lost", "thing", Exec(("/no/such/program",)))) as running:
        lost = running.wait_for("lost", "gave_up")
        assert lost.reason == "cannot be started: No such file or directory (/no/such/program)"
        assert running.snapshot().state == "failed"


def test_a_component_that_never_gets_ready_is_ended_and_says_why(tmp_path: Path) -> None:
    slow = program("slow", STAY, probe=never(tmp_path), start_seconds=1.0)
    with toy(slow) as running:
        gave_up = running.wait_for("slow", "gave_up")
    assert gave_up.reason == "was not ready after 1 s: has not reported that it is ready yet"


def never(folder: Path) -> FileBeats:
    return FileBeats(str(folder / "never"))


# --- dying -----------------------------------------------------------------------------------------


def test_a_component_that_dies_is_started_again_at_once() -> None:
    with toy(program("one", STAY)) as running:
        before = running.wait_for("one", "ready").pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        running.wait(lambda now: now.healthy and now.components[0].pid != before, "it is ready again")
        again = running.component("one")
        assert again.restarts == 1
        assert running.snapshot().state == "ready"
        assert "one was killed by SIGKILL; deaths so far: 1" in running.log()
        assert "one is backoff was killed by SIGKILL" in running.log()


def test_a_component_that_cannot_start_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    broken = program("broken", "echo one; echo two >&2; exit 3", probe=never(tmp_path))
    with toy(broken, program("well", STAY)) as running:
        gave_up = running.wait_for("broken", "gave_up")
        snapshot = running.snapshot()
        assert running.component("well").state == "ready"
        log = running.log()
    assert gave_up.reason == "ended with exit code 3"
    assert gave_up.last_lines == ("one", "two")  # of the last attempt alone
    assert gave_up.restarts == 2
    assert (snapshot.state, snapshot.problem) == ("failed", "broken ended with exit code 3")
    assert [line for line in log if "deaths so far" in line] == [
        f"broken ended with exit code 3; deaths so far: {n}" for n in (1, 2, 3)
    ]


def test_what_a_dead_component_had_started_is_ended_with_it(tmp_path: Path) -> None:
    child = tmp_path / "child"
    once = f"test -e {child} || {{ sleep 1000 & echo $! > {child}.new; mv {child}.new {child}; }}"
    parent = program("parent", f"{once}; {STAY}")
    with toy(parent) as running:
        wait_until(child.exists, SECONDS, "the child runs", pause_seconds=0.02)
        os.kill(pid_of(running, "parent"), signal.SIGKILL)
        wait_until_gone(int(child.read_text()))


def test_an_orphan_becomes_the_agents_child_and_is_reaped(tmp_path: Path) -> None:
    orphan = tmp_path / "orphan"
    with toy(program("parent", f"({hiding(orphan)} &); {STAY}")) as running:
        wait_until(orphan.exists, SECONDS, "the orphan runs", pause_seconds=0.02)
        pid = int(orphan.read_text())
        wait_until(lambda: parent_of(pid) == running.process.pid, SECONDS, "the agent is its parent now")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), SECONDS, "it is reaped")
        assert running.snapshot().healthy


def hiding(pid_file: Path) -> str:
    """A command that stays, in a session and with an environment that tell nothing of the fleet."""
    return f"setsid env -i sh -c 'echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 1000'"


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


# --- ending ----------------------------------------------------------------------------------------


def slow_to_end(name: str, ledger: Ledger, kind: str = "thing", until_told: int = 1) -> Component:
    """One that ends a while after it was told to, and not before so many were."""
    told, ended = ledger.command(f"{name} told"), ledger.command(f"{name} ended")
    ready = ledger.path.with_name(f"{name}.beat")
    others = f"while [ $(grep -c told {ledger.path}) -lt {until_told} ]; do sleep 0.05; done"
    trap = f"trap '{told}; {others}; sleep 0.2; {ended}; exit 0' TERM"
    return reporting(name, ready, f"{trap}; echo $$ > {ready}; {STAY}", kind=kind)


def test_servers_end_last_and_workers_first(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    kinds = ["postgres", "api-server", "worker"]
    with toy(*(slow_to_end(kind, ledger, kind) for kind in kinds)) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        running.stop()
        assert running.process.returncode == 0
        assert running.log()[-1] == "fleet 'toy' has stopped"
    assert ledger.lines() == tuple(f"{kind} {did}" for kind in reversed(kinds) for did in ("told", "ended"))


def test_components_of_one_kind_of_need_end_together_not_one_after_the_other(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    both = [slow_to_end(name, ledger, until_told=2) for name in ("a", "b")]
    with toy(*both) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        running.stop()
    assert set(ledger.lines()[:2]) == {"a told", "b told"}
    assert set(ledger.lines()[2:]) == {"a ended", "b ended"}


def deaf(tmp_path: Path, **fields: object) -> Component:
    ready = tmp_path / "deaf.beat"
    return reporting("deaf", ready, f"trap '' TERM; echo $$ > {ready}; {STAY}", **fields)


def test_a_component_that_does_not_listen_is_ended_by_force_after_its_grace(tmp_path: Path) -> None:
    with toy(deaf(tmp_path, grace_seconds=0.3)) as running:
        pid = running.wait_for("deaf", "ready").pid
        assert pid is not None
        running.stop()
        assert not procfs.is_alive(pid)
        assert "deaf is stopped" in running.log()


def test_a_worker_gets_the_time_that_the_stop_gives_its_tasks(tmp_path: Path) -> None:
    with toy(deaf(tmp_path, kind="worker", grace_seconds=1000.0)) as running:
        pid = running.wait_for("deaf", "ready").pid
        assert pid is not None
        running.stop(seconds=0.3)
        assert not procfs.is_alive(pid)


def test_a_stop_by_force_waits_for_nobody(tmp_path: Path) -> None:
    with toy(deaf(tmp_path, grace_seconds=1000.0)) as running:
        pid = running.wait_for("deaf", "ready").pid
        assert pid is not None
        running.stop(force=True)
        assert not procfs.is_alive(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_agent_is_a_stop_and_a_second_one_is_by_force(tmp_path: Path, number: int) -> None:
    with toy(deaf(tmp_path, grace_seconds=1000.0)) as running:
        running.wait_for("deaf", "ready")
        running.process.send_signal(number)
        running.wait(lambda now: now.state == "stopping", "the fleet stops")
        running.process.send_signal(number)
        assert running.process.wait(timeout=SECONDS) == 0
        assert not running.paths.socket.exists() or not answers(running)


def answers(running: Toy) -> bool:
    try:
        running.snapshot()
    except AgentGone:
        return False
    return True


def test_the_end_takes_what_components_had_hidden_with_it(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    with toy(program("parent", f"{hiding(hidden)} & {STAY}")) as running:
        wait_until(hidden.exists, SECONDS, "the hidden process runs", pause_seconds=0.02)
        running.stop()
        wait_until_gone(int(hidden.read_text()))


def test_what_an_agent_left_that_was_killed_is_found_and_ended(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    script = f"env -i sh -c 'echo $$ > {hidden}.new; mv {hidden}.new {hidden}; exec sleep 1000' & {STAY}"
    with toy(program("parent", script), program("other", STAY)) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        wait_until(hidden.exists, SECONDS, "the hidden process runs", pause_seconds=0.02)
        left = {pid_of(running, "parent"), pid_of(running, "other"), int(hidden.read_text())}
        running.process.kill()
        running.process.wait()
        assert all(survives(pid) for pid in left)
        assert left <= set(launch.end_leftovers(running.paths, grace_seconds=0.5))
        assert not any(procfs.is_alive(pid) for pid in left)
        assert launch.end_leftovers(running.paths) == ()


def test_workers_of_an_agent_that_was_killed_finish_what_they_run_and_all_else_is_started_anew(tmp_path: Path) -> None:
    go = tmp_path / "go"
    finishing = f"trap 'while [ ! -e {go} ]; do sleep 0.05; done; exit 0' TERM; {STAY}"
    with toy(program("worker", finishing, "worker"), program("api", STAY, "api-server")) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        worker, api = pid_of(running, "worker"), pid_of(running, "api")
        running.kill_agent()
        running.start_again()
        running.wait(lambda now: now.healthy, "everything is ready again")
        assert (survives(worker), procfs.is_alive(api)) == (True, False)
        assert pid_of(running, "worker") != worker
        running.kill_agent()  # the one that goes is remembered by every agent
        running.start_again()
        assert survives(worker)
        go.touch()
        wait_until_gone(worker)
        running.wait(lambda now: now.healthy, "everything is ready still")


def test_a_stop_waits_for_replaced_workers_and_meanwhile_nobody_takes_tasks(tmp_path: Path) -> None:
    go, beat = tmp_path / "go", tmp_path / "worker.beat"  # each worker ends when there is a file for it alone
    trap = f"trap 'while [ ! -e {go}.$$ ]; do sleep 0.05; done; exit 0' TERM"
    worker = reporting("worker", beat, f"{trap}; echo $$ > {beat}; {STAY}", kind="worker")
    with toy(worker, program("api", STAY, "api-server")) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        replaced = pid_of(running, "worker")
        running.kill_agent()
        running.start_again()
        running.wait(lambda now: now.healthy, "everything is ready again")
        new = pid_of(running, "worker")
        control.tell(running.paths.socket, {"do": "stop"})
        running.wait_for("worker", "stopping")
        Path(f"{go}.{new}").touch()
        running.wait_for("worker", "stopped")
        assert (survives(replaced), running.component("api").state) == (True, "ready")
        Path(f"{go}.{replaced}").touch()
        assert running.process.wait(timeout=SECONDS) == 0


# --- talking ---------------------------------------------------------------------------------------


def test_a_watcher_sees_every_change_until_the_agent_has_gone() -> None:
    with toy(program("one", STAY)) as running:
        changes = control.watch(running.paths.socket)
        assert next(changes).fleet == "toy"
        running.process.terminate()
        states = [snapshot.state for snapshot in changes]
    assert states[-1] == "stopped"
    assert "stopping" in states
    with pytest.raises(AgentGone):
        control.status(running.paths.socket)


def test_a_restart_that_was_asked_for() -> None:
    with toy(program("one", f"trap 'exit 0' TERM; {STAY}")) as running:
        before = running.wait_for("one", "ready").pid
        next(control.ask(running.paths.socket, {"do": "restart", "name": "one"}))
        running.wait(lambda now: now.healthy and now.components[0].pid != before, "it is another process")


def test_status_with_memory_tells_what_every_component_and_the_agent_use() -> None:
    with toy(program("one", STAY)) as running:
        running.wait_for("one", "ready")
        found = control.status(running.paths.socket, memory=True).components
    assert [c.name for c in found] == ["agent", "one"]
    assert all(c.memory_mb is not None and c.memory_mb > 0 for c in found)


@pytest.mark.parametrize("words", [b"hello\n", b"[]\n", b'{"do": "dance"}\n', b"\xff\n", b""])
def test_who_does_not_speak_the_protocol_is_hung_up_on(words: bytes) -> None:
    with toy(program("one", STAY)) as running:
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.settimeout(SECONDS)
            unix_sockets.connect(stranger, running.paths.socket)
            stranger.sendall(words)
            stranger.shutdown(socket.SHUT_WR)
            assert stranger.recv(100) == b""
        assert running.wait_for("one", "ready").pid


# --- its disks -------------------------------------------------------------------------------------


def test_a_disk_without_room_is_shown_among_the_components_until_it_has_some() -> None:
    with toy(program("worker", STAY)) as running:
        running.wait(lambda now: now.healthy, "everything is ready")
        logs = running.paths.task_logs
        logs.symlink_to("/proc")  # which has no room for anything
        shown = running.wait(lambda now: not now.healthy, "it is seen").components[-1]
        assert (shown.name, shown.state) == ("disk", "degraded")
        assert shown.reason.startswith(f"the disk of {logs} has 0 MB left: ")
        logs.unlink()
        running.wait(lambda now: now.healthy, "it has room again")
        assert "the disks of this host have room again" in running.log()


def test_an_agent_that_cannot_write_down_its_processes_goes_on() -> None:
    with toy(program("one", STAY)) as running:
        before = running.wait_for("one", "ready").pid
        assert before is not None
        in_the_way = running.paths.processes.with_suffix(".new")
        in_the_way.mkdir()
        os.kill(before, signal.SIGKILL)
        running.wait(lambda now: now.healthy and now.components[0].pid != before, "it was started again")
        assert any(line.startswith("the list of processes for the next") for line in running.log())
        in_the_way.rmdir()
        running.wait(lambda now: written(running) == {now.components[0].pid}, "it is written down")


def written(running: Toy) -> set[int]:
    return {kept.pid for kept in process_tree.read_down(running.paths.processes)}
