"""``airfleet doctor``: what is wrong with a fleet, why it matters, and the next command."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.output import tables, terminal
from airfleet.client.project import find
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.client.project import Project
    from airfleet.doctor.checks import Result
    from airfleet.doctor.facts import FileCheck
    from airfleet.doctor.finding import Seen
    from airfleet.doctor.gathering.situation import Situation

COLUMNS = {"code": "code", "state": "state", "sentence": "seen", "next": "next"}
_INDENT = " " * 17
_COLOURS = {"wrong": "red", "warning": "yellow", "fine": "green"}


@click.command(
    epilog="\b\nExamples:\n  airfleet doctor\n  airfleet doctor -v\n  airfleet doctor --live -o json\n"
    "  airfleet doctor --bundle report.tar.gz"
)
@options.option("-v", "--verbose", is_flag=True, help="Show what is fine, too.")
@options.option("--live", is_flag=True, help="Try what an attacker would, on a running fleet, without harm.")
@options.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a tar.gz for a report: findings, versions, plan, fleet.yaml, ends of logs; without secrets.",
)
@options.host
@options.env
@options.output()
@options.project
def command(
    project: Path | None, env: str | None, host: str | None, output: str, bundle: Path | None, live: bool, verbose: bool
) -> int:
    """Look for what is wrong with a fleet, on this host.

    The fleet may be up, half up, down, or never started. Each finding has a code, what was seen, why it matters,
    and the next command. A check that cannot be made says why, and does not count as fine. Changes nothing.

    Exit code: 0 nothing wrong, 1 files, secrets or certificates are wrong, 4 something that runs is unwell.
    """
    from airfleet.doctor import checks, report
    from airfleet.doctor.gathering import gatherer

    here = find(project, env, host)
    found = gatherer.look(here)
    results = checks.examine(gatherer.gather(found, lambda: _pipelines(here), probes=live), probes=live)
    subject = report.Subject(*_names(found), dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), live)
    data = report.as_data(subject, results)
    if bundle is not None:
        _write(bundle, found, data)
    if output == "table":
        terminal.put("\n".join(_lines(results, verbose=verbose)))
        terminal.say("\n".join(_talk(results, bundle)))
    else:
        rows = [_row(*one) for one in report.findings(results, everything=verbose)]
        tables.put_rows(rows, output, COLUMNS, whole=data)
    return checks.exit_code(results)


def _pipelines(here: Project) -> FileCheck:
    """Count the problems of the project's pipelines; those of fleet.yaml have a check of their own."""
    from airfleet.cli.commands.pipelines import check
    from airfleet.doctor.facts import FileCheck

    findings = check.check((), here)
    files = findings.files - len(findings.fleet_files)
    return FileCheck(len(findings.problems), files=files)


def _names(found: Situation) -> tuple[str, str]:
    """Name the fleet and the host, as far as they are known."""
    from airfleet.doctor.finding import Unknown

    fleet = "" if isinstance(found.fleet, Unknown) else found.fleet.name
    return fleet, "" if isinstance(found.plan, Unknown) else found.plan.host


def _row(result: Result, seen: Seen) -> dict[str, Any]:
    return {"code": result.check.code, "state": seen.state.value, "sentence": seen.sentence, "next": seen.next}


def _lines(results: Sequence[Result], *, verbose: bool) -> Iterator[str]:
    """Write what was found in groups, for people."""
    from airfleet.doctor import report

    group, shown = "", report.findings(results, everything=verbose)
    for result, found in itertools.groupby(shown, key=lambda one: one[0]):
        if result.check.group.value != group:
            group = result.check.group.value
            yield terminal.style(group, bold=True)
        for _, seen in found:
            yield from _finding(result.check.code, seen)
        if result.state.value in ("wrong", "warning"):
            yield f"{_INDENT}why:  {result.check.why}"


def _finding(code: str, seen: Seen) -> Iterator[str]:
    state = seen.state.value
    yield f"  {code}  {terminal.style(f'{state:<8}', fg=_COLOURS.get(state))} {seen.sentence}"
    if seen.next:
        yield f"{_INDENT}next: {seen.next}"


def _talk(results: Sequence[Result], bundle: Path | None) -> Iterator[str]:
    from airfleet.doctor import report

    for (why, hint), codes in report.not_made(results).items():
        yield f"not made: {', '.join(codes)}: {why}" + (f"; next: {hint}" if hint else "")
    yield report.summary(results)
    if bundle is not None:
        yield f"the report is in {bundle}; look into it before you send it"


def _write(file: Path, found: Situation, data: dict[str, Any]) -> None:
    from airfleet.doctor import bundle

    texts = {**_texts(found, data), **bundle.log_ends(found.paths.logs)}
    try:
        bundle.write(file, texts, tuple(found.all_secrets().values()), time.time())
    except FileExistsError:
        raise FleetError(f"{file} is there already", hint="name another file") from None


def _texts(found: Situation, data: dict[str, Any]) -> dict[str, str]:
    """Write the documents of a bundle, but for logs."""
    from airfleet.agent.cluster import local_facts

    installed = local_facts.libraries(local_facts.library_folders())
    texts = {"doctor.json": data, "versions.json": dict(sorted(installed.items())), "plan.json": _plan(found)}
    return {**{name: json.dumps(value, indent=1) for name, value in texts.items()}, "fleet.yaml": _fleet_file(found)}


def _plan(found: Situation) -> Any:
    from dataclasses import asdict

    from airfleet.doctor.finding import Unknown
    from airfleet.fleet.planning import plan_record

    if isinstance(found.plan, Unknown):
        return {"unknown": found.plan.why}
    # A key of this report alone: fingerprints tell nothing, and cannot be compared with the fleet's own.
    return asdict(plan_record.describe(found.plan, f"report {time.time_ns()}"))


def _fleet_file(found: Situation) -> str:
    """Write fleet.yaml as ``airfleet config`` shows it."""
    from airfleet.cli.commands.fleet import config
    from airfleet.errors import FileProblems
    from airfleet.fleet.config import reader

    try:
        document = reader.load_files(found.here.fleet_file, found.here.environ)
    except FileProblems as wrong:
        return f"# it cannot be read: {wrong}"
    return tables.as_yaml(config.shown(document.top)) + "\n"
