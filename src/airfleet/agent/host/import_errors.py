"""Import errors of Dag files, read from the database now and then, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import LiteralString

import psycopg

from airfleet.agent.control import ImportErrors
from airfleet.agent.probes.database_connection import Queries

#: between two questions, seconds
PAUSE_SECONDS = 10.0
#: files that are named
MOST_FILES = 50
#: characters of what is said of one
_CHARACTERS = 200

_FIND: LiteralString = """
SELECT count(*) OVER ()::int, filename::text, left(stacktrace, 1000), right(stacktrace, 1000)
FROM import_error ORDER BY filename LIMIT %s
"""


class ImportErrorWatch:
    """The import errors that the database named last."""

    def __init__(self, database: Queries, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._not_before = float("-inf")
        self.found = ImportErrors()

    def look(self) -> None:
        """Have the database asked when it is time to; returns at once."""
        if self._clock() < self._not_before or (self._thread is not None and self._thread.is_alive()):
            return
        self._not_before = self._clock() + PAUSE_SECONDS
        self._thread = threading.Thread(target=self.ask, name="import errors", daemon=True)
        self._thread.start()

    def ask(self) -> None:
        """Ask the database; while it is away, or has no tables yet, what it said last stands."""
        try:
            rows = self._database.rows(_FIND, (MOST_FILES,))
        except psycopg.Error:
            return
        files = {str(file): _sentence(start or "", end or "") for _, file, start, end in rows}
        self.found = ImportErrors(int(rows[0][0]) if rows else 0, files)


def _sentence(start: str, end: str) -> str:
    """Return the line that names the error: of a traceback the last one, else the first one.

    >>> _sentence("Traceback (most recent call last):\\n  File x", "File x\\nValueError: no\\n")
    'ValueError: no'
    """
    lines = end.strip().splitlines()[-1:] if start.startswith("Traceback") else start.strip().splitlines()[:1]
    return "".join(lines).strip()[:_CHARACTERS]
