"""Migrations as values: the files of this folder, ``NNNN_name.sql``, in the order of their numbers.

They are written for PostgreSQL, the one database of a fleet; ``airfleet run`` has a database without airfleet's tables.

A migration that a release has applied somewhere never changes; what comes after it is a new file. Databases record the
digest of its statements, in which comments and white space do not count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_FILE = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_COMMENT = re.compile(r"--[^\n]*")


@dataclass(frozen=True)
class Migration:
    """One step of the schema: statements of PostgreSQL that turn its predecessor's into its own."""

    number: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """A short hash of the statements.

        >>> Migration(1, "a", "SELECT 1;").digest == Migration(1, "a", "-- why\\nSELECT  1;\\n").digest
        True
        """
        statements = " ".join(_COMMENT.sub("", self.sql).split())
        return hashlib.blake2b(statements.encode(), digest_size=12).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04} ({self.name.replace('_', ' ')})"


@cache
def shipped() -> tuple[Migration, ...]:
    """Read the migrations of this airfleet, oldest first."""
    return in_order(_read(path) for path in _FOLDER.glob("*.sql"))


def in_order(migrations: Iterable[Migration]) -> tuple[Migration, ...]:
    """Sort migrations by number. Raises ValueError unless the numbers are 1, 2, 3 and so on."""
    found = tuple(sorted(migrations, key=lambda one: one.number))
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations are not numbered one after the other: {', '.join(map(str, found))}")
    return found


def _read(path: Path) -> Migration:
    match = _FILE.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is not called NNNN_name.sql")
    return Migration(int(match["number"]), match["name"], path.read_text(encoding="utf-8"))
