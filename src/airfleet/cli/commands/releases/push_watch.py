"""``airfleet push --watch``: each saved file is pushed, with a line for each push."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from airfleet.cli.commands.pipelines import watching
from airfleet.cli.commands.releases import pushing
from airfleet.cli.diagnosis.findings import short
from airfleet.cli.output import problem_view, release_view, terminal
from airfleet.cli.queries.checked_files import Memory
from airfleet.errors import AirfleetError, FileProblems, listed

if TYPE_CHECKING:
    from airfleet.cli.commands.releases.pushing import PushOptions
    from airfleet.client.project import Project


def for_ever(here: Project, options: PushOptions) -> NoReturn:
    """Push now, and after each change; ends by an interrupt alone."""
    memory = Memory()
    options = replace(options, tests=False, quiet=True, memory=memory)
    for changed in watching.changes([here.root]):
        memory.forget(changed)
        terminal.say(f"{time.strftime('%H:%M:%S')} {_one(here, options)}{_of(changed, here.root)}")
    raise AssertionError("changes never end")


def _one(here: Project, options: PushOptions) -> str:
    """Push once, and give its line."""
    began = time.monotonic()
    try:
        done = pushing.push(here, options)
    except FileProblems as wrong:
        return f"not pushed:\n{problem_view.text(wrong.problems, sys.stderr)}"
    except AirfleetError as wrong:
        return f"not pushed: {wrong}"
    took = terminal.seconds(time.monotonic() - began)
    what = f"{done.state} after {took}" if done.has_changed else "is live, nothing has changed"
    return f"release {release_view.short(done.digest)} {what}"


def _of(changed: list[str], root: Path) -> str:
    return f": {listed([short(path) for path in changed], 3)}" if changed else ""
