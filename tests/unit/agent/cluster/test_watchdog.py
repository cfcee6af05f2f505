"""What ends a host's attempts when its agent cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent.cluster.watchdog import BYE, LOOK_SECONDS, LeftAttempts, Permission, end_attempts, has_attempts
from airfleet.drill.waiting import wait_until
from airfleet.system import process_tree
from support.survival import survives

Spawn = Callable[..., "subprocess.Popen[bytes]"]
#: a server like PostgreSQL, whose children have sessions of their own
SERVER = """
import os, time
if os.fork() == 0:
    os.setsid()
os.write(1, b"%d\\n" % os.getpid())
time.sleep(600)
"""


@pytest.fixture
def fleet_id(tmp_path: Path) -> str:
    return f"guarded-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def spawn(fleet_id: str) -> Iterator[Spawn]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
        environ = {**os.environ, process_tree.MARK: fleet_id, "PYTHONPATH": os.pathsep.join(sys.path)}
        started.append(subprocess.Popen(argv, env=environ, start_new_session=True, **options))
        return started[-1]

    yield begin
    process_tree.end(lambda: process_tree.find(fleet_id), grace_seconds=0.0)
    for process in started:
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def agent_with_guard(spawn: Spawn, fleet_id: str) -> subprocess.Popen[bytes]:
    """A guard whose agent is a shell; it ends when the guard has."""
    script = '"$0" -m airfleet.agent.cluster.watchdog "$1"; :'
    return spawn("/bin/sh", "-c", script, sys.executable, fleet_id, stdin=subprocess.PIPE)


def server(spawn: Spawn) -> tuple[int, int]:
    """The pids of a server and its child."""
    process = spawn(sys.executable, "-c", SERVER, stdout=subprocess.PIPE)
    assert process.stdout is not None
    pids = int(process.stdout.readline()), int(process.stdout.readline())
    return process.pid, next(pid for pid in pids if pid != process.pid)


def test_attempts_end_and_servers_stay_with_all_that_is_below_them(spawn: Spawn, fleet_id: str) -> None:
    attempt, (leader, child) = spawn("sleep", "600"), server(spawn)
    assert end_attempts(fleet_id, {leader}) == 1
    assert attempt.wait() == -9
    assert process_tree.find(fleet_id) == tuple(sorted((leader, child)))


def test_a_permission_that_is_over_ends_attempts_although_the_agent_lives(spawn: Spawn, fleet_id: str) -> None:
    attempt, (leader, _) = spawn("sleep", "600"), server(spawn)
    guard = agent_with_guard(spawn, fleet_id)
    assert guard.stdin is not None
    guard.stdin.write(Permission(60.0, frozenset({leader, guard.pid})).line())
    guard.stdin.write(Permission(0.5, frozenset({leader, guard.pid})).line())
    guard.stdin.flush()
    assert attempt.wait(timeout=20) == -9
    assert survives(guard.pid)
    assert leader in process_tree.find(fleet_id)


def test_a_guard_whose_agent_was_killed_does_its_duty_and_goes(spawn: Spawn, fleet_id: str) -> None:
    attempt = spawn("sleep", "600")
    guard = agent_with_guard(spawn, fleet_id)
    assert guard.stdin is not None
    guard.stdin.write(Permission(1.0, frozenset({guard.pid})).line())
    guard.stdin.close()
    assert attempt.wait(timeout=20) == -9
    wait_until(lambda: guard.poll() is not None, 10, "the guard has ended")


def test_a_guard_that_is_sent_away_ends_nothing(spawn: Spawn, fleet_id: str) -> None:
    attempt = spawn("sleep", "600")
    guard = agent_with_guard(spawn, fleet_id)
    assert guard.stdin is not None
    guard.stdin.write(Permission(0.0, frozenset({attempt.pid})).line() + BYE + b"\n")
    guard.stdin.close()
    assert guard.wait(timeout=20) == 0
    assert survives(attempt.pid)


def test_a_permission_is_read_as_it_was_sent() -> None:
    for permission in (Permission(2.5, frozenset({3, 1})), Permission(float("inf"), frozenset())):
        assert Permission.read(permission.line().strip()) == permission


def test_what_is_left_of_a_worker_is_seen_and_what_is_spared_is_none_of_it(spawn: Spawn, fleet_id: str) -> None:
    leader, _ = server(spawn)
    assert not has_attempts(fleet_id, {leader})
    attempt = spawn("sleep", "600")
    assert has_attempts(fleet_id, {leader})
    end_attempts(fleet_id, {leader})
    assert attempt.wait() == -9
    assert not has_attempts(fleet_id, {leader})


def test_attempts_may_be_left_from_a_workers_beginning_until_a_look_finds_none() -> None:
    now, left, looks = [0.0], [True], []

    def look() -> bool:
        looks.append(now[0])
        return left[0]

    remains = LeftAttempts(look, lambda: now[0])
    assert not remains.may_be(workers=False)
    assert looks == []  # none ever ran
    assert remains.may_be(workers=True)
    now[0] = 1.0
    assert remains.may_be(workers=False)
    left[0] = False
    now[0] = 2.0
    assert remains.may_be(workers=False)  # it does not look all the time
    now[0] = 1.0 + LOOK_SECONDS
    assert not remains.may_be(workers=False)
    remains.worker_began()  # and was gone again before anybody asked
    left[0] = True
    now[0] += LOOK_SECONDS
    assert remains.may_be(workers=False)
    left[0] = False
    remains.ended()
    assert not remains.may_be(workers=False)
