"""A copy of a cluster in another major version: ``pg_dumpall`` into a file, and ``psql`` out of it.

The tools are those of the newer of both versions, which alone read both. A dump for an older server is changed in
three places that it does not know.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from airfleet.agent.servers.embedded_postgres import SUPERUSER
from airfleet.errors import FleetError

#: programs that make a copy
TOOLS = ("pg_dumpall", "pg_dump", "psql")
_COPY, _COPY_END = re.compile(rb"COPY .* FROM stdin;\n"), b"\\.\n"
_SUPERUSER_LINE = f"CREATE ROLE {SUPERUSER};\n".encode()
#: settings and words of a dump -> the major version that brought them
_TIMEOUT, _TIMEOUT_SINCE = b"SET transaction_timeout = 0;\n", 17
_PROVIDER, _PROVIDER_SINCE = b" LOCALE_PROVIDER = libc", 15
_SAID_LINES = 3


@dataclass(frozen=True)
class Tools:
    """The folder with the tools, and the file with the password for them."""

    folder: Path
    passwords: Path
    #: where they write what they have to say
    log: Path

    def command(self, name: str, port: int, *more: str) -> list[str]:
        """Return the words of a tool that connects to a port of loopback as the superuser."""
        return [str(self.folder / name), "-h", "127.0.0.1", "-p", str(port), "-U", SUPERUSER, "-w", *more]

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a tool, without what would change its connection."""
        told = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**told, "PGPASSFILE": str(self.passwords), "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}


def missing(folder: Path) -> tuple[str, ...]:
    """Name the tools that are not in a folder."""
    return tuple(name for name in TOOLS if not os.access(folder / name, os.X_OK))


def dump(tools: Tools, port: int, file: Path, target_major: int) -> None:
    """Write all databases and roles of a server into a file, for one of another version. Raises FleetError."""
    argv = tools.command("pg_dumpall", port, "--database=postgres")
    with (
        tools.log.open("ab") as log,
        _opened(file) as out,
        gzip.open(out, "wb", compresslevel=1) as packed,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, env=tools.environ) as running,
    ):
        assert running.stdout is not None
        packed.writelines(adapted(running.stdout, target_major))
    _require(running.returncode, "pg_dumpall", tools.log)


def restore(tools: Tools, port: int, file: Path) -> None:
    """Bring the dump in a file into a server, up to the first error. Raises FleetError."""
    argv = tools.command("psql", port, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-")
    with (
        tools.log.open("ab") as log,
        gzip.open(file, "rb") as packed,
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log, env=tools.environ) as running,
    ):
        assert running.stdin is not None
        with suppress(BrokenPipeError):  # it has met an error, and said it
            running.stdin.writelines(packed)
            running.stdin.close()
    _require(running.returncode, "psql", tools.log)


def adapted(lines: Iterable[bytes], target_major: int) -> Iterator[bytes]:
    """Yield the lines of a dump for a server of a major version; rows of tables stay as they are.

    >>> list(adapted([b"SET transaction_timeout = 0;\\n", b"SELECT 1;\\n"], 15))
    [b'SELECT 1;\\n']
    """
    in_rows = False
    for line in lines:
        if in_rows:
            in_rows = line != _COPY_END
        elif _COPY.fullmatch(line):
            in_rows = True
        elif line == _SUPERUSER_LINE or (line == _TIMEOUT and target_major < _TIMEOUT_SINCE):
            continue
        elif line.startswith(b"CREATE DATABASE ") and target_major < _PROVIDER_SINCE:
            line = line.replace(_PROVIDER, b"")
        yield line


def _opened(file: Path) -> IO[bytes]:
    """Open a new file for us alone: it holds every row, and hashes of passwords."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _require(code: int, name: str, log: Path) -> None:
    if code != 0:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_SAID_LINES:]
        raise FleetError(f"{name} failed ({code}): {' / '.join(said)}", hint=f"its log is {log}")
