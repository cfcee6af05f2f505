"""A component that was given up is tried again when its cause may be gone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent import control
from airfleet.agent.supervisor.process import Running
from airfleet.agent.supervisor.reasons import Exited
from airfleet.agent.supervisor.retries import LOOK_SECONDS, Retries
from airfleet.cli.output import component_view
from airfleet.fleet.planning.plan import Component, Exec
from airfleet.spool.current_work import Kind, WorkItem
from support.toy_agent import reporting, toy

STAY = "while :; do sleep 0.05; done"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def given_up() -> Running:
    return Running(Component("one", "thing", Exec(("true",))), Path("log"), lambda _: None)


def test_it_is_tried_after_one_minute_then_two_then_every_five() -> None:
    clock, running = Clock(), given_up()
    retrying = Retries(lambda: None, clock)
    for seconds in (60.0, 120.0, 300.0, 300.0):
        retrying.gave_up(running)
        clock.now += seconds - 0.1
        assert not retrying.is_due(running)
        clock.now += 0.1
        assert retrying.is_due(running)


@pytest.mark.parametrize("change", ["edit", "new", "gone"])
def test_it_is_tried_when_a_file_of_pipelines_has_changed(change: str, tmp_path: Path) -> None:
    clock, running = Clock(), given_up()
    (tmp_path / "team").mkdir()
    file = tmp_path / "team" / "bad.yaml"
    file.write_text("dag_id: bad")
    retrying = Retries(lambda: tmp_path, clock)
    retrying.gave_up(running)
    (tmp_path / "notes.txt").write_text("nothing that counts")
    clock.now += LOOK_SECONDS
    assert not retrying.is_due(running)
    if change == "edit":
        os.utime(file, (1, 1))
    elif change == "new":
        (tmp_path / "new.py").touch()
    else:
        file.unlink()
    clock.now += LOOK_SECONDS
    assert retrying.is_due(running)


@pytest.mark.parametrize("by", ["a file", "a person"])
def test_an_agent_tries_again_what_it_gave_up(by: str, tmp_path: Path) -> None:
    mended, pipelines = tmp_path / "mended", tmp_path / "pipelines"
    pipelines.mkdir()
    beat = tmp_path / "beat"
    one = reporting("one", beat, f"[ -f {mended} ] || exit 3; echo $$ > {beat}; {STAY}")
    with toy(one, pipelines=pipelines) as running:
        assert running.wait_for("one", "gave_up").tried_again_in is not None
        mended.touch()
        if by == "a file":
            (pipelines / "p.yaml").touch()
        else:
            control.tell(running.paths.socket, {"do": "restart", "name": ""})
        assert running.wait_for("one", "ready").tried_again_in is None


def test_status_names_what_a_component_died_of_and_when_it_is_tried_again() -> None:
    running = given_up()
    running.reason, running.work, running.error = Exited(1), WorkItem(Kind.FILE, "bad.py"), "DataError: x"
    shown = replace(running.status(0.0), tried_again_in=50.0)
    assert (
        component_view.why(shown)
        == "ended with exit code 1 while it stored bad.py (DataError: x); tried again in 50.0s"
    )
    assert control._component(shown.in_short()).work_kind is Kind.FILE


def test_it_is_tried_when_another_release_is_live(tmp_path: Path) -> None:
    clock, running, live = Clock(), given_up(), [tmp_path / "one", tmp_path / "two"]
    for tree in live:
        tree.mkdir()
        (tree / "bad.yaml").write_text("dag_id: bad")
    retrying = Retries(lambda: live[0], clock)
    retrying.gave_up(running)
    clock.now += LOOK_SECONDS
    assert not retrying.is_due(running)
    live.pop(0)
    clock.now += LOOK_SECONDS
    assert retrying.is_due(running)
