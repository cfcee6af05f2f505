"""What the agent knows of Dag files that have import errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psycopg

from airfleet.agent.control import ImportErrors, Snapshot
from airfleet.agent.host.import_errors import PAUSE_SECONDS, ImportErrorWatch
from airfleet.cli.commands.fleet import status
from airfleet.client import agent_client


class Database:
    """Says what it holds, when it is there."""

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.held = list(rows)
        self.away = False
        self.asked = 0

    def rows(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        """As the agent's connection."""
        self.asked += 1
        if self.away:
            raise psycopg.OperationalError("the server is away")
        return self.held


TRACEBACK = "Traceback (most recent call last):\n  File x\nValueError: no\n"


def test_files_are_counted_and_the_first_ones_named() -> None:
    watch = ImportErrorWatch(Database((7, "a.py", TRACEBACK, TRACEBACK), (7, "b.py", "x" * 999, "x")), lambda: 0.0)
    watch.ask()
    assert watch.found == ImportErrors(7, {"a.py": "ValueError: no", "b.py": "x" * 200})


def test_what_was_found_stands_while_the_database_is_away_and_is_gone_when_it_is_mended() -> None:
    database = Database((1, "a.py", "wrong", "wrong"))
    watch = ImportErrorWatch(database, lambda: 0.0)
    watch.ask()
    database.away = True
    watch.ask()
    assert watch.found.count == 1
    database.away, database.held = False, []
    watch.ask()
    assert watch.found == ImportErrors()


def test_the_database_is_asked_now_and_then() -> None:
    database, now = Database(), [0.0]
    watch = ImportErrorWatch(database, lambda: now[0])

    def look_and_wait() -> None:
        watch.look()
        if watch._thread is not None:
            watch._thread.join(10)

    for at, asked in ((0.0, 1), (PAUSE_SECONDS - 0.1, 1), (PAUSE_SECONDS, 2), (PAUSE_SECONDS + 1, 2)):
        now[0] = at
        look_and_wait()
        assert database.asked == asked


def test_what_is_wrong_reaches_whoever_asks_and_the_fleet_is_healthy_all_the_same() -> None:
    wrong = ImportErrors(1, {"a.py": "ValueError: no"})
    told = Snapshot("shop", "ready", 7, "/home", import_errors=wrong)
    heard = Snapshot.from_json(json.loads(json.dumps(told.to_json())))
    assert heard == told
    assert status.whole(heard)["import_errors"] == {"count": 1, "files": {"a.py": "ValueError: no"}}
    assert status.cannot_be_imported(heard) == ("1 Dag file has an import error, 'a.py': ValueError: no",)
    assert status.cannot_be_imported(Snapshot("shop", "ready", 7, "/home")) == ()
    assert agent_client.is_healthy(heard)
