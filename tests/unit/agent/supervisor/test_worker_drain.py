"""A worker that was replaced ends when its attempts have, by itself or by force."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from airfleet.agent.supervisor import worker_drain
from airfleet.agent.supervisor.worker_drain import WorkerDrain
from airfleet.drill.waiting import wait_until
from airfleet.system import process_tree
from support.survival import survives

#: a program that does not end when it is asked to
DEAF = "trap '' TERM; echo ready; while :; do sleep 0.1; done"


class Clock:
    """Goes on when it is told to, from some moment long after the machine's start."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def deaf_worker() -> Iterator[subprocess.Popen[str]]:
    """A process that leads a session and hears no SIGTERM."""
    process = subprocess.Popen(["sh", "-c", DEAF], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_one_that_does_not_hear_is_ended_when_nothing_of_it_works_any_more() -> None:
    clock, busy = Clock(), [True]
    out = WorkerDrain(clock, works=lambda pid: busy[0])
    with deaf_worker() as worker:
        out.add(worker.pid)
        clock.now += worker_drain.GRACE_SECONDS + worker_drain.LOOK_SECONDS + 1
        out.look()
        assert survives(worker.pid), "it was ended while an attempt ran"
        busy[0] = False
        clock.now += worker_drain.LOOK_SECONDS
        out.look()
        assert worker.wait(10) == -signal.SIGKILL
        assert out.ended(worker.pid)
        assert not out


def test_it_has_time_to_end_by_itself() -> None:
    clock = Clock()
    out = WorkerDrain(clock, works=lambda pid: False)
    with deaf_worker() as worker:
        out.add(worker.pid)
        clock.now += worker_drain.GRACE_SECONDS
        out.look()
        assert survives(worker.pid)


def test_between_two_looks_passes_some_time() -> None:
    clock, looks = Clock(), []
    out = WorkerDrain(clock, works=lambda pid: not looks.append(pid))
    with deaf_worker() as worker:
        out.add(worker.pid)
        clock.now += worker_drain.GRACE_SECONDS + 1
        out.look()
        clock.now += worker_drain.LOOK_SECONDS - 0.1
        out.look()
        assert looks == [worker.pid]
        clock.now += 0.1
        out.look()
        assert looks == [worker.pid] * 2


def test_it_is_asked_to_end_at_once() -> None:
    out = WorkerDrain(Clock())
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    out.add(process.pid)
    assert process.wait(10) == -signal.SIGTERM
    assert out.ended(process.pid)
    assert not out.ended(process.pid)


def test_one_that_is_no_child_is_missed_when_it_has_gone() -> None:
    clock = Clock()
    out = WorkerDrain(clock, works=lambda pid: True)
    with deaf_worker() as worker:
        kept = process_tree.component(worker.pid, "worker")
        assert kept is not None
        out.adopt(kept)
        assert out.pids == (worker.pid,)
        clock.now += worker_drain.LOOK_SECONDS
        assert out.look() == ()
        os.killpg(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has reaped it
        clock.now += worker_drain.LOOK_SECONDS
        assert out.look() == (worker.pid,)
        assert not out


def test_a_process_that_watches_an_attempt_is_known_by_its_title_and_its_session() -> None:
    script = 'exec -a "airflow supervisor: 01a1ff67" sleep 60'
    process = subprocess.Popen(["bash", "-c", script], start_new_session=True)
    try:
        wait_until(lambda: worker_drain.has_attempts(process.pid), 10, "its title is there")
        assert not worker_drain.has_attempts(os.getpid())
    finally:
        process.kill()
        process.wait()
    assert not worker_drain.has_attempts(process.pid)


def test_a_process_that_goes_while_it_is_looked_at_watches_nothing(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12" / "cmdline").write_bytes(worker_drain.MONITOR + b"01a1ff67")
    assert not worker_drain.has_attempts(11, tmp_path)
    (tmp_path / "12" / "stat").write_text("12 (airflow) S 1 12 11 0 -1" + " 0" * 15)
    assert worker_drain.has_attempts(11, tmp_path)
    assert not worker_drain.has_attempts(1, tmp_path)
