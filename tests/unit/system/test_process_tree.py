"""Processes of a fleet are found by mark, by session and by descent; a stranger never is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent.supervisor import worker_drain
from airfleet.drill.waiting import wait_until
from airfleet.system import machine_id, process_tree, procfs

SLEEP = ("sleep", "1000")


@pytest.fixture
def fleet() -> str:
    """The id of a fleet that no other test has."""
    return uuid.uuid4().hex[:12]


@contextmanager
def started(*argv: str, fleet: str | None = None, session: bool = False) -> Iterator[int]:
    """A process, with the mark of a fleet or without an environment; gone after the block."""
    environment = {process_tree.MARK: fleet, "PATH": os.environ["PATH"]} if fleet else {"PATH": os.environ["PATH"]}
    child = subprocess.Popen(argv, env=environment, start_new_session=session, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: procfs.arguments(child.pid).startswith(argv[0]), 10, "it runs", pause_seconds=0.01)
        yield child.pid
    finally:
        child.kill()
        child.wait()


@contextmanager
def parent(fleet: str, *child: str, clears: bool = False, new_session: bool = False) -> Iterator[tuple[int, int]]:
    """A marked session leader and its child."""
    script = (
        "import os, subprocess, sys\n"
        f"env = {{}} if {clears} else None\n"
        f"c = subprocess.Popen({[*child]!r}, env=env, start_new_session={new_session})\n"
        "print(c.pid, flush=True)\nc.wait()\n"
    )
    leader = subprocess.Popen(
        [sys.executable, "-c", script],
        env={process_tree.MARK: fleet},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert leader.stdout is not None
    pid = int(leader.stdout.readline())
    try:
        yield leader.pid, pid
    finally:
        for one in (pid, leader.pid):
            if procfs.is_alive(one):
                os.kill(one, 9)
        leader.communicate()


def test_by_mark(fleet: str) -> None:
    with started(*SLEEP, fleet=fleet) as pid:
        assert process_tree.find(fleet) == (pid,)


def test_a_stranger_is_never_found(fleet: str) -> None:
    with ExitStack() as all_of:
        all_of.enter_context(started(*SLEEP))
        all_of.enter_context(started(*SLEEP, fleet=fleet + "0"))  # a fleet whose id begins like ours
        all_of.enter_context(started("sleep", "1000.5", f"{len(process_tree.MARK)}"))
        assert process_tree.find(fleet) == ()
        assert process_tree.find(fleet, written_down=[]) == ()


def test_a_stranger_that_shares_the_session_of_a_marked_process_that_does_not_lead_it(fleet: str) -> None:
    # Both live in the session of this test; neither leads it.
    with started(*SLEEP) as stranger, started(*SLEEP, fleet=fleet) as ours:
        assert process_tree.find(fleet) == (ours,)
        assert stranger not in process_tree.find(fleet, exclude=[ours])


@pytest.mark.parametrize("new_session", [False, True], ids=["same session", "session of its own"])
def test_by_descent_also_when_the_environment_was_cleared(fleet: str, new_session: bool) -> None:
    with parent(fleet, *SLEEP, clears=True, new_session=new_session) as (leader, child):
        assert process_tree.find(fleet) == tuple(sorted((leader, child)))


def test_by_session_when_the_parent_has_gone_and_the_environment_was_cleared(fleet: str) -> None:
    script = "env -i sh -c 'sleep 1000 & exec sleep 1000' & wait; exec sleep 1000"
    with started("sh", "-c", script, fleet=fleet, session=True) as leader:
        wait_until(lambda: len(process_tree.find(fleet)) == 3, 10, "all three are found", pause_seconds=0.02)
        middle = next(pid for pid in process_tree.find(fleet) if parent_of(pid) == leader)
        os.kill(middle, 9)
        wait_until(lambda: not procfs.is_alive(middle), 10, "the middle one has ended")
        orphan = next(pid for pid in process_tree.find(fleet) if pid != leader)
        assert parent_of(orphan) != leader
        assert set(process_tree.end(lambda: process_tree.find(fleet), grace_seconds=5)) == {leader, orphan}


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_by_what_was_written_down_but_not_when_the_pid_is_somebody_elses_now(fleet: str, tmp_path: Path) -> None:
    file = tmp_path / "processes.json"
    with started(*SLEEP, session=True) as pid:
        process_tree.write_down(file, {pid: "worker", 2**22 + 1: "scheduler"})
        (kept,) = process_tree.read_down(file)
        assert (kept.pid, kept.kind, kept.lives) == (pid, "worker", True)
        assert process_tree.find(fleet, [kept]) == (pid,)
        another = replace(kept, started=kept.started - 1)
        assert not another.lives
        assert process_tree.find(fleet, [another]) == ()
    assert process_tree.find(fleet, [kept]) == ()
    assert not kept.lives
    assert process_tree.component(pid, "worker") is None


@pytest.mark.parametrize("text", [None, "", "{", "[[1]]", "[[1, null, 2]]", "7", '{"processes": [[1, 2, "worker"]]}'])
def test_a_list_that_is_not_there_or_broken_names_nobody(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "p").write_text(text)
    assert process_tree.read_down(tmp_path / "p") == ()


def test_a_copied_folder_names_no_process_of_the_fleet_that_it_was_copied_from(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    process_tree.write_down(tmp_path / "run" / "p", {os.getpid(): "worker"})
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert process_tree.read_down(tmp_path / "copy" / "p") == ()
    (tmp_path / "run").rename(tmp_path / "moved")
    (tmp_path / "copy").rename(tmp_path / "run")  # the very same path
    assert process_tree.read_down(tmp_path / "run" / "p") == ()


def test_a_list_of_before_the_machine_was_started_again_names_nobody(tmp_path: Path) -> None:
    file = tmp_path / "p"
    process_tree.write_down(file, {os.getpid(): "worker"})
    file.write_text(file.read_text().replace(machine_id.boot_id(), "another-start"))
    assert process_tree.read_down(file) == ()


def test_all_below_the_agent_that_lives(fleet: str) -> None:
    with started(*SLEEP, session=True) as pid:
        assert pid in process_tree.find(fleet, below=os.getpid())
        assert os.getpid() not in process_tree.find(fleet, below=os.getpid())


def test_a_process_that_does_not_listen_is_ended_by_force_after_the_grace(fleet: str) -> None:
    with started("sh", "-c", "trap '' TERM; echo; while :; do sleep 0.1; done", fleet=fleet) as pid:
        asked = process_tree.end(lambda: process_tree.find(fleet), grace_seconds=0.3)
        assert pid in asked
        assert not procfs.is_alive(pid)


def test_a_name_with_parentheses_and_blanks_is_read_right(fleet: str, tmp_path: Path) -> None:
    odd = tmp_path / "a) b (c"
    odd.symlink_to("/bin/sleep")
    with started(str(odd), "1000", fleet=fleet) as pid:
        assert process_tree.find(fleet) == (pid,)


def test_a_process_whose_name_the_kernel_cut_in_the_middle_of_a_letter_is_found(fleet: str, tmp_path: Path) -> None:
    named = tmp_path / "x東京の気象を読む"  # a name of 15 bytes ends within its fifth letter
    named.symlink_to(shutil.which("sleep") or "/bin/sleep")
    with started(str(named), "1000", fleet=fleet) as pid:
        with pytest.raises(UnicodeDecodeError):
            Path(f"/proc/{pid}/stat").read_text()
        assert process_tree.find(fleet) == (pid,)
        assert not worker_drain.has_attempts(pid)
