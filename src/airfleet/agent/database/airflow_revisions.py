"""The revisions of Airflow's schema that the installed Airflow knows, read from its files without an import."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

#: the revision of Airflow 3.0.0, the first one that a fleet adopts
FIRST_OF_AIRFLOW_3 = "29ce7909c52b"
#: bytes at the top of a file that hold its revision
_BYTES = 8192
_VALUE = re.compile(r"""^(revision|down_revision|airflow_version)(?:: [\w| ]+)? = ["']([\w.]+)["']""", re.MULTILINE)


@dataclass(frozen=True)
class Revision:
    """One state of the schema; ``before`` names its predecessor, and is empty for the first."""

    name: str
    before: str
    #: the version of Airflow that introduced it
    airflow: str


@dataclass(frozen=True)
class Revisions:
    """The revisions that an Airflow knows, in order; the last one is its own."""

    known: tuple[Revision, ...]

    @property
    def head(self) -> str:
        """The revision of this Airflow; empty where none is known."""
        return self.known[-1].name if self.known else ""

    def after(self, name: str) -> tuple[Revision, ...] | None:
        """Return the revisions that a database at ``name`` lacks; None when this Airflow does not know ``name``."""
        names = [revision.name for revision in self.known]
        return self.known[names.index(name) + 1 :] if name in names else None

    def airflow_of(self, name: str) -> str:
        """Return the version of Airflow that introduced a revision."""
        return next(revision.airflow for revision in self.known if revision.name == name)

    def is_of_airflow_2(self, name: str) -> bool:
        """Return whether a known revision is older than Airflow 3."""
        names = [revision.name for revision in self.known]
        return FIRST_OF_AIRFLOW_3 in names and names.index(name) < names.index(FIRST_OF_AIRFLOW_3)


def installed() -> Revisions:
    """Read the revisions of the Airflow in this environment; none where there is no Airflow."""
    found = importlib.util.find_spec("airflow")
    places = found.submodule_search_locations if found is not None else None
    files = sorted(path for place in places or () for path in Path(place, "migrations", "versions").glob("*.py"))
    return Revisions(in_order(filter(None, map(_read, files))))


def in_order(revisions: Iterable[Revision]) -> tuple[Revision, ...]:
    """Sort revisions so that each follows its predecessor; leave out those that follow none.

    >>> [one.name for one in in_order([Revision("b", "a", "3.1.0"), Revision("a", "", "3.0.0")])]
    ['a', 'b']
    """
    after = {revision.before: revision for revision in revisions}
    names = {revision.name for revision in after.values()}
    last = next((revision for before, revision in after.items() if before not in names), None)
    found: list[Revision] = []
    while last is not None and len(found) < len(after):
        found.append(last)
        last = after.get(last.name)
    return tuple(found)


def versions_of(missing: Sequence[Revision]) -> str:
    """Name the versions of Airflow that introduced these revisions.

    >>> versions_of([Revision("a", "", "3.1.0"), Revision("b", "a", "3.1.0"), Revision("c", "b", "3.2.0")])
    '3.1.0, 3.2.0'
    """
    return ", ".join(dict.fromkeys(revision.airflow for revision in missing))


def _read(path: Path) -> Revision | None:
    with path.open(encoding="utf-8", errors="replace") as file:
        values = dict(_VALUE.findall(file.read(_BYTES)))
    name = values.get("revision")
    return Revision(name, values.get("down_revision", ""), values.get("airflow_version", "")) if name else None
