"""``airfleet drill``: break a part of the running fleet on purpose, and see that nothing is lost.

::

    production? ──> seen here? ──> healthy? ──> add its pipeline ──> for each part: break, watch, count ──> remove it
         │              │             │                                   │
      1 without --yes   1             4                                   124 when it is not well again

Talk (what happens when) goes to stderr as it happens, the verdict to stdout, before anything is removed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.agent.control import Snapshot
from airfleet.cli import options
from airfleet.cli.commands.fleet import agent_start
from airfleet.cli.output import tables, terminal
from airfleet.client import api_client, overrides
from airfleet.client.project import Project, find
from airfleet.errors import (
    EXIT_OK,
    EXIT_WAIT_TIMED_OUT,
    EXIT_WRONG,
    AirfleetError,
    FleetError,
    Unhealthy,
    WaitTimedOut,
    did_you_mean,
)

if TYPE_CHECKING:
    from airfleet.drill.fleet_drill import Drill
    from airfleet.drill.parts import DrilledFleet
    from airfleet.drill.placement import PipelinePlace
    from airfleet.drill.verdict import DrillVerdict
    from airfleet.fleet.config.spec import Fleet, Host

_OWN_QUEUE = "a worker with a queue that no other host's worker has"
ALL = "all"
#: until every host has the release with the drill's pipeline
_RELEASE_SECONDS = 60.0
#: the words of airfleet.drill.parts, which is not imported for ``--help``
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

    The part is killed without a warning while small tasks of the drill's own run. They show how long nothing
    started, and whether one was lost, was done twice, or failed. "host" kills everything on this host and starts
    it again; "all" does every part that this host runs, one after the other. Your own tasks that run meanwhile
    suffer what they would suffer from the real thing.

    Exit code: 0 nothing was lost, 1 something was, 4 the fleet was not healthy before, 124 it was not in time.
    """
    from airfleet.drill import fleet_drill, pipeline

    here = find(project)
    asked = overrides.running(here)
    place = place_of(here, asked, queue, allowed=yes)
    parts = _parts(asked, part)
    one = fleet_drill.Drill(place, timeout, _say, _warn)
    terminal.say(f"adding '{pipeline.FILE_NAME}' for the time of the drill")
    verdicts: list[DrillVerdict] = []
    try:
        with agent_start.signals_interrupt(), one.prepared():
            _drill(one, parts, verdicts, output)
    except AirfleetError as wrong:
        if all(verdict.held for verdict in verdicts):
            raise
        terminal.say(terminal.style("error: ", fg="red", bold=True) + str(wrong))
    return exit_code(verdicts)


def exit_code(verdicts: Sequence[DrillVerdict]) -> int:
    """Choose the exit code: something lost is worse than something late."""
    if not all(verdict.held for verdict in verdicts):
        return EXIT_WRONG
    return EXIT_OK if all(verdict.in_time for verdict in verdicts) else EXIT_WAIT_TIMED_OUT


def row(verdict: DrillVerdict) -> dict[str, Any]:
    """Return one drill for the table; everything it found for programs."""
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


def place_of(here: Project, asked: Snapshot, queue: str | None, *, allowed: bool) -> DrilledFleet:
    """Return the fleet to drill, as its agent was started. Raises FleetError when it may not or cannot be drilled."""
    from airfleet.agent.host import machine_memory
    from airfleet.drill.parts import DrilledFleet
    from airfleet.fleet.config.reader import read_file
    from airfleet.fleet.planning import local_hosts, worker_slots

    environ = _as_started(here, asked)
    fleet = local_hosts.of(read_file(here.fleet_file, environ, lenient=True), environ)
    if fleet.production and not allowed:
        raise FleetError(
            f"fleet '{fleet.name}' is production: a drill really kills what it names",
            hint="--yes does it all the same",
        )
    host = asked.host or fleet.hosts[0].name
    has_releases = bool(asked.releases.live)
    if not has_releases:
        require_reader(fleet, host)
    queue = queue_of(fleet, host, queue)
    api, _ = api_client.connect(here)
    seen = _seen(fleet, host)
    workers = [worker for one in seen for worker in one.workers if queue in worker.queues]
    slots = worker_slots.on_all(seen, len(os.sched_getaffinity(0)), machine_memory.usable_bytes(asked.pid), queue)
    others = () if has_releases else tuple(one.name for one in _readers(fleet) if one not in seen)
    names = tuple(worker.name for worker in workers)
    place = _pipeline_place(here, fleet, has_releases=has_releases)
    return DrilledFleet(here, environ, place, queue, slots, api, names, others)


def _pipeline_place(here: Project, fleet: Fleet, *, has_releases: bool) -> PipelinePlace:
    """Choose the place of the drill's pipeline: a release of its own, or the folder of this machine."""
    from airfleet.cli.commands.releases.added_pipeline import AddedPipeline
    from airfleet.drill.pipeline import FILE_NAME
    from airfleet.drill.placement import PipelineFile

    if has_releases and (fleet.policies.push.approval or fleet.policies.push.signed_by):
        raise FleetError(
            "a drill makes a release of its own live, and somebody has to vouch for each release of this fleet",
            hint="drill a copy of the project, without 'policies: {push: …}'",
        )
    if has_releases:
        return AddedPipeline(here, FILE_NAME, "airfleet drill", _RELEASE_SECONDS)
    return PipelineFile(here.root / fleet.pipelines / FILE_NAME)


