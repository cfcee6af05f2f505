"""``airfleet check``: every problem of every file at once; starts nothing, imports no Airflow."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from airfleet import versions
from airfleet.cli import options
from airfleet.cli.diagnosis import allowed_signers, code_carriage, dag_references, declarations, queue_checks
from airfleet.cli.diagnosis.findings import Findings, short, short_place, shortened
from airfleet.cli.output import problem_formats, terminal
from airfleet.cli.output import problem_view as problems
from airfleet.cli.queries import fleet_file, pipeline_file
from airfleet.cli.queries.checked_files import CheckedFiles, Memory
from airfleet.client import project
from airfleet.client.project import FLEET_FILE, Project
from airfleet.errors import EXIT_OK, EXIT_WRONG, FileProblems, Place, Problem, UsageError
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.pipelines.files.listing import Rules

#: fleet.yaml, or its overlay for an environment
_FLEET = re.compile(r"fleet(?:\.([\w-]+))?\.yaml")

#: objects made between two searches for cyclic garbage; what a check makes has no cycles, and Python's 700 cost a tenth
_GARBAGE_OBJECTS = 20_000


@click.command(
    epilog="\b\nExamples:\n  airfleet check\n  airfleet check pipelines/orders.yaml\n"
    "  airfleet check fleet.yaml -o json"
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(readable=False, path_type=Path))
@options.option("--strict", is_flag=True, help="Let remarks count as problems for the exit code.")
@options.option("--watch", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
@options.env
@options.output(*problem_formats.FORMATS)
@options.project
def command(
    paths: tuple[Path, ...], project: Path | None, env: str | None, output: str, strict: bool, watch: bool
) -> int:
    """Check pipeline files, Dags in Python, and fleet.yaml.

    For a Dag in Python, it names the lines that Airflow 3 does not understand.
    PATH is a file or a folder, with the fleet.yaml in it; without one: fleet.yaml of the project and its
    folder of pipelines. In a folder, it checks the files that the fleet reads.
    A remark names a file that the fleet does not read although it may be meant, and what is allowed but hardly
    meant, such as a template outside of $t. A comment on its line silences it: # airfleet: ignore AF200.
    Every finding has a code, and 'airfleet explain CODE' its page.
    Exit code: 0 nothing wrong, 1 problems; with --strict, also remarks.
    """
    if watch:
        _watch(paths, _project(project, env, paths), output)
    with _rare_garbage_collection():
        findings = check(paths, _project(project, env, paths))
    findings.warnings = versions.warnings()
    _tell(findings, output)
    return EXIT_WRONG if findings.problems or (strict and findings.remarks) else EXIT_OK


def _tell(findings: Findings, output: str) -> None:
    put(findings, output)
    if output not in problem_formats.WHOLE or sys.stderr.isatty():
        terminal.warn(findings.warnings)
        said = problems.summary(findings.problems, findings.fine, findings.fine_python, findings.fine_fleet)
        terminal.say(said + problems.count_of_remarks(findings.remarks))


def _watch(paths: Sequence[Path], here: Project | None, output: str) -> NoReturn:
    """Check now and after each change, until an interrupt."""
    from airfleet.cli.commands.pipelines import watching

    if output in problem_formats.WHOLE:
        raise UsageError(f"--watch cannot write {output}: it says what it finds, line by line")
    root = [here.root] if here is not None else []
    memory = Memory()
    watching.for_ever([*root, *paths], memory, lambda: _tell(check(paths, here, memory), output))


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    usual = gc.get_threshold()
    gc.set_threshold(_GARBAGE_OBJECTS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _project(folder: Path | None, env: str | None, paths: Sequence[Path]) -> Project | None:
    """Return the project; only named files can be checked without one."""
    if folder is not None or not paths:
        return project.find(folder, env)
    root = project.nearest(Path.cwd()) or project.nearest(paths[0].absolute().parent)
    return project.find(root, env) if root is not None else None


def check(paths: Sequence[Path], here: Project | None, memory: Memory | None = None) -> Findings:
    """Check ``paths``, or all of the project when there are none; ``memory`` has what earlier checks found."""
    findings = Findings()
    fleet, wrong = fleet_file.read(here) if here is not None else (None, ())
    known = fleet_file.what_is_right(here) if here is not None and fleet is None else fleet
    if here is not None and not paths:  # else it is said when fleet.yaml is named
        paths = _whole_project(here, known, wrong, findings)
    outside = os.environ if here is None else here.environ
    of_tasks = {**outside, **(known.task_environment if known else {})}
    files = CheckedFiles(of_tasks, sure=known is fleet, memory=memory)
    root = here.root / known.pipelines if here is not None and known is not None else None
    for file, named in _files(paths, pipeline_file.rules_of(known), root, findings).items():
        findings.files += 1
        if overlay := _FLEET.fullmatch(file.name):
            _check_fleet(file, overlay[1] or outside.get("AIRFLEET_ENV", ""), outside, findings)
        else:
            _check_file(file, files, findings, named=named)
    _check_shared(files, findings)
    findings.problems += findings.shared.problems()
    findings.problems += _said_twice(findings)
    findings.problems += _asset_conflicts(findings)
    if any(os.path.isdir(path) for path in paths) and not findings.has_unknown_dags:  # else other files may have them
        others = {*findings.other_dags, *(dag_id for dag_id, _ in findings.python_dags)}
        findings.remarks += shortened(dag_references.unknown(findings.pipelines, others))
    if here is not None and fleet is not None:
        findings.problems += shortened(queue_checks.unserved(findings.pipelines, fleet))
        declared = declarations.declared(fleet, here.fleet_file)
        if short(str(here.fleet_file)) in findings.fleet_files:
            findings.problems += shortened(allowed_signers.problems(fleet, here.fleet_file, here.environ))
            findings.remarks += shortened(code_carriage.uncarried(fleet, here.fleet_file, here.environ))
        findings.remarks += shortened(declarations.undeclared(findings.pipelines, declared, of_tasks))
    findings.settle()
    return findings


def _whole_project(
    here: Project, known: Fleet | None, wrong: Sequence[Problem], findings: Findings
) -> tuple[Path, ...]:
    """Note what is wrong with fleet.yaml; the folder of pipelines, if it is there."""
    findings.problems += shortened(wrong)
    findings.files += 1
    findings.fleet_files.append(short(str(here.fleet_file)))
    folder = here.root / (known.pipelines if known is not None else "pipelines")
    if folder.is_dir():
        return (folder,)
    if known is not None and not any(problem.path == "pipelines" for problem in wrong):
        sentence = f"there is no folder '{known.pipelines}' beside {FLEET_FILE}"
        place = Place(short(str(here.fleet_file)))
        hint = "'pipelines: FOLDER' names another one"
        findings.problems.append(Problem(place, "pipelines", sentence, hint, Code.FLEET))
    return ()


def _files(paths: Sequence[Path], rules: Rules, root: Path | None, findings: Findings) -> dict[Path, bool]:
    """List every file to check, and whether it was named itself."""
    files: dict[Path, bool] = {}
    for path in dict.fromkeys(paths):
        if not os.path.isdir(path):  # also where it may not be looked at
            files[pipeline_file.there(path)] = True
            findings.remarks += shortened(_left_out(path, rules, root))
            continue
        if os.path.isfile(path / FLEET_FILE):
            files.setdefault(path / FLEET_FILE, False)
        for file in _in_folder(path, rules, root, findings):
            files.setdefault(file, False)
    return files


def _in_folder(folder: Path, rules: Rules, root: Path | None, findings: Findings) -> Iterator[Path]:
    from airfleet.pipelines.files import listing
    from airfleet.pipelines.upgrade import other_files

    found = listing.of(folder, rules, root)
    findings.problems += shortened(found.problems)
    findings.remarks += shortened(found.remarks)
    findings.remarks += shortened(other_files.remarks(found))
    findings.shared.files += found.shared
    yield from found.pipelines
    yield from found.python
    yield from found.archives
    yield from found.tests


def _left_out(file: Path, rules: Rules, root: Path | None) -> Iterator[Problem]:
    """Remark on a file that was named, although the fleet does not read it."""
    from airfleet.pipelines.files import listing

    if root is not None and file.absolute().is_relative_to(root) and listing.is_left_out(file, root, rules):
        sentence = "the fleet does not read this file: an .airflowignore names it"
        yield Problem(Place(str(file)), "", sentence, code=Code.FILE_NOT_READ)


def _check_file(file: Path, files: CheckedFiles, findings: Findings, *, named: bool) -> None:
    from airfleet.pipelines.files import listing, project_files

    kind = file.suffix.lower()
    if project_files.is_test(file):
        _check_tests(file, files, findings)
    elif kind == listing.PYTHON:
        _check_python(file, findings, named)
    elif kind == listing.ARCHIVE:
        _check_archive(file, findings, named)
    else:
        _check_pipelines(file, files, findings, named=named)


def _check_tests(file: Path, files: CheckedFiles, findings: Findings) -> None:
    from airfleet.pipelines.cases import checks, reader

    found = reader.read_file(file)
    _, problems = checks.prepared(found.cases, files.read)
    findings.problems += shortened([*found.problems, *problems])


def _check_python(file: Path, findings: Findings, named: bool) -> None:
    from airfleet.pipelines.files import listing
    from airfleet.pipelines.upgrade import linter as python_dags
    from airfleet.pipelines.upgrade import other_files

    checked = python_dags.read_and_check(file)
    findings.problems += shortened(checked.problems)
    findings.has_unknown_dags |= not checked.dag_ids
    findings.python_dags += [(dag_id, short_place(place)) for dag_id, place in checked.dag_ids.items()]
    if named and not listing.may_hold_dags(file):
        findings.remarks += shortened([other_files.without_words(file)])
    else:
        findings.python_files.append(short(str(file)))


def _check_archive(file: Path, findings: Findings, named: bool) -> None:
    from airfleet.pipelines.upgrade import other_files

    findings.has_unknown_dags = True
    problem, remarks = other_files.of_archive(file)
    if named and problem is None:
        sentence = "Airflow reads the Dags in Python in this archive; check does not look into them"
        findings.remarks += shortened([Problem(Place(str(file)), "", sentence, code=Code.FILE_NOT_READ)])
    findings.problems += shortened([problem] if problem else [])
    findings.remarks += shortened(remarks)


def _check_fleet(file: Path, env: str, environ: Mapping[str, str], findings: Findings) -> None:
    from airfleet.fleet.config import reader

    findings.fleet_files.append(short(str(file)))
    try:
        reader.read_file(file.with_name(FLEET_FILE), {**environ, "AIRFLEET_ENV": env})
    except FileProblems as wrong:
        findings.problems += shortened(wrong.problems)


def _check_pipelines(file: Path, files: CheckedFiles, findings: Findings, *, named: bool) -> None:
    """Check the pipelines of a file, or the parts that it shares."""
    checked = files.read(file)
    if checked.foreign is not None:
        if named:
            findings.problems += shortened([checked.foreign])
        else:
            findings.remarks += shortened([replace(checked.foreign, code=Code.FOREIGN_FILE)])
        return
    if checked.is_shared:
        findings.shared.files.append(file)
        return
    own, others = _split(checked.problems, file)
    findings.problems += shortened(own)
    for problem in shortened(others):
        findings.shared.note_met(problem, short(str(file)))
    findings.remarks += shortened(checked.remarks)
    findings.other_dags |= set(checked.dag_ids) - {pipeline.dag_id for pipeline in checked.pipelines}
    findings.pipelines += [replace(p, file=short(p.file)) for p in checked.pipelines]
    findings.note_ignores(file, checked)


def _split(problems: Iterable[Problem], file: Path) -> tuple[list[Problem], list[Problem]]:
    """Divide problems into those of a file, and those of files that it takes in."""
    own: list[Problem] = []
    others: list[Problem] = []
    for problem in problems:
        (own if problem.place.file == str(file) else others).append(problem)
    return own, others


def _check_shared(files: CheckedFiles, findings: Findings) -> None:
    """Check the shared files that were met: in a folder, by their names, or because a pipeline takes them in."""
    from airfleet.pipelines.files import project_files

    findings.remarks = [
        one for one in findings.remarks if one.code is not Code.FOREIGN_FILE or not files.is_named(one.place.file)
    ]

    taken_in = {os.path.realpath(file): file for file in files.taken_in()}
    others = {os.path.realpath(file): file for file in findings.shared.files}
    for real, file in {**others, **taken_in}.items():
        checked = files.read(file, taken_in=real in taken_in)
        if checked.is_shared:
            for problem in shortened(checked.problems):
                findings.shared.note_own(problem)
            findings.remarks += shortened(checked.remarks)
            findings.note_ignores(file, checked)
        elif real in others and file.name == project_files.DEFAULTS_FILE and checked.foreign is not None:
            findings.remarks += shortened([replace(checked.foreign, code=Code.FOREIGN_FILE)])


def _said_twice(findings: Findings) -> Iterator[Problem]:
    """Dags that two files define, one of them in YAML: the fleet takes the one that it reads first."""
    first: dict[str, str] = {}
    for pipeline in findings.pipelines:
        other = first.setdefault(pipeline.dag_id, pipeline.file)
        if other != pipeline.file:
            yield _twice(pipeline.dag_id, other, replace(pipeline.place("dag_id"), file=pipeline.file), "dag_id")
    for dag_id, place in findings.python_dags:
        if dag_id in first:
            yield _twice(dag_id, first[dag_id], place, "")


def _asset_conflicts(findings: Findings) -> Iterator[Problem]:
    """Assets that have one name or address in one file, and another one in another file."""
    from airfleet.pipelines.checks.schedules.asset_names import conflicts

    known = set(findings.problems)
    return (problem for problem in shortened(conflicts(findings.pipelines, short)) if problem not in known)


def _twice(dag_id: str, first: str, place: Place, path: str) -> Problem:
    return Problem(place, path, f"Dag '{dag_id}' is already defined in {first}", code=Code.DAG_ID_TWICE)


def put(findings: Findings, output: str) -> None:
    """Print the problems and remarks: for people, or as data."""
    counts = {
        "files": findings.files,
        "pipelines": len(findings.pipelines),
        "python_files": len(findings.python_files),
        "fine": findings.fine,
        "warnings": list(findings.warnings),
    }
    problem_formats.put(findings.problems, findings.remarks, counts, output)
