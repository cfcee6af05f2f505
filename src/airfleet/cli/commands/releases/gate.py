"""The gate before a push: what ``airfleet check`` and ``airfleet test`` say of the folder that would travel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airfleet.cli.output import problem_view, terminal
from airfleet.cli.queries import pipeline_file
from airfleet.errors import EXIT_OK, FleetError

if TYPE_CHECKING:
    from airfleet.cli.queries.checked_files import Memory
    from airfleet.client.project import Project
    from airfleet.fleet.config.spec import Fleet

FORCE = "--force pushes it all the same"


@dataclass(frozen=True)
class Passed:
    """One examination: its name, and what is said of it."""

    name: str
    sentence: str
    #: the Dags that were found
    dag_ids: tuple[str, ...] = ()


def check(folder: Project, fleet: Fleet, *, force: bool, memory: Memory | None = None) -> Passed:
    """Check the pipelines of a project; ``fleet`` was read, and in CI some of its secrets may be missing.

    Raises FleetError when something is wrong, unless ``force``.
    """
    from airfleet.cli.commands.pipelines import check as checks

    found = checks.check((folder.root / fleet.pipelines,), folder, memory)
    if found.problems:
        terminal.say(problem_view.text(found.problems, sys.stderr))
        count = f"{len(found.problems)} {'problem' if len(found.problems) == 1 else 'problems'}"
        _refuse(f"'airfleet check' finds {count}", force=force)
    said = problem_view.summary(found.problems, found.fine, found.fine_python, ())
    dags = (*(one.dag_id for one in found.pipelines), *(dag_id for dag_id, _ in found.python_dags))
    return Passed("check", said, dags)


def tests(folder: Project, fleet: Fleet, *, force: bool) -> Iterator[Passed]:
    """Run the tests of pipelines, if there are any, in a process of their own: they import the project's modules.

    Raises FleetError when one fails, unless ``force``.
    """
    from airfleet.pipelines.files import listing

    root = folder.root / fleet.pipelines
    if not root.is_dir() or not listing.of(root, pipeline_file.rules_of(fleet)).tests:
        return
    argv = [sys.executable, "-m", "airfleet.cli", "-C", str(folder.root), "test"]
    done = subprocess.run(argv, cwd=folder.root, env=dict(folder.environ), capture_output=True, text=True, check=False)
    said = done.stderr.strip().splitlines() or ["no word"]
    if done.returncode != EXIT_OK:
        terminal.say(f"{done.stdout}{done.stderr}".rstrip())
        _refuse("'airfleet test' fails", force=force)
    yield Passed("test", f"tests: {said[-1]}")


def _refuse(why: str, *, force: bool) -> None:
    if not force:
        raise FleetError(f"nothing was pushed: {why}", hint=FORCE)
    terminal.warn([f"{why}, and it is pushed all the same"])
