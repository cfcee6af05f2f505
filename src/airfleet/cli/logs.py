"""``airfleet logs``: what the components wrote, one or all of them, followed if wished."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from airfleet.cli import options, terminal
from airfleet.cli.project import find
from airfleet.cli.tailing import Tail, last_lines
from airfleet.errors import FleetError, did_you_mean

POLL_SECONDS = 0.25
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")


@click.command(
    epilog="\b\nExamples:\n  airfleet logs scheduler -n 50\n"
    "  airfleet logs -f                # all components, as they write"
)
@click.argument("component", required=False)
@options.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@options.option(
    "-n", "--lines", type=click.IntRange(min=0), default=100, show_default=True, help="Lines of each to begin with."
)
@options.project
def command(component: str | None, follow: bool, lines: int, project: Path | None) -> None:
    """Show the logs of COMPONENT, or of all of them."""
    folder = find(project).paths.logs
    files = chosen(folder, component)
    if not files:
        raise FleetError(f"there are no logs in {folder} yet", hint="airfleet up")
    names = Names(files, prefixed=component is None)
    # Opened before the last lines are read: a line written in between is shown twice, not lost.
    tails = {name: Tail(path, from_end=True) for name, path in files.items()} if follow else {}
    for name, line in merged(files, lines):
        terminal.put(names.line(name, line))
    if follow:
        _follow(folder, tails, component, names)


def chosen(folder: Path, component: str | None) -> dict[str, Path]:
    """Name -> log file: of the component, or of all.

    Raises:
        FleetError: no component of that name has a log.
    """
    files = {path.stem: path for path in sorted(folder.glob("*.log"))}
    if component is None:
        return files
    if component not in files:
        known = ", ".join(files) or "none yet"
        hint = did_you_mean(component, files) or f"there are: {known}"
        raise FleetError(f"no component named '{component}' has a log", hint=hint)
    return {component: files[component]}


def merged(files: dict[str, Path], lines: int) -> list[tuple[str, str]]:
    """The last ``lines`` lines of each file, all in the order of their times."""
    timed: list[tuple[str, str, str]] = []
    for name, path in files.items():
        at = ""
        for line in last_lines(path, lines):
            # A line without a time belongs to the one before it.
            at = time_of(line) or at
            timed.append((at, name, line))
    timed.sort(key=lambda entry: entry[0])
    return [(name, line) for _, name, line in timed]


def time_of(line: str) -> str:
    """When the line was written, as text that sorts; empty when it does not say.

    >>> time_of("30133:M 21 Nov 2026 09:21:29.146 * Ready to accept connections tcp")
    '2026-11-21T09:21:29.146'
    """
    iso = re.search(r"\b(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d[.,]?\d*)", line)
    if iso:
        return f"{iso[1]}T{iso[2].replace(',', '.')}"
    valkey = re.match(r"\d+:[A-Z] (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d:\d\d:\d\d\.?\d*)", line)
    if valkey and valkey[2] in MONTHS:
        return f"{valkey[3]}-{MONTHS.index(valkey[2]) + 1:02}-{valkey[1]}T{valkey[4]}"
    return ""


class Names:
    """Puts the component's name before each line, when several are shown."""

    def __init__(self, names: Iterable[str], *, prefixed: bool) -> None:
        self._prefixed = prefixed
        self._colours: dict[str, str] = {}
        self._width = max(map(terminal.cells, names), default=0)

    def line(self, name: str, text: str) -> str:
        """``text`` as a line of ``name``."""
        if not self._prefixed:
            return text
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        self._width = max(self._width, terminal.cells(name))
        return f"{terminal.style(terminal.fill(name, self._width), fg=colour)} | {text}"


def _follow(folder: Path, tails: dict[str, Tail], component: str | None, names: Names) -> None:
    """Print what is written from now on, also by components that start later, until Ctrl-C."""
    while True:
        if component is None:
            for name, path in chosen(folder, None).items():
                tails.setdefault(name, Tail(path, from_end=False))
        new = [_put_new(tail, name, names) for name, tail in tails.items()]
        if not any(new):
            time.sleep(POLL_SECONDS)


def _put_new(tail: Tail, name: str, names: Names) -> bool:
    new: Sequence[str] = tail.read()
    for line in new:
        terminal.put(names.line(name, line))
    return bool(new)
