"""``airfleet check``: every problem of every file at once; starts nothing, imports no Airflow."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options, problems, project, queues, tables, terminal
from airfleet.cli.project import FLEET_FILE, Project
from airfleet.errors import EXIT_OK, EXIT_WRONG, FileProblems, FleetError, Place, Problem

if TYPE_CHECKING:
    from airfleet import source
    from airfleet.fleet.spec import Fleet
    from airfleet.pipelines.spec import Pipeline

SUFFIXES = (".yaml", ".yml")

#: fleet.yaml, or its overlay for an environment
_FLEET = re.compile(r"fleet(?:\.([\w-]+))?\.yaml")

#: keys of fleet.yaml whose entries stand for themselves: pipelines use others than the one that is wrong
_ONE_BY_ONE = ("vars", "env")


@dataclass
class Findings:
    """What a check has found so far."""

    problems: list[Problem] = field(default_factory=list)
    pipelines: list[Pipeline] = field(default_factory=list)
    #: files with Dags in Python
    python_files: list[str] = field(default_factory=list)
    #: fleet.yaml and overlays of it
    fleet_files: list[str] = field(default_factory=list)
    files: int = 0

    @property
    def fine(self) -> int:
        """How many pipelines stand in files without a problem."""
        return sum(pipeline.file not in self._broken for pipeline in self.pipelines)

    @property
    def fine_python(self) -> int:
        """How many files with Dags in Python have no problem."""
        return sum(file not in self._broken for file in self.python_files)

    @property
    def fine_fleet(self) -> list[str]:
        """Which of fleet.yaml and its overlays have no problem."""
        return [file for file in dict.fromkeys(self.fleet_files) if file not in self._broken]

    @property
    def _broken(self) -> set[str]:
        return {problem.place.file for problem in self.problems}


@click.command(
    epilog="\b\nExamples:\n  airfleet check\n  airfleet check pipelines/orders.yaml\n"
    "  airfleet check fleet.yaml -o json"
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@options.env
@options.output()
@options.project
def command(paths: tuple[Path, ...], project: Path | None, env: str | None, output: str) -> int:
    """Check pipeline files, Dags in Python, and fleet.yaml.

    Of a Dag in Python, it names the lines that Airflow 3 does not understand.
    PATH is a file or a folder, with the fleet.yaml in it; without one: fleet.yaml of the project and its
    folder of pipelines.
    Exit code: 0 nothing wrong, 1 problems.
    """
    findings = check(paths, _project(project, env, paths))
    put(findings, output)
    if output != "json" or sys.stderr.isatty():
        terminal.say(problems.summary(findings.problems, findings.fine, findings.fine_python, findings.fine_fleet))
    return EXIT_WRONG if findings.problems else EXIT_OK


def _project(folder: Path | None, env: str | None, paths: Sequence[Path]) -> Project | None:
    """The project; only named files can be checked without one."""
    if folder is not None or not paths:
        return project.find(folder, env)
    root = project.nearest(Path.cwd()) or project.nearest(paths[0].absolute().parent)
    return project.find(root, env) if root is not None else None


def check(paths: Sequence[Path], here: Project | None) -> Findings:
    """Check ``paths``, or all of the project when there are none."""
    findings = Findings()
    fleet, wrong = _fleet_of(here) if here is not None else (None, ())
    known = _what_is_right(here) if here is not None and fleet is None else fleet
    if here is not None and not paths:  # else it is said when fleet.yaml is named
        paths = _whole_project(here, known, wrong, findings)
    outside = os.environ if here is None else here.environ
    of_tasks = {**outside, **(known.task_environment if known else {})}
    for file in dict.fromkeys(_files(paths)):
        findings.files += 1
        if overlay := _FLEET.fullmatch(file.name):
            _check_fleet(file, overlay[1] or outside.get("AIRFLEET_ENV", ""), outside, findings)
        else:
            _check_file(file, of_tasks, findings, sure=known is fleet)
    findings.problems += _said_twice(findings.pipelines)
    if fleet is not None:
        findings.problems += queues.unserved(findings.pipelines, fleet)
    findings.problems.sort()
    return findings


def _fleet_of(here: Project) -> tuple[Fleet | None, Sequence[Problem]]:
    from airfleet.fleet import reader

    try:
        return reader.read_file(here.fleet_file, here.environ), ()
    except FileProblems as wrong:
        return None, wrong.problems


def _what_is_right(here: Project) -> Fleet | None:
    """The fleet of a file with problems, without the keys that have them: its pipelines are checked all the same."""
    from airfleet import source
    from airfleet.fleet import reader

    try:
        top = reader.load_files(here.fleet_file, here.environ).top
    except FileProblems:
        return None
    while isinstance(top, source.Mapping):
        fleet, wrong = reader.interpreted(reader.Document(top, ()), here.environ, here.root.absolute(), lenient=True)
        rest = _without(top, {problem.path for problem in wrong})
        if fleet is not None or rest == top:
            return fleet
        top = rest
    return None


def _without(node: source.Mapping, blamed: Set[str], path: str = "") -> source.Mapping:
    """The same without what is blamed: of :data:`_ONE_BY_ONE` the entries alone."""
    from airfleet import source
    from airfleet.fleet.reading import joined

    kept: list[tuple[source.Scalar, source.Node]] = []
    for key, value in node.entries:
        at = joined(path, key.text)
        if at in _ONE_BY_ONE and at not in blamed and isinstance(value, source.Mapping):
            kept.append((key, _without(value, blamed, at)))
        elif not any(wrong == at or wrong.startswith((f"{at}.", f"{at}[")) for wrong in blamed):
            kept.append((key, value))
    return replace(node, entries=tuple(kept))


def _whole_project(
    here: Project, known: Fleet | None, wrong: Sequence[Problem], findings: Findings
) -> tuple[Path, ...]:
    """Note what is wrong with fleet.yaml; the folder of pipelines, if it is there."""
    findings.problems += _shown(wrong)
    findings.files += 1
    findings.fleet_files.append(_short(str(here.fleet_file)))
    folder = here.root / (known.pipelines if known is not None else "pipelines")
    if folder.is_dir():
        return (folder,)
    if known is not None and not any(problem.path == "pipelines" for problem in wrong):
        sentence = f"there is no folder '{known.pipelines}' beside {FLEET_FILE}"
        place = Place(_short(str(here.fleet_file)))
        findings.problems.append(Problem(place, "pipelines", sentence, "'pipelines: FOLDER' names another one"))
    return ()


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    from airfleet.pipelines import checks, python_dags

    for path in dict.fromkeys(paths):
        if path.is_dir():
            if (path / FLEET_FILE).is_file():
                yield path / FLEET_FILE
            yield from checks.pipeline_files(path)
            yield from python_dags.dag_files(path)
        elif path.exists():
            yield path
        else:
            raise FleetError(f"no such file or folder: {path}", hint=_near(path))


def _near(path: Path) -> str | None:
    from airfleet.errors import did_you_mean

    if not path.parent.is_dir():
        return None
    return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])


def _check_fleet(file: Path, env: str, environ: Mapping[str, str], findings: Findings) -> None:
    from airfleet.fleet import reader

    findings.fleet_files.append(_short(str(file)))
    try:
        reader.read_file(file.with_name(FLEET_FILE), {**environ, "AIRFLEET_ENV": env})
    except FileProblems as wrong:
        findings.problems += _shown(wrong.problems)


def _check_file(file: Path, environ: Mapping[str, str], findings: Findings, *, sure: bool) -> None:
    """``sure``: whether nothing in the environment stands for what is not known, as ``***``."""
    from airfleet.fleet.sensitive import MASK
    from airfleet.pipelines import checks, python_dags

    if file.suffix == python_dags.SUFFIX:
        findings.problems += _shown(python_dags.check(file))
        findings.python_files.append(_short(str(file)))
        return
    checked = checks.read_and_check(file, environ=environ)
    problems = checked.problems
    if not sure:  # what is wrong with *** alone may be right with what is meant
        others = {name: value.replace(MASK, "1") for name, value in environ.items()}
        also = checks.read_and_check(file, environ=others).problems
        problems = tuple(problem for problem in problems if problem in also)
    findings.problems += _shown(problems)
    findings.pipelines += [replace(p, file=_short(p.file)) for p in checked.pipelines]


def _said_twice(pipelines: Sequence[Pipeline]) -> Iterator[Problem]:
    """Dags that two files define: Airflow would show now one of them, now the other."""
    first: dict[str, str] = {}
    for pipeline in pipelines:
        other = first.setdefault(pipeline.dag_id, pipeline.file)
        if other != pipeline.file:
            place = replace(pipeline.place("dag_id"), file=pipeline.file)
            yield Problem(place, "dag_id", f"Dag '{pipeline.dag_id}' is already defined in {other}")


def _shown(found: Iterable[Problem]) -> list[Problem]:
    return [replace(problem, place=_short_place(problem.place)) for problem in found]


def _short_place(place: Place) -> Place:
    return replace(place, file=_short(place.file))


def _short(file: str) -> str:
    """The file as a person here would write it."""
    try:
        return str(Path(file).absolute().relative_to(Path.cwd()))
    except ValueError:
        return file


def put(findings: Findings, output: str) -> None:
    """Print the problems: for people, or as data."""
    if output in ("json", "yaml"):
        tables.put_value(as_data(findings), output)
    elif findings.problems and output == "plain":
        terminal.put("\n".join(map(str, findings.problems)))
    elif findings.problems:
        terminal.put(problems.text(findings.problems, sys.stdout))


def as_data(findings: Findings) -> dict[str, Any]:
    """What the check found, for programs."""
    return {
        "problems": [
            {
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "path": problem.path,
                "sentence": problem.sentence,
                "hint": problem.hint,
            }
            for problem in findings.problems
        ],
        "files": findings.files,
        "pipelines": len(findings.pipelines),
        "python_files": len(findings.python_files),
        "fine": findings.fine,
    }
