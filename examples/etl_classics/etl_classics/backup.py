"""A database kept in files: dumped, restored to see that it can be, and the old ones removed.

::

    dump ─→ <name>_<moment>.dump and .json (what it must hold) ─→ rehearse: restored beside, counted, dropped ─→ retire

A backup has its final name only when it is whole. The row counts are taken in the very snapshot that is dumped, so they
agree whoever writes meanwhile. ``python -m etl_classics.backup FILE URL`` restores one into an empty database.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from etl_classics import postgres_tools
from etl_classics.errors import BadBackup

_STAMP = "%Y%m%dT%H%M%SZ"
_FILE = re.compile(r"(?P<name>.+)_(?P<moment>\d{8}T\d{6}Z)\.dump")
_TABLES = """
SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2
"""

Message = dict[str, Any]


def dump(folder: str, moment: str, connection: str = "warehouse") -> Message:
    """Write a backup; tried again for the same moment, it takes the place of the one before."""
    url = _url(connection)
    name, stamp = _database(url), dt.datetime.fromisoformat(moment).astimezone(dt.UTC).strftime(_STAMP)
    target = Path(folder) / f"{name}_{stamp}.dump"
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with _snapshot(url) as (snapshot, rows):
            _run("pg_dump", url, "--format=custom", f"--snapshot={snapshot}", f"--file={draft}")
        _keep(target.with_suffix(".json"), json.dumps({"database": name, "rows": rows}, indent=1))
        os.replace(draft, target)
    finally:
        draft.unlink(missing_ok=True)
    print(f"{target}: {target.stat().st_size:,} bytes, {sum(rows.values()):,} rows in {len(rows)} tables")
    return {"file": str(target), "bytes": target.stat().st_size, "tables": len(rows), "rows": sum(rows.values())}


def rehearse(backup: Mapping[str, Any], connection: str = "warehouse") -> None:
    """Restore a backup beside the database, count, and drop what was restored.

    Raises:
        BadBackup: it cannot be restored, or does not hold what was there.
    """
    url, file = _url(connection), Path(backup["file"])
    scratch = f"rehearsal_{os.getpid()}_{file.stem.lower()}"[:60]
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(scratch)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(scratch)))
        try:
            restore(file, _with_database(url, scratch))
        finally:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(scratch)))
    print(f"{file.name} can be restored, and holds all rows")


def restore(file: Path, url: str) -> dict[str, int]:
    """Restore a backup into an empty database; how many rows each table has.

    Raises:
        BadBackup: it is damaged, or does not hold what was there.
    """
    try:
        _run("pg_restore", url, "--exit-on-error", "--no-owner", "--no-privileges", "--single-transaction", str(file))
    except subprocess.CalledProcessError as error:
        raise BadBackup(f"{file} cannot be restored: {_last_line(error.stderr)}") from error
    expected = json.loads(file.with_suffix(".json").read_text())["rows"]
    with psycopg.connect(url) as connection:
        found = _rows(connection)
    if found != expected:
        wrong = sorted(table for table in {*found, *expected} if found.get(table) != expected.get(table))
        said = ", ".join(f"{table}: {found.get(table)} rows for {expected.get(table)}" for table in wrong)
        raise BadBackup(f"{file} does not hold what was there: {said}")
    return found


def retire(folder: str, moment: str, keep_days: int = 14, keep_at_least: int = 3) -> list[str]:
    """Remove backups older than ``keep_days`` before ``moment``; never the newest ``keep_at_least`` of a database."""
    limit = dt.datetime.fromisoformat(moment).astimezone(dt.UTC) - dt.timedelta(days=int(keep_days))
    by_name: dict[str, list[tuple[str, Path]]] = {}
    for file in Path(folder).glob("*.dump"):
        if match := _FILE.fullmatch(file.name):
            by_name.setdefault(match["name"], []).append((match["moment"], file))
    old = [
        file
        for found in by_name.values()
        for stamp, file in sorted(found, reverse=True)[int(keep_at_least) :]
        if stamp < limit.strftime(_STAMP)
    ]
    for file in old:
        file.unlink()
        file.with_suffix(".json").unlink(missing_ok=True)
    print(f"{len(old)} old backups removed")
    return sorted(file.name for file in old)


def main(arguments: list[str] | None = None) -> None:
    """Restore a backup."""
    parser = argparse.ArgumentParser(prog="etl_classics.backup", description="Restore a backup into an empty database.")
    parser.add_argument("file", type=Path)
    parser.add_argument("url", help="postgresql://...; the password may be in PGPASSWORD")
    options = parser.parse_args(arguments)
    for table, rows in restore(options.file, options.url).items():
        print(f"{table}: {rows:,} rows")


@contextlib.contextmanager
def _snapshot(url: str) -> Iterator[tuple[str, dict[str, int]]]:
    """A snapshot of the database for others to use while the block lasts, and the rows of its tables."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield str(row[0]), _rows(connection)


def _rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    tables = connection.execute(_TABLES).fetchall()
    query = sql.SQL("SELECT count(*) FROM {}")
    counted = {}
    for schema, table in tables:
        row = connection.execute(query.format(sql.Identifier(schema, table))).fetchone()
        counted[f"{schema}.{table}"] = int(row[0]) if row else 0
    return counted


def _run(program: str, url: str, *options: str) -> None:
    """The password goes by the environment: everybody can read the arguments of a process."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit(parts._replace(netloc=f"{parts.username}@{host}" if parts.username else host))
    environ = dict(os.environ)
    if parts.password:
        environ["PGPASSWORD"] = psycopg.conninfo.conninfo_to_dict(url)["password"]
    command: Sequence[str] = (str(postgres_tools.find(program)), f"--dbname={bare}", *options)
    subprocess.run(command, env=environ, check=True, capture_output=True, text=True)


def _url(connection: str) -> str:
    from airflow.sdk import Connection

    found = Connection.get(connection)
    user = f"{quote(found.login, safe='')}:{quote(found.password or '', safe='')}@" if found.login else ""
    return f"postgresql://{user}{found.host}:{found.port or 5432}/{found.schema}"


def _database(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _keep(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(text)
    os.replace(draft, file)


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


if __name__ == "__main__":
    main()
