"""What workers leave in a folder gets into the database, once, whatever is away meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import Celery

from airfleet.agent.recovery.result_uploader import ResultUploader
from airfleet.drill.waiting import wait_until
from airfleet.worker.result_backend import WorkerOutcomes


class Database:
    """Remembers what it was told, when it is there. ``meanwhile`` happens while it is told."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.away = False
        self.told: dict[str, str] = {}
        self.meanwhile = meanwhile

    def rows(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        if self.away:
            raise psycopg.OperationalError("the server is away")
        self.told.update(zip(*parameters, strict=True))
        self.meanwhile()
        return [(len(parameters[0]), 0)]


def test_an_outcome_is_carried_and_its_file_is_gone(tmp_path: Path) -> None:
    database = Database()
    outcomes = ResultUploader(tmp_path, database, clock=lambda: 0.0)
    (tmp_path / "one").write_text("FAILURE")
    (tmp_path / ".two.123").write_text("not complete")
    outcomes.look()
    wait_until(lambda: not (tmp_path / "one").exists(), 10, "the file is gone")
    assert database.told == {"one": "FAILURE"}
    assert (tmp_path / ".two.123").exists()


def test_it_waits_while_the_database_is_away(tmp_path: Path) -> None:
    database, now = Database(), [0.0]
    database.away = True
    outcomes = ResultUploader(tmp_path, database, clock=lambda: now[0])
    (tmp_path / "one").write_text("FAILURE")
    with pytest.raises(psycopg.OperationalError):
        outcomes.carry()
    assert (tmp_path / "one").exists()
    database.away = False
    assert outcomes.carry() == 1
    assert outcomes.carry() == 0
    assert database.told == {"one": "FAILURE"}


def test_what_is_put_in_the_place_of_an_outcome_while_that_is_carried_is_carried_next(tmp_path: Path) -> None:
    def put(text: str) -> None:
        (tmp_path / ".draft").write_text(text)
        os.replace(tmp_path / ".draft", tmp_path / "one")

    puts = iter(["second", "third"])
    database = Database(meanwhile=lambda: [put(text) for text in puts] and None)
    put("first")
    outcomes = ResultUploader(tmp_path, database, clock=lambda: 0.0)
    outcomes.carry()
    assert (database.told, (tmp_path / "one").read_text()) == ({"one": "first"}, "third")
    outcomes.carry()
    assert (database.told, list(tmp_path.iterdir())) == ({"one": "third"}, [])


def test_no_folder_is_nothing_to_carry(tmp_path: Path) -> None:
    assert ResultUploader(tmp_path / "none", Database(), clock=lambda: 0.0).carry() == 0


def test_celery_in_a_worker_leaves_failures_there_without_a_database(tmp_path: Path) -> None:
    app = Celery(backend=f"airfleet.worker.result_backend:WorkerOutcomes+file://{tmp_path}", set_as_current=False)
    assert isinstance(app.backend, WorkerOutcomes)
    app.backend.mark_as_failure("1-2-3", ValueError("no such thing"))
    (file,) = tmp_path.iterdir()
    assert file.name == app.backend.get_key_for_task("1-2-3").decode()
    told = app.backend.decode_result(file.read_text())
    assert (told["status"], told["task_id"]) == ("FAILURE", "1-2-3")
    assert repr(told["result"]) == "ValueError('no such thing')"
