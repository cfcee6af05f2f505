"""Snapshots of a fleet as values, for people and other hosts."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airfleet.agent import states
from airfleet.agent.cluster.leases import HostRow
from airfleet.agent.cluster.member import ClusterFacts
from airfleet.agent.cluster.quorum import BREAK_SECONDS
from airfleet.agent.control import ComponentStatus, Edited, HostStatus, ImportErrors, Snapshot
from airfleet.agent.database.finding import DatabaseFinding
from airfleet.agent.host import cgroups
from airfleet.agent.release_status import ReleaseStatus
from airfleet.agent.states import HostState, State
from airfleet.agent.supervisor.overrides import HostOverrides
from airfleet.agent.supervisor.process import Running
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.system import pss

NOT_EDITED = Edited()
NO_IMPORT_ERRORS = ImportErrors()
NO_RELEASES = ReleaseStatus()


@dataclass(frozen=True)
class AgentProgress:
    """The progress of an agent from start to end; times in seconds."""

    #: since it began
    elapsed: float
    #: from then until everything was ready; None before that
    ready_after: float | None
    stopping: bool
    done: bool
    #: whether the end was asked for over the agent's socket
    asked_to_end: bool = False


def snapshot(
    plan: Plan,
    paths: Paths,
    running: Collection[Running],
    progress: AgentProgress,
    others: ClusterFacts | None,
    now: float,
    *,
    troubles: Mapping[str, str],
    overrides: Mapping[str, Any],
    database: DatabaseFinding | None = None,
    edited: Edited = NOT_EDITED,
    import_errors: ImportErrors = NO_IMPORT_ERRORS,
    releases: ReleaseStatus = NO_RELEASES,
) -> Snapshot:
    """Make the snapshot; ``others`` is None in a fleet without hosts, and only there ``overrides`` are shown.

    ``database`` is what keeps this host from using it.
    """
    components = tuple(r.status(now) for r in running)
    refusal = others.refused.get(plan.host, "") if others else ""
    is_refused = bool(refusal) or (database is not None and database.is_final)
    return Snapshot(
        fleet=plan.fleet,
        state=state(running, progress, refused=is_refused),
        pid=os.getpid(),
        home=str(paths.home),
        url=plan.url,
        api_urls=plan.api_urls,
        user=plan.user,
        password_file=str(paths.password),
        elapsed=progress.elapsed,
        ready_after=progress.ready_after,
        components=(*components, *unwell(troubles)),
        problem=f"host '{plan.host}' {refusal}" if refusal else _problem(running),
        host=plan.host if others else "",
        hosts=tuple(_host(row, others.age) for row in others.rows if _counts(row, plan)) if others else (),
        missing=_missing(plan, others.rows) if others else (),
        differences=tuple(others.differences) if others else (),
        refused=dict(others.refused) if others else {},
        orders={} if others else dict(overrides),
        asked_to_end=progress.asked_to_end,
        database=_told(database),
        edited=edited,
        unlimited=cgroups.not_kept(plan, os.environ),
        import_errors=import_errors,
        releases=_of_hosts(releases, plan),
    )


def with_memory(now: Snapshot) -> Snapshot:
    """Add the memory of each component, and the agent, which is this process, as the first of them."""
    used = pss.of_sessions([c.pid for c in now.components if c.pid])
    components = (replace(c, memory_mb=used.get(c.pid or 0)) for c in now.components)
    own = pss.of_process(now.pid)
    agent = ComponentStatus("agent", "agent", State.READY, pid=now.pid, since=now.elapsed, memory_mb=own)
    return replace(now, components=(agent, *components))


def unwell(troubles: Mapping[str, str]) -> tuple[ComponentStatus, ...]:
    """Make degraded parts of a host's troubles (a disk, a clock), beside its components."""
    return tuple(ComponentStatus(part, part, State.DEGRADED, reason=why) for part, why in troubles.items() if why)


def _told(database: DatabaseFinding | None) -> Mapping[str, str]:
    if database is None:
        return {}
    return {"verdict": str(database.verdict), "sentence": database.sentence, "hint": database.hint or ""}


def state(running: Collection[Running], progress: AgentProgress, *, refused: bool = False) -> str:
    """Sum all components up in one word; ``refused``: none may use the database."""
    found = {r.state for r in running if not (r.state == State.STOPPED and not progress.stopping)}
    if progress.done:
        return "stopped"
    if progress.stopping:
        return "stopping"
    if State.GAVE_UP in found or refused:
        return "failed"
    if found <= states.FINE:
        return "ready"
    return "starting" if progress.ready_after is None else "degraded"


def _problem(running: Collection[Running]) -> str:
    return "; ".join(f"{r.name} {r.reason or ''}" for r in running if r.state == State.GAVE_UP)


def _of_hosts(releases: ReleaseStatus, plan: Plan) -> ReleaseStatus:
    """Leave out reports of hosts that the fleet has no more."""
    names = plan.neighbours.names if plan.neighbours else (plan.host,)
    return replace(releases, hosts=tuple(one for one in releases.hosts if one.host in names))


def _missing(plan: Plan, rows: Sequence[HostRow]) -> tuple[str, ...]:
    """Name the hosts that were never up, as far as that is known."""
    heard = {row.host for row in rows}
    named = plan.neighbours.names if plan.neighbours and heard else ()
    return tuple(name for name in named if name not in heard)


def _counts(row: HostRow, plan: Plan) -> bool:
    """Tell whether a host is shown: one that has ended and that fleet.yaml names no more is history."""
    return row.state is HostState.UP or plan.neighbours is None or row.host in plan.neighbours.names


def _host(row: HostRow, passed: float) -> HostStatus:
    age = row.age + passed
    state = HostState.LATE if row.state is HostState.UP and age > BREAK_SECONDS else row.state
    told = {**dict(row.__dict__), "state": state, "age": age, "drained": HostOverrides.read(row.orders).drained}
    return HostStatus.from_json(told)
