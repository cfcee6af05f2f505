"""The addresses of the execution API now: the agent of a host writes them to a file, the host's attempts read it.

A worker starts with the api-servers of ``fleet.yaml``. Meanwhile ``airfleet scale`` adds or removes one, and hosts
leave. The file holds the current ones::

    agent ──when the set changes──> <airflow home>/execution-urls <──before each attempt, and in an outage── slot

Failures: where the file is missing or unreadable, the worker asks the api-servers of ``fleet.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from airfleet.spool import home

FILE = "execution-urls"


def file_of(airflow_home: Path) -> Path:
    """Name the file of a host."""
    return airflow_home / FILE


def file_here(environ: Mapping[str, str]) -> Path | None:
    """Name the file that this process reads; None where no agent writes one."""
    found = home.of_component(environ)
    return file_of(found) if found else None


def as_lines(urls: Sequence[str]) -> str:
    """Write the addresses as the text of the file: one a line, the preferred one first."""
    return "".join(f"{url}\n" for url in urls)


def read(file: Path | None) -> tuple[str, ...]:
    """Read the addresses, the preferred one first; none where there is no file."""
    if file is None:
        return ()
    try:
        return tuple(file.read_text().split())
    except OSError:
        return ()
