"""Marks of what a component works on."""

from __future__ import annotations

import os
from pathlib import Path

from airfleet.spool.current_work import CurrentWork, Kind, WorkItem, path_of, read


def test_what_a_process_worked_on_is_known_after_its_death_and_nothing_of_another_one(tmp_path: Path) -> None:
    path = path_of(tmp_path, "scheduler")
    work = CurrentWork(path)
    work.on(Kind.RUN, "run one of Dag a")
    work.on(Kind.DAG, "b")
    assert read(path, os.getpid()) == WorkItem(Kind.DAG, "b")
    assert read(path, os.getpid() + 1) == WorkItem()
    path.write_text("nonsense")
    assert read(path, os.getpid()) == WorkItem()


def test_where_nothing_can_be_written_down_the_component_goes_on(tmp_path: Path) -> None:
    work = CurrentWork(tmp_path / "no" / "such" / "folder")
    work.on(Kind.DAG, "a")
