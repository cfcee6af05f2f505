"""Dumps for servers of another version."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.agent.servers import cluster_copy
from airfleet.agent.servers.cluster_copy import Tools
from airfleet.errors import FleetError

DUMP = b"""\
CREATE ROLE airfleet;
CREATE ROLE airflow;
SET transaction_timeout = 0;
CREATE DATABASE airflow WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = libc LOCALE = 'C';
COPY public.notes (text) FROM stdin;
SET transaction_timeout = 0;
CREATE ROLE airfleet;
CREATE DATABASE x LOCALE_PROVIDER = libc
\\.
SET transaction_timeout = 0;
""".splitlines(keepends=True)
TIMEOUTS, ROWS = (2, 9), slice(4, 9)


@pytest.mark.parametrize("major", [14, 15, 16, 17, 18])
def test_a_dump_has_only_what_the_server_knows_and_all_rows_as_they_are(major: int) -> None:
    adapted = list(cluster_copy.adapted(DUMP, major))
    assert (b"LOCALE_PROVIDER" in adapted[-7 if major >= 17 else -6]) is (major >= 15)
    assert adapted.count(DUMP[2]) == (3 if major >= 17 else 1)
    assert DUMP[0] not in adapted[:2]
    rows = adapted.index(DUMP[4])
    assert adapted[rows : rows + 5] == DUMP[ROWS]


def test_missing_tools_are_named(tmp_path: Path) -> None:
    (tmp_path / "psql").touch(mode=0o755)
    assert cluster_copy.missing(tmp_path) == ("pg_dumpall", "pg_dump")


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_tool_that_fails_is_quoted_and_gets_the_password_in_a_file(tmp_path: Path) -> None:
    tools = Tools(tmp_path, tmp_path / "passwords", tmp_path / "log")
    tool(tmp_path, "pg_dumpall", 'echo "SELECT 1; -- $PGPASSFILE $*"')
    tool(tmp_path, "psql", "head -c 20 > read; echo no such role >&2; exit 3".replace("read", f"{tmp_path}/read"))
    cluster_copy.dump(tools, 5432, tmp_path / "dump", 18)
    assert (tmp_path / "dump").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FleetError, match=r"psql failed \(3\): no such role"):
        cluster_copy.restore(tools, 5432, tmp_path / "dump")
    assert (tmp_path / "read").read_text() == "SELECT 1; -- " + str(tmp_path)[:7]


def test_a_dump_is_never_written_over_another_file(tmp_path: Path) -> None:
    tool(tmp_path, "pg_dumpall", "echo")
    (tmp_path / "dump").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        cluster_copy.dump(Tools(tmp_path, tmp_path / "passwords", tmp_path / "log"), 5432, tmp_path / "dump", 18)
    assert not (tmp_path / "elsewhere").exists()
