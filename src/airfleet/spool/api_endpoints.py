"""Where the execution API is to be had now: the agent of a host writes it down, the attempts of that host read it.

``fleet.yaml`` says which api-servers there are to be, and that is what workers are started with. Meanwhile
``airfleet scale`` adds one or takes one away, and hosts leave. So what there is stands in a small file::

    agent ──when it is another set──> <airflow home>/execution-urls <──before each attempt, and in an outage── slot

What fails: nothing is written, or it cannot be read - then what ``fleet.yaml`` says is asked, as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from airfleet.spool import home

FILE = "execution-urls"


def of(airflow_home: Path) -> Path:
    """The file of a host."""
    return airflow_home / FILE


def here(environ: Mapping[str, str]) -> Path | None:
    """The file that this process reads; None where no agent writes one."""
    found = home.looked_after(environ)
    return of(found) if found else None


def text(urls: Sequence[str]) -> str:
    """What is written: an address a line, the preferred one first."""
    return "".join(f"{url}\n" for url in urls)


def read(file: Path | None) -> tuple[str, ...]:
    """The addresses; none when nobody wrote them down."""
    if file is None:
        return ()
    try:
        return tuple(file.read_text().split())
    except OSError:
        return ()
