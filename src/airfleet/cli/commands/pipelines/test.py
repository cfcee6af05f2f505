"""``airfleet test``: the tests of pipelines, in one process and without a database."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.diagnosis.findings import short
from airfleet.cli.output import log_filter, problem_view, tables, terminal
from airfleet.cli.queries import pipeline_file
from airfleet.cli.queries.checked_files import CheckedFiles
from airfleet.client import project as projects
from airfleet.errors import EXIT_OK, EXIT_WRONG, FileProblems, FleetError, UsageError, listed

if TYPE_CHECKING:
    from airfleet.pipelines.cases.spec import Case
    from airfleet.pipelines.local.case_runner import CaseResult

COLUMNS = {"file": "file", "case": "case", "state": "state", "seconds": "seconds"}
LOG_LINES = 12
#: the last line of a message of Airflow that has several
_END_OF_A_MESSAGE = re.compile(r"\s*\[[\w.]+\] loc=")


@click.command(
    epilog="\b\nExamples:\n  airfleet test\n  airfleet test pipelines/orders.test.yaml\n"
    "  airfleet test -k 'no orders' -o json"
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(readable=False, path_type=Path))
@options.option("-k", "words", metavar="TEXT", help="Run only cases with this text in their name or file.")
@options.output()
@options.project
def command(paths: tuple[Path, ...], words: str | None, output: str, project: Path | None) -> int:
    """Run tests of pipelines: the cases of *.test.yaml files.

    PATH is a test file or a folder; without one, the project's folder of pipelines. Tasks run one after the other in
    one process, without a database; a case has the connections and variables that it names, and no others.
    Exit code: 0 all cases passed, 1 some failed.
    """
    from airfleet.pipelines.local import case_runner

    files = tuple(_test_files(paths or (_folder(project),)))
    if not files:
        raise FleetError("there are no tests", hint="write NAME.test.yaml beside a pipeline NAME.yaml")
    environ = pipeline_file.environment(files[0], project, lenient=True)
    cases = _wanted(_cases(files, environ), words)
    began = time.monotonic()
    told = _Told(output)
    results = case_runner.run_cases(cases, environ=environ, on_result=told.of)
    return _report(results, output, time.monotonic() - began)


def _folder(project: Path | None) -> Path:
    """Give the folder of pipelines of the project; without a project, the working directory."""
    from airfleet.fleet.config import reader

    root = projects.find(project).root if project is not None else projects.nearest(Path.cwd())
    if root is None:
        return Path.cwd()
    return root / reader.read_file(root / projects.FLEET_FILE, os.environ, lenient=True).pipelines


def _test_files(paths: Sequence[Path]) -> Iterator[Path]:
    from airfleet.pipelines.files import listing, project_files

    for path in dict.fromkeys(paths):
        if pipeline_file.there(path).is_dir():
            yield from (Path(short(str(file))) for file in listing.of(path).tests)
        elif project_files.is_test(path):
            yield path
        else:
            hint = f"its tests stand in {path.stem}.test.yaml"
            raise FleetError(f"{path} is no test file: its name does not end in .test.yaml", hint)


def _cases(files: Sequence[Path], environ: Mapping[str, str]) -> list[Case]:
    """Read all cases. Raises FileProblems when one of them, or its pipeline, is wrong."""
    from airfleet.pipelines.cases import checks, reader

    read = [reader.read_file(file) for file in files]
    cases = [case for found in read for case in found.cases]
    _, problems = checks.prepared(cases, CheckedFiles(environ, sure=True).read)
    problems = (*(problem for found in read for problem in found.problems), *problems)
    if problems:
        raise FileProblems(problems)
    return cases


def _wanted(cases: Sequence[Case], words: str | None) -> list[Case]:
    if not cases:
        raise FleetError("there are no cases in the test files", hint="a case begins with '- name: …' under 'cases'")
    found = [case for case in cases if words is None or words.lower() in case.id.lower()]
    if not found:
        raise UsageError(f"no case has '{words}' in its name\nhint: there are {listed([case.name for case in cases])}")
    return found


class _Told:
    """Tells of each case as it ends, under the name of its file."""

    def __init__(self, output: str) -> None:
        self.is_wanted = output == "table"
        self.file = ""

    def of(self, result: CaseResult) -> None:
        """Tell of one case."""
        if not self.is_wanted:
            return
        if result.case.file != self.file:
            self.file = result.case.file
            terminal.put(terminal.style(self.file, bold=True))
        mark = terminal.style("✓", fg="green") if result.passed else terminal.style("✗", fg="red")
        took = terminal.style(f"({result.seconds * 1000:.0f} ms)", dim=True)
        terminal.put(f"  {mark} {result.case.name} {took}")
        if not result.passed:
            terminal.put("\n".join(f"    {line}" for line in failure(result)) + "\n")


def failure(result: CaseResult) -> Iterator[str]:
    """Describe a failed case: what was not as expected, at its place, and what the tasks said."""
    told = [replace(problem, path="") for problem in result.problems]
    yield from "\n".join(problem_view.with_source(problem, problem_view.read_line) for problem in told).splitlines()
    printed = [line for line in result.log.splitlines() if not _is_talk(line)]
    if lines := log_filter.telling(printed, LOG_LINES):
        yield "its log ends with:"
        yield from (f"  {line}" for line in lines)


def _is_talk(line: str) -> bool:
    """Tell whether a line of a log says what went on, and not what went wrong."""
    found = log_filter.DECORATED.match(line)
    return _END_OF_A_MESSAGE.match(line) is not None or (found is not None and found[2] in ("info", "debug"))


def _report(results: Sequence[CaseResult], output: str, seconds: float) -> int:
    failed = sum(not result.passed for result in results)
    if output != "table":
        rows = [_row(result) for result in results]
        whole = {"passed": len(results) - failed, "failed": failed, "seconds": seconds, "cases": rows}
        tables.put_rows(rows, output, COLUMNS, whole=whole)
    counted = f"{failed} failed, {len(results) - failed} passed" if failed else f"{len(results)} passed"
    own = sum(result.seconds for result in results)
    terminal.say(f"{counted} in {own:.2f}s; {max(0.0, seconds - own):.1f}s until Airflow was there")
    return EXIT_WRONG if failed else EXIT_OK


def _row(result: CaseResult) -> dict[str, Any]:
    problems = [
        {"line": one.place.line, "column": one.place.column, "path": one.path, "sentence": one.sentence}
        for one in result.problems
    ]
    return {
        "file": result.case.file,
        "case": result.case.name,
        "state": "passed" if result.passed else "failed",
        "seconds": round(result.seconds, 4),
        "problems": problems,
        "log": result.log,
    }
