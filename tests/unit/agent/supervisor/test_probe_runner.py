"""Probes run in threads, and each gives an answer."""

from __future__ import annotations

import os
from pathlib import Path

from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.states import State
from airfleet.agent.supervisor.probe_runner import READY_PROBE_SECONDS, ProbeAnswer, ProbeRunner
from airfleet.agent.supervisor.process import Running
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.plan import Component, Exec, FileBeats


def test_a_probe_that_fails_in_another_way_is_an_answer_and_is_asked_again(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    beat.write_bytes(b"\xff")  # no text
    running = Running(
        Component("one", "thing", Exec(("true",)), FileBeats(str(beat))), tmp_path / "log", lambda _: None
    )
    running.began(os.getpid(), 0.0, 0.0)
    running.move_to(State.STARTING, 0.0)
    prober = ProbeRunner(DatabaseConnection(""), lambda: None)

    def answer(now: float) -> ProbeAnswer:
        prober.ask(running, now)
        return wait_until(lambda: next(prober.answers(), None), 5, "there is an answer", pause_seconds=0.01)

    assert str(answer(0.0).result.reason).startswith("cannot be asked: UnicodeDecodeError: ")
    beat.write_text(str(os.getpid()))
    assert answer(READY_PROBE_SECONDS).result.well
    prober.close()
