"""Log files older than the fleet keeps them are deleted, and nothing else is."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airfleet.agent.host import log_retention
from airfleet.events import Event
from airfleet.fleet.planning.plan import Plan

NOW = 1_800_000_000.0
DAY = 86_400.0


def age(path: Path, days: float, now: float = NOW) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text("a line\n")
    os.utime(path, (now - days * DAY, now - days * DAY))
    return path


def test_files_older_than_that_go_and_younger_ones_stay(tmp_path: Path) -> None:
    old = [age(tmp_path / "dag_id=a" / "run_id=1" / "attempt=1.log", 31), age(tmp_path / "gone.log", 90)]
    young = [age(tmp_path / "dag_id=a" / "run_id=2" / "attempt=1.log", 29), age(tmp_path / "agent.log", 0)]
    assert log_retention.delete(tmp_path, NOW - 30 * DAY) == 2
    assert [path.exists() for path in (*old, *young)] == [False, False, True, True]


def test_old_folders_that_are_empty_go_too_but_not_the_one_of_all_logs(tmp_path: Path) -> None:
    age(tmp_path / "a" / "b" / "x.log", 31)
    age(tmp_path / "a" / "b", 31)
    age(tmp_path / "a", 31)
    age(tmp_path, 31)
    log_retention.delete(tmp_path, NOW - 30 * DAY)
    assert not (tmp_path / "a" / "b").exists()
    age(tmp_path / "a", 31)  # it changed when the folder in it went
    age(tmp_path, 31)
    log_retention.delete(tmp_path, NOW - 30 * DAY)
    assert tmp_path.is_dir()
    assert not (tmp_path / "a").exists()


def test_a_folder_in_which_something_has_just_happened_stays(tmp_path: Path) -> None:
    age(tmp_path / "a" / "x.log", 31)
    age(tmp_path / "a", 0)
    log_retention.delete(tmp_path, NOW - 30 * DAY)
    assert list((tmp_path / "a").iterdir()) == []


def test_a_link_is_judged_by_itself_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    target = age(tmp_path / "elsewhere" / "important", 90)
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "latest").symlink_to(target.parent)
    assert log_retention.delete(folder, NOW - 30 * DAY) == 0
    assert target.exists()


def test_a_folder_that_is_not_there_has_no_logs(tmp_path: Path) -> None:
    assert log_retention.delete(tmp_path / "none", NOW) == 0


PLAN = Plan("shop", Path("/srv/shop"), (), {}, {}, url="", user="")


def test_the_agent_looks_at_its_start_and_tells(tmp_path: Path) -> None:
    age(tmp_path / "one" / "x.log", 2, time.time())
    age(tmp_path / "two" / "y.log", 2, time.time())
    told: list[tuple[Event, dict[str, Any]]] = []
    done = threading.Event()

    def log(event: Event, **payload: Any) -> None:
        told.append((event, payload))
        done.set()

    plan = replace(PLAN, log_retention_seconds=DAY)
    log_retention.delete_from_now_on(plan, (tmp_path / "one", tmp_path / "two"), log)
    assert done.wait(10)
    assert told == [(Event.LOGS_DELETED, {"count": 2})]


def test_without_a_retention_nobody_looks(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    log_retention.delete_from_now_on(PLAN, (tmp_path,), lambda *_, **__: pytest.fail("somebody looked"))
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "old-logs"]
