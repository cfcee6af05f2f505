"""Files that a supplier leaves in a folder: loaded once, whole, and moved out of the way.

``deliveries_<day>.csv`` comes first and ``deliveries_<day>.csv.sha256`` last; the second says what the first must hold,
so a file that is still being written is never taken. A file that is loaded again takes the place of its own rows.
"""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.filesystem import FSHook

from etl_classics.errors import BadData, ChangedSource
from etl_classics.warehouse import CONNECTION, copy_rows, make_tables, transaction

FOLDER = "deliveries"
HEADER = ("product", "pieces", "supplier")
DONE = "done"
SHOWN = 10

_TABLES = """
CREATE SCHEMA IF NOT EXISTS raw;
CREATE TABLE IF NOT EXISTS raw.deliveries (
    day date NOT NULL, product integer NOT NULL, pieces integer NOT NULL, supplier text NOT NULL,
    sha256 text NOT NULL
);
"""


def load(day: str, folder: str = FOLDER, warehouse: str = CONNECTION) -> dict[str, Any]:
    """Load the file of a day in place of what was there of it; it may stand in the folder or in ``done`` already.

    Raises:
        ChangedSource: the file is cut off, or is not as agreed; nothing of it was loaded.
    """
    base = Path(FSHook(folder).get_path())
    file = _find(base, f"deliveries_{day}.csv")
    content, said = file.read_bytes(), file.with_name(f"{file.name}.sha256").read_text().split()[0]
    digest = hashlib.sha256(content).hexdigest()
    if digest != said:
        raise ChangedSource(
            f"{file} is cut off or was changed: {file.name}.sha256 is of another content; nothing was loaded"
        )
    rows = [(day, *row, digest) for row in _rows(content.decode("utf-8-sig"), file.name)]
    with transaction(warehouse) as cursor:
        make_tables(cursor, _TABLES)
        cursor.execute("DELETE FROM raw.deliveries WHERE day = %s", (day,))
        copy_rows(cursor, "raw.deliveries", ("day", *HEADER, "sha256"), rows)
    return {"day": day, "rows": len(rows), "file": file.name}


def put_away(day: str, folder: str = FOLDER) -> None:
    """Move the file of a day into ``done``; its digest first, so that the folder never has that alone."""
    base = Path(FSHook(folder).get_path())
    (base / DONE).mkdir(exist_ok=True)
    for name in (f"deliveries_{day}.csv.sha256", f"deliveries_{day}.csv"):
        if (base / name).exists():
            os.replace(base / name, base / DONE / name)


def deliver(folder: Path, day: str, rows: list[tuple[int, int, str]]) -> Path:
    """Leave a file as the supplier does."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"deliveries_{day}.csv"
    text = "".join(f"{','.join(map(str, row))}\n" for row in (HEADER, *rows))
    file.write_text(text)
    file.with_name(f"{file.name}.sha256").write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  {file.name}\n")
    return file


def _find(base: Path, name: str) -> Path:
    """A step that is tried again may find the file put away."""
    for file in (base / name, base / DONE / name):
        if file.exists() and file.with_name(f"{name}.sha256").exists():
            return file
    raise ChangedSource(f"{base} holds no {name} with its {name}.sha256, and neither does {DONE}")


def _rows(text: str, name: str) -> list[tuple[int, int, str]]:
    lines = csv.reader(text.splitlines())
    header = tuple(next(lines, ()))
    if header != HEADER:
        raise ChangedSource(f"the header of {name} is {','.join(header)}; it must be {','.join(HEADER)}")
    rows, wrong = [], []
    for row in lines:
        try:
            product, pieces, supplier = row
            rows.append((int(product), int(pieces), supplier))
        except ValueError:
            wrong.append(f"line {lines.line_num}: {','.join(row)}")
    if wrong:
        more = f"\n... and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise BadData(f"{name} has lines that make no sense, nothing was loaded:\n" + "\n".join(wrong[:SHOWN]) + more)
    return rows