def require_reader(fleet: Fleet, host: str) -> None:
    """See that a pipeline in the folder of ``host`` is read: where a dag-processor runs, or this machine plays one.

    Elsewhere it would never be seen, and a drill would wait for it in vain. Raises FleetError, with where to drill.
    """
    readers = _readers(fleet)
    if any(one in readers for one in _seen(fleet, host)):
        return
    fit = [f"'{one.name}'" for one in readers if _own_queues(fleet, one.name)]
    raise FleetError(
        f"host '{host}' runs no dag-processor, so nothing would read the pipeline that a drill puts into its folder",
        hint=f"drill on host {' or '.join(fit)}"
        if fit
        else f"give host '{readers[0].name}', which has a dag-processor, {_OWN_QUEUE}, and drill there",
    )


def _readers(fleet: Fleet) -> tuple[Host, ...]:
    """List the hosts with a dag-processor; there always is one."""
    return tuple(one for one in fleet.hosts if one.dag_processor.count)


def queue_of(fleet: Fleet, host: str, wanted: str | None) -> str:
    """Choose the queue of a drill on ``host``: the wanted one, or the first whose tasks all run where its journal is.

    Raises FleetError when nobody takes the wanted one, or a worker elsewhere does.
    """
    if wanted is not None and wanted not in fleet.queues:
        hint = did_you_mean(wanted, fleet.queues) or f"the queues are: {', '.join(fleet.queues)}"
        raise FleetError(f"no worker of fleet '{fleet.name}' takes tasks of queue '{wanted}'", hint=hint)
    own = _own_queues(fleet, host)
    if wanted in own or (wanted is None and own):
        return wanted or own[0]
    where = _where(host, wanted, _queues_elsewhere(fleet, host))
    raise FleetError(
        f"{where}, and this drill sees only tasks of this machine: its witness is a folder",
        hint=f"--queue {own[0]}" if own else f"give host '{host}' {_OWN_QUEUE}",
    )


def _own_queues(fleet: Fleet, host: str) -> tuple[str, ...]:
    """List the queues whose tasks all run where a drill on ``host`` sees them."""
    own = dict.fromkeys(queue for one in _seen(fleet, host) for worker in one.workers for queue in worker.queues)
    elsewhere = _queues_elsewhere(fleet, host)
    return tuple(queue for queue in own if queue not in elsewhere)


def _queues_elsewhere(fleet: Fleet, host: str) -> Mapping[str, str]:
    """Queue -> a host that takes its tasks where a drill on ``host`` does not see them."""
    seen = _seen(fleet, host)
    return {queue: one.name for one in fleet.hosts if one not in seen for w in one.workers for queue in w.queues}


def _where(host: str, wanted: str | None, elsewhere: Mapping[str, str]) -> str:
    if wanted is None:
        return f"no queue is taken by workers of host '{host}' alone"
    return f"tasks of queue '{wanted}' may run on host '{elsewhere[wanted]}'"


def _seen(fleet: Fleet, host: str) -> tuple[Host, ...]:
    """List the hosts whose tasks write into a folder of this machine: all, when it plays them, or else this one."""
    from airfleet.fleet.planning import local_hosts

    together = all(local_hosts.is_played(one.address) for one in fleet.hosts)
    return fleet.hosts if together else tuple(one for one in fleet.hosts if one.name == host)


def _as_started(here: Project, asked: Snapshot) -> Mapping[str, str]:
    """Take over the environment that its agent was started with; this shell may lack its overlay and its host.

    Variables that fleet.yaml reads have to be in this shell's environment: nobody can ask the agent for them.
    """
    from airfleet.agent import launch

    home = {"AIRFLEET_HOME": str(here.paths.home)} if here.environ.get("AIRFLEET_HOME") else {}
    told = launch.environment_of(asked.pid, here.paths)
    return {**here.environment, **home} if not told else {**_others(here.environment), **told, **home}


def _others(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith("AIRFLEET_")}


def _parts(asked: Snapshot, part: str) -> tuple[str, ...]:
    from airfleet.drill import parts as drill_parts

    if part == ALL:
        return drill_parts.available(asked)
    if part != drill_parts.HOST:
        drill_parts.victim_of(part, asked)
    return (part,)


def _drill(drill: Drill, parts: Sequence[str], verdicts: list[DrillVerdict], output: str) -> None:
    """Do each; whatever ends it, say what came of those that are done."""
    try:
        for number, part in enumerate(parts):
            terminal.say(terminal.style(f"\ndrill {part}: a task every half second is the witness", bold=True))
            try:
                verdicts.append(drill.run(part))
            except Unhealthy as ill:
                if not verdicts:
                    raise
                raise _not_well_after(verdicts[-1], drill.timeout_seconds, parts[number:], ill) from ill
    finally:
        if verdicts:
            _put(verdicts, output)


def _not_well_after(before: DrillVerdict, timeout: float, left: Sequence[str], ill: Unhealthy) -> WaitTimedOut:
    """Count a fleet that is not well after a part as late: it was healthy before."""
    late = f"was not well again within {terminal.seconds(timeout)}"
    how = late if before.healthy_after is None else "was well again, but is not any more,"
    return WaitTimedOut(f"the fleet {how} after drill {before.part}; not done: {', '.join(left)}\n{ill}")


def _put(verdicts: Sequence[DrillVerdict], output: str) -> None:
    tables.put_rows([row(verdict) for verdict in verdicts], output, COLUMNS)
    for verdict in verdicts:
        if not verdict.known:
            sentence = f"{verdict.part}: whether a run was lost is not known; the API did not answer in time"
            terminal.say(terminal.style(sentence, fg="red"))
        for violation in verdict.violations:
            terminal.say(terminal.style(str(violation), fg="red"))


def _say(at: float, line: str) -> None:
    terminal.say(f"  {at:6.1f}s  {line}")


def _warn(sentence: str, hint: str) -> None:
    terminal.say(terminal.style("warning: ", fg="yellow", bold=True) + f"{sentence}\nhint: {hint}")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
