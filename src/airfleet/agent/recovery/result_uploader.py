"""The upload of results that workers left in a folder into the database, where schedulers read them.

See :mod:`airfleet.worker.result_backend`. A file is removed when its row is committed; while the database is away the
files wait. Looking costs the agent one listing of an empty folder; the database is asked from a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import LiteralString

import psycopg

from airfleet.agent.probes.database_connection import Queries

#: files carried at once
_BATCH = 200
#: seconds until the next attempt when the database does not take them
_RETRY_SECONDS = 2.0

_KEEP: LiteralString = """
WITH kept AS (
    INSERT INTO airfleet_outcome (key, value) SELECT * FROM unnest(%s::text[], %s::text[])
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, at = clock_timestamp() RETURNING 1
), removed AS (
    DELETE FROM airfleet_outcome WHERE at < clock_timestamp() - interval '1 day' RETURNING 1
)
SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM removed)
"""


class ResultUploader:
    """Uploads the results in the folder of one host's workers."""

    def __init__(self, folder: Path, database: Queries, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._database = database
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        #: who calls a second time returns when what lies there is committed
        self._carrying = threading.Lock()

    def look(self) -> None:
        """Have the results there uploaded; return at once."""
        if self._clock() < self._not_before or (self._thread is not None and self._thread.is_alive()):
            return
        if self._waiting():
            self._thread = threading.Thread(target=self._carry_or_wait, name="outcomes", daemon=True)
            self._thread.start()

    def _carry_or_wait(self) -> None:
        try:
            self.carry()
        except (psycopg.Error, OSError):
            self._not_before = self._clock() + _RETRY_SECONDS

    def carry(self) -> int:
        """Upload all results there; return how many there were. Raises psycopg.Error or OSError."""
        with self._carrying:
            files = self._waiting()
            for first in range(0, len(files), _BATCH):
                self._carry(files[first : first + _BATCH])
        return len(files)

    def _carry(self, files: Sequence[Path]) -> None:
        read = {file: (_mark(file), file.read_text(encoding="utf-8")) for file in files}
        self._database.rows(_KEEP, ([file.name for file in read], [value for _, value in read.values()]))
        for file, (mark, _) in read.items():
            if _mark(file) == mark:  # else another one was put in its place meanwhile, to be carried next
                file.unlink()

    def _waiting(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if not path.name.startswith("."))
        except FileNotFoundError:
            return []


def _mark(file: Path) -> tuple[int, int]:
    """Return a mark that differs for another file in the same place."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns
