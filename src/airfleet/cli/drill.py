"""``airfleet drill``: break a part of the running fleet on purpose, and see that nothing is lost.

::

    healthy? ──> production? ──> add the drill's pipeline ──> for each part: break, watch, count ──> remove it
       │             │
       4             refused without --yes

Talk (what happens when) goes to stderr as it happens, the verdict to stdout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options, rest, tables, terminal
from airfleet.cli.project import Project, find
from airfleet.errors import EXIT_OK, EXIT_WAIT_TIMED_OUT, EXIT_WRONG, FleetError

if TYPE_CHECKING:
    from airfleet.testing.drill import Drill, Place, Verdict

ALL = "all"
#: the words of airfleet.testing.drill, which is not imported for ``--help``
PARTS = ("scheduler", "worker", "api-server", "broker", "database", "host", ALL)
COLUMNS = {
    "part": "drill",
    "gap": "gap s",
    "healthy_after": "healthy after s",
    "tasks": "tasks",
    "rerun": "run again",
    "rerun_after": "after s",
    "lost": "lost",
    "twice": "twice",
    "failed": "failed",
}


@click.command(
    epilog="\b\nExamples:\n  airfleet drill scheduler\n  airfleet drill worker --timeout 1m\n"
    "  airfleet drill all -o json\n  airfleet drill host --yes"
)
@click.argument("part", type=click.Choice(PARTS))
@options.option("-y", "--yes", is_flag=True, help="Do it on a fleet that fleet.yaml marks as production, too.")
@options.option("--queue", metavar="NAME", help="The queue of the drill's tasks; the first worker's when left out.")
@options.timeout("2m", "How long the fleet may take to be well again after each fault.")
@options.output()
@options.project
def command(part: str, yes: bool, queue: str | None, timeout: float, output: str, project: Path | None) -> int:
    """Break a part of the fleet and see what is lost.

    The part is killed without a warning, while small tasks of the drill's own run; they show how long nothing
    started, and whether one was lost, was done twice, or failed. "host" kills everything on this host, and starts
    it again; "all" does every part that this host runs, one after the other. Your own tasks that run meanwhile
    suffer what they would suffer from the real thing.

    Exit code: 0 nothing was lost, 1 something was, 4 the fleet was not healthy before, 124 it was not in time.
    """
    from airfleet.testing import drill

    here = find(project)
    place = _place(here, queue, allowed=yes)
    parts = _parts(here, part)
    one = drill.Drill(place, timeout, _say)
    terminal.say(f"adding '{drill.FILE_NAME}' for the time of the drill")
    with one.prepared():
        verdicts = list(_drilled(one, parts))
    tables.put_rows([row(verdict) for verdict in verdicts], output, COLUMNS)
    for violation in (str(violation) for verdict in verdicts for violation in verdict.violations):
        terminal.say(terminal.style(violation, fg="red"))
    return exit_code(verdicts)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """Something lost is worse than something late."""
    if not all(verdict.held for verdict in verdicts):
        return EXIT_WRONG
    return EXIT_OK if all(verdict.in_time for verdict in verdicts) else EXIT_WAIT_TIMED_OUT


def row(verdict: Verdict) -> dict[str, Any]:
    """One drill for the table; everything it found for programs."""
    return {
        "part": verdict.part,
        "gap": _rounded(verdict.gap),
        "healthy_after": _rounded(verdict.healthy_after),
        "tasks": verdict.tasks,
        "rerun": verdict.rerun,
        "rerun_after": _rounded(verdict.rerun_after),
        "lost": verdict.lost,
        "twice": verdict.twice,
        "failed": verdict.failed,
        "held": verdict.held,
        "in_time": verdict.in_time,
        "violations": [str(violation) for violation in verdict.violations],
    }


def _place(here: Project, queue: str | None, *, allowed: bool) -> Place:
    """The fleet that is drilled. Raises FleetError when it does not run, or may not be broken."""
    from airfleet.fleet.reader import read_file
    from airfleet.testing import drill

    fleet = read_file(here.fleet_file, here.environ, lenient=True)
    if fleet.production and not allowed:
        raise FleetError(
            f"fleet '{fleet.name}' is production: a drill really kills what it names",
            hint="--yes does it all the same",
        )
    api, _ = rest.connect(here)
    queue = queue or next(iter(fleet.queues), "default")
    slots = sum(one.count * (one.slots or os.cpu_count() or 1) for one in fleet.workers if queue in one.queues)
    return drill.Place(here.root, here.environment, here.paths, here.root / fleet.pipelines, queue, slots, api)


def _parts(here: Project, part: str) -> tuple[str, ...]:
    from airfleet.agent import control
    from airfleet.testing import drill

    snapshot = control.status(here.paths.socket)
    if part == ALL:
        return drill.available(snapshot)
    if part != drill.HOST:
        drill.victim_of(part, snapshot)
    return (part,)


def _drilled(drill: Drill, parts: Sequence[str]) -> Iterator[Verdict]:
    for part in parts:
        terminal.say(terminal.style(f"\ndrill {part}: a task every half second is the witness", bold=True))
        yield drill.run(part)


def _say(at: float, line: str) -> None:
    terminal.say(f"  {at:6.1f}s  {line}")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
