"""``airfleet logs``: what the components wrote, one or all of them, followed if wished."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.cli.queries import log_sources
from airfleet.cli.queries.log_sources import Followed, Logs
from airfleet.client import agent_client
from airfleet.client.project import find
from airfleet.errors import FleetError, did_you_mean

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")


@click.command(
    epilog="\b\nExamples:\n  airfleet logs scheduler -n 50\n"
    "  airfleet logs -f                # all components, as they write\n"
    "  airfleet logs worker --host work-2"
)
@click.argument("component", required=False)
@options.option("-f", "--follow", is_flag=True, help="Keep showing new lines.")
@options.option(
    "-n", "--lines", type=click.IntRange(min=0), default=100, show_default=True, help="Lines of each to begin with."
)
@options.option("--host", metavar="NAME", help="The logs of another host of the fleet.")
@options.project
def command(component: str | None, follow: bool, lines: int, host: str | None, project: Path | None) -> None:
    """Show the logs of COMPONENT, or of all of them."""
    here = find(project)
    logs = log_sources.of(here, host)
    if not logs.names():
        agent_client.require_own(here.paths)  # whoever may not look there sees none
    opened = {name: logs.open(name, from_end=True) for name in chosen(logs, component)}
    names = Names(opened, prefixed=component is None)
    for name, line in merged({name: log.last(lines) for name, log in opened.items()}):
        terminal.put(names.line(name, line))
    if follow:
        _follow(logs, opened, component, names)


def chosen(logs: Logs, component: str | None) -> list[str]:
    """Return the component, or all.

    Raises:
        FleetError: there are no logs at all, or no component of that name has one.
    """
    known = logs.names()
    if not known:
        raise FleetError(f"there are no logs in {logs.place} yet", hint="airfleet up")
    if component is None:
        return known
    if component not in known:
        hint = did_you_mean(component, known) or f"there are: {', '.join(known)}"
        raise FleetError(f"no component named '{component}' has a log", hint=hint)
    return [component]


def merged(logs: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """Merge lines of several logs in the order of their times."""
    timed: list[tuple[str, str, str]] = []
    for name, lines in logs.items():
        at = ""
        for line in lines:
            # A line without a time belongs to the one before it.
            at = time_of(line) or at
            timed.append((at, name, line))
    timed.sort(key=lambda entry: entry[0])
    return [(name, line) for _, name, line in timed]


def time_of(line: str) -> str:
    """Find when the line was written, as text that sorts; empty when it does not say.

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
        """Return ``text`` as a line of ``name``."""
        if not self._prefixed:
            return text
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        self._width = max(self._width, terminal.cells(name))
        return f"{terminal.style(terminal.fill(name, self._width), fg=colour)} | {text}"


def _follow(logs: Logs, opened: dict[str, Followed], component: str | None, names: Names) -> None:
    """Print what is written from now on, also by components that start later, until Ctrl-C."""
    while True:
        if component is None:
            for name in logs.names():
                if name not in opened:
                    opened[name] = logs.open(name, from_end=False)
        new = [_put_new(log, name, names) for name, log in opened.items()]
        if not any(new):
            time.sleep(logs.pause_seconds)


def _put_new(log: Followed, name: str, names: Names) -> bool:
    new = log.read()
    for line in new:
        terminal.put(names.line(name, line))
    return bool(new)
