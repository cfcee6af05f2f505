"""A database that knows attempts of one host, and what it was told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from airfleet.metadata.lost_attempts import REPORT, RUNNING_HERE


def celery_id(attempt: str) -> str:
    return f"celery-{attempt}"


def told_of(attempt: str, hostname: str) -> dict[str, Any]:
    """What a report says of one lost attempt."""
    return {"ids": [attempt], "celery_ids": [celery_id(attempt)], "hostname": hostname}


class AttemptDatabase:
    """Answers as Airflow's would; ``away`` makes it refuse."""

    def __init__(self, running: Sequence[tuple[str, int, bool, float]] = ()) -> None:
        self.running = list(running)
        self.asked: list[tuple[LiteralString, Any]] = []
        self.away = False

    def rows(self, query: LiteralString, parameters: Any) -> list[tuple[Any, ...]]:
        if self.away:
            raise psycopg.OperationalError("the server is away")
        self.asked.append((query, parameters))
        if query == RUNNING_HERE:
            return [(*row, celery_id(row[0])) for row in self.running]
        return [(len(parameters["ids"]), 1)] if query == REPORT else [(1, 1)]

    def told(self, query: LiteralString) -> list[Any]:
        return [parameters for asked, parameters in self.asked if asked == query]
