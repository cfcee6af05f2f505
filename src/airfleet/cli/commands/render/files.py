"""Rendered files, printed or written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.errors import FleetError, did_you_mean
from airfleet.fleet.config.spec import Fleet, Host
from airfleet.fleet.servers.own_servers import SYSTEM

F = TypeVar("F", bound=Callable[..., Any])


def output(command: F) -> F:
    """Add ``--output`` to a command; the argument ``output`` is a folder or None."""
    add = options.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Write the files into this folder; without it, the text is printed.",
    )
    return add(command)


def drain(when: str) -> Callable[[F], F]:
    """Add ``--drain`` to a command; the argument ``drain`` is seconds."""
    return options.option(
        "--drain",
        type=options.duration,
        metavar="DURATION",
        default="1m",
        show_default=True,
        help=f"How long running tasks may take to end {when}.",
    )


def put(files: Mapping[str, str], folder: Path | None) -> None:
    """Print the files, or write them into a folder. Raises FleetError when one cannot be written."""
    if folder is None:
        terminal.put("\n".join(files.values()).rstrip("\n"))
        return
    for name, text in files.items():
        write(folder / name, text)


def write(file: Path, text: str) -> None:
    """Write one file, for others to read at the most, and say so. Raises FleetError when it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as refused:
        raise FleetError(f"cannot write {file}: {refused.strerror}") from refused
    terminal.say(f"wrote {file}")


def chosen(fleet: Fleet, name: str) -> Host:
    """Find the host of this name. Raises FleetError when the fleet has none."""
    known = [host.name for host in fleet.hosts]
    if name not in known:
        raise FleetError(
            f"the fleet has no host '{name}'", hint=did_you_mean(name, known) or f"its hosts: {', '.join(known)}"
        )
    return fleet.host(name)


def require_no_machine(fleet: Fleet) -> None:
    """Raise FleetError where a fleet runs servers of its machine: an image has those of the wheels alone."""
    for key, value in (("database", fleet.database), ("broker", fleet.broker)):
        if value.split(" ", 1)[0] == SYSTEM:
            raise FleetError(
                f"'{key}: {value}' is a program of the machine, and an image has the servers of the wheels alone",
                hint=f"'{key}: embedded', or a URL, in fleet.yaml or in a fleet.NAME.yaml for containers (--env NAME)",
            )
