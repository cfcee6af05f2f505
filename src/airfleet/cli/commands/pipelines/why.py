"""``airfleet why``: which task failed or waits, and why, in one answer."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from airfleet.agent.control import Snapshot
from airfleet.cli import options
from airfleet.cli.diagnosis import diagnosis
from airfleet.cli.diagnosis import facts as evidence
from airfleet.cli.diagnosis.diagnosis import FindingKind, RunFinding, RunVerdict
from airfleet.cli.output import tables, terminal
from airfleet.cli.queries import run_release
from airfleet.cli.queries.task_logs import LogPlaces
from airfleet.client import api_client
from airfleet.client.project import Project, find
from airfleet.errors import FileProblems
from airfleet.fleet.config.spec import Fleet

COLUMNS = {"kind": "kind", "tasks": "tasks", "sentence": "what", "cause": "cause", "next": "next"}
MARKS = {
    FindingKind.FAILED: "✗",
    FindingKind.RETRYING: "✗",
    FindingKind.TIMED_OUT: "✗",
    FindingKind.IMPORT_ERROR: "✗",
    FindingKind.RUNNING: "›",
}
COLOURS = {"✗": "red", "›": "yellow", "·": "cyan"}


@click.command(
    epilog="\b\nExamples:\n  airfleet why orders\n  airfleet why orders manual__2026-01-31T06:00:00+00:00 -o json"
)
@click.argument("dag_id")
@click.argument("run_id", required=False)
@options.output()
@options.project
def command(dag_id: str, run_id: str | None, project: Path | None, output: str) -> None:
    """Say which task of a run failed or waits, why, and what to do.

    Without RUN_ID: the latest run.
    """
    here = find(project)
    api, snapshot = api_client.connect(here)
    now = dt.datetime.now(dt.UTC)
    fleet = _fleet(here)
    places, find_release = _places(here, snapshot), partial(run_release.of, here)
    slots = _slots(fleet, snapshot.pid)
    facts = evidence.gather(api, dag_id, run_id, snapshot, fleet, slots, now, places, find_release)
    verdict = diagnosis.judge(facts)
    if output == "table":
        terminal.put("\n".join(lines(verdict, here)))
    else:
        whole = verdict.to_json()
        tables.put_rows(whole["findings"], output, COLUMNS, whole=whole)


def _slots(fleet: Fleet | None, agent: int) -> int | None:
    """Count the slots of the fleet, were all hosts like this one."""
    from airfleet.agent.host import machine_memory
    from airfleet.fleet.planning import worker_slots

    if fleet is None:
        return None
    return worker_slots.on_all(fleet.hosts, len(os.sched_getaffinity(0)), machine_memory.usable_bytes(agent))


def _fleet(here: Project) -> Fleet | None:
    """Read fleet.yaml; a broken one only makes the answer less exact."""
    from airfleet.fleet.config import reader

    try:
        return reader.read_file(here.fleet_file, here.environ)
    except FileProblems:
        return None


def _places(here: Project, snapshot: Snapshot) -> LogPlaces:
    """Say where logs of tasks can be read: folders of hosts whose homes are here, and log servers of the others."""
    from airfleet.fleet.servers import secrets

    folders = tuple(dict.fromkeys(one.paths.task_logs for one in (here, *map(here.on, here.hosts))))
    servers = {
        host.host: component.address
        for host in snapshot.hosts
        for component in host.components
        if component.kind == "log-server" and component.pid is not None
    }
    kept = secrets.load(here.paths.secrets) if servers else None
    return LogPlaces(folders, servers, kept.logs_key if kept is not None else "")


def lines(verdict: RunVerdict, here: Project) -> Iterator[str]:
    """Yield the verdict for people."""
    yield terminal.style(verdict.sentence, bold=True)
    for finding in verdict.findings:
        yield ""
        yield from _finding_lines(finding)
        log = log_file(here, verdict, finding)
        if log is not None:
            yield f"  its whole log: {log}"
    commands = list(dict.fromkeys(finding.next for finding in verdict.findings if finding.next))
    if commands:
        yield ""
        yield "next: " + "\n      ".join(commands)


def _finding_lines(finding: RunFinding) -> Iterator[str]:
    mark = MARKS.get(finding.kind, "·")
    yield f"{terminal.style(mark, fg=COLOURS[mark])} {finding.sentence}"
    for line in finding.log:
        yield f"    {line}"
    if finding.exception:
        yield f"  {terminal.style(finding.exception, fg='red')}"
    for frame in finding.frames[-3:]:
        yield f"    at {frame}"
    if finding.cause:
        yield f"  likely cause: {finding.cause}"
    if finding.advice:
        yield f"  what helps:   {finding.advice}"


def log_file(here: Project, verdict: RunVerdict, finding: RunFinding) -> Path | None:
    """Return the file of a failed task's latest attempt on this machine, when it is there."""
    if not finding.kind.is_of_a_failed_task or not finding.tasks or verdict.run_id is None:
        return None
    task, _, index = finding.tasks[0].partition("[")
    folder = here.paths.task_logs / f"dag_id={verdict.dag_id}" / f"run_id={verdict.run_id}" / f"task_id={task}"
    if index:
        folder = folder / f"map_index={index.rstrip(']')}"
    attempts = sorted(folder.glob("attempt=*.log"), key=lambda path: (len(path.name), path.name))
    return attempts[-1] if attempts else None
