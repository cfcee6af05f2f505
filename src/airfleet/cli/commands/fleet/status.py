"""``airfleet status``: what runs, since when, and how it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from airfleet import versions
from airfleet.agent.control import ComponentStatus, Snapshot, Unapplied
from airfleet.agent.states import FINE, LABELS, HostState
from airfleet.cli import options
from airfleet.cli.output import component_view as components
from airfleet.cli.output import release_view, tables, terminal
from airfleet.client import agent_client
from airfleet.client.project import Project, find
from airfleet.errors import EXIT_OK, EXIT_UNHEALTHY, Unhealthy

COLUMNS = {
    "host": "host",
    "name": "component",
    "label": "state",
    "for": "for",
    "pid": "pid",
    "restarts": "restarts",
    "memory_mb": "memory MB",
    "address": "address",
    "reason": "reason",
}
#: components of which an edit is said in one line, and what becomes of one
_NAMED = 3
_CHANGES = {"+": "start", "-": "stop", "~": "restart"}
#: of a host that fleet.yaml names
NOT_YET = "was not up yet"


@click.command(epilog="\b\nExamples:\n  airfleet status\n  airfleet status --memory -o json\n  airfleet status --here")
@options.option("--memory", is_flag=True, help="Measure each component's memory (PSS) too.")
@options.option("--here", "here_alone", is_flag=True, help="Show and judge this host alone, as a container's check.")
@options.host
@options.output()
@options.project
def command(project: Path | None, host: str | None, memory: bool, here_alone: bool, output: str) -> int:
    """Show every component of the fleet, on every host.

    Exit code: 0 healthy, 4 running but not healthy, 1 not running.
    """
    here = find(project, host=host)
    snapshot = agent_client.snapshot(here.root, here.paths, memory=memory)
    if snapshot is None:
        return _not_running(here, output)
    snapshot = alone(snapshot) if here_alone else snapshot
    columns = COLUMNS if snapshot.hosts else {key: title for key, title in COLUMNS.items() if key != "host"}
    tables.put_rows(list(rows(snapshot)), output, columns, whole=whole(snapshot))
    if output == "table":
        told = (*server_programs(snapshot), *release_view.lines(snapshot.releases, _hosts(snapshot)))
        terminal.say("\n".join(("", headline(snapshot), *told)))
        terminal.warn(versions.warnings())
        terminal.warn(limits_not_kept(snapshot))
        terminal.warn(release_view.warnings(snapshot.releases))
        terminal.warn(cannot_be_imported(snapshot))
        for other in filter(None, (not_in_force(snapshot), changed_libraries(snapshot))):
            terminal.say(str(other))
    return EXIT_OK if agent_client.is_healthy(snapshot) else EXIT_UNHEALTHY


def alone(snapshot: Snapshot) -> Snapshot:
    """Leave out what the agent knows of other hosts; a host that was refused is none that is well."""
    refused = {host: why for host, why in snapshot.refused.items() if host == snapshot.host}
    return replace(snapshot, hosts=(), missing=(), differences=(), refused=refused)


def _hosts(snapshot: Snapshot) -> tuple[str, ...]:
    """Name the hosts that should have the live release, as far as reports tell: of one host, that one."""
    named = tuple(host.host for host in snapshot.hosts if host.state is HostState.UP)
    return named or tuple(report.host for report in snapshot.releases.hosts)


def server_programs(snapshot: Snapshot) -> tuple[str, ...]:
    """Name the programs of the embedded servers of this host.

    >>> from airfleet.agent.states import State
    >>> postgres = ComponentStatus("postgres", "postgres", State.READY, program="PostgreSQL 15.18 of this machine (/x)")
    >>> server_programs(Snapshot("shop", "ready", 7, "/home", components=(postgres,)))
    ('postgres is PostgreSQL 15.18 of this machine (/x)',)
    """
    return tuple(f"{one.name} is {one.program}" for one in snapshot.components if one.program)


def limits_not_kept(snapshot: Snapshot) -> tuple[str, ...]:
    """Say that limits of memory are not in force on this machine."""
    if not snapshot.unlimited:
        return ()
    names = ", ".join(snapshot.unlimited)
    return (f"the limit of memory is not kept of {names}; 'airfleet logs agent' says why",)


def rows(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Yield every component of every host: this host's as they are now, the others' as they were told seconds ago."""
    if not snapshot.hosts:
        yield from map(row, snapshot.components)
        return
    for host in snapshot.hosts:
        components = snapshot.components if host.host == snapshot.host else host.components
        if host.state.has_ended or not components:
            yield {
                "host": host.host,
                "label": agent_client.about(host),
                "for": terminal.seconds(host.age),
                "address": host.address,
            }
            continue
        note = "" if host.state is HostState.UP else f" ({agent_client.about(host)})"
        yield from ({**row(component), "host": f"{host.host}{note}"} for component in components)
    yield from ({"host": name, "label": NOT_YET} for name in snapshot.missing)


def row(component: ComponentStatus) -> dict[str, Any]:
    """Return one component for the table."""
    return {
        "name": component.name,
        "label": LABELS[component.state],
        "for": terminal.seconds(component.since),
        "pid": component.pid,
        "restarts": component.restarts or None,
        "memory_mb": component.memory_mb,
        "address": component.address,
        "reason": components.why(component) if component.state not in FINE else "",
    }


def whole(snapshot: Snapshot) -> dict[str, Any]:
    """Join everything that the agent said with the one word that a program asks first."""
    return {"healthy": agent_client.is_healthy(snapshot), **snapshot.to_json(), "warnings": list(versions.warnings())}


def headline(snapshot: Snapshot) -> str:
    """Sum up the fleet in one line.

    >>> headline(Snapshot("shop", "ready", 7, "/home", url="http://127.0.0.1:8080", elapsed=75))
    "fleet 'shop' is healthy, up for 1m15s: http://127.0.0.1:8080"
    """
    state = "healthy" if agent_client.is_healthy(snapshot) else snapshot.state if not snapshot.healthy else "degraded"
    line = f"fleet '{snapshot.fleet}' is {state}, up for {terminal.seconds(snapshot.elapsed)}: {snapshot.url}"
    unwell = [
        f"host '{host.host}' is {agent_client.about(host)}" for host in snapshot.hosts if host.state is not HostState.UP
    ]
    missing = [f"host '{name}' {NOT_YET}" for name in snapshot.missing]
    refused = [f"host '{host}' {why}" for host, why in snapshot.refused.items() if host != snapshot.host]
    differ = map(str, snapshot.differences)
    return "\n".join((line, *unwell, *missing, *refused, *differ, *([snapshot.problem] if snapshot.problem else [])))


def cannot_be_imported(snapshot: Snapshot) -> tuple[str, ...]:
    """Count the Dag files with import errors, and quote the first one.

    >>> from airfleet.agent.control import ImportErrors
    >>> wrong = ImportErrors(3, {"a.py": "ValueError: no", "b.py": "Dag 'b' cannot be stored"})
    >>> cannot_be_imported(Snapshot("shop", "ready", 7, "/home", import_errors=wrong))
    ("3 Dag files have import errors, first 'a.py': ValueError: no",)
    """
    wrong = snapshot.import_errors
    if not wrong.count:
        return ()
    name, why = next(iter(wrong.files.items()))
    if wrong.count == 1:
        return (f"1 Dag file has an import error, '{name}': {why}",)
    return (f"{wrong.count} Dag files have import errors, first '{name}': {why}",)


def not_in_force(snapshot: Snapshot) -> Unhealthy | None:
    """Say which settings of fleet.yaml are not in force, and how to apply them; None when all are.

    >>> from airfleet.agent.control import Edited
    >>> edited = Edited(unapplied=(Unapplied("flower", "+"), Unapplied("worker", "~", ("slots 1 → 2",))))
    >>> print(not_in_force(Snapshot("shop", "ready", 7, "/home", edited=edited)))
    fleet.yaml has been edited and is not in force: flower would start, worker would restart (slots 1 → 2)
    hint: 'airfleet plan' shows it all; 'airfleet down', then 'airfleet up', applies it
    """
    edited = snapshot.edited
    if edited.is_wrong:
        return Unhealthy("fleet.yaml has been edited, and the fleet could not start with it", hint="airfleet check")
    if not edited.unapplied:
        return None
    told = [_would(one) for one in edited.unapplied[:_NAMED]]
    more = f" and {len(edited.unapplied) - _NAMED} more" if len(edited.unapplied) > _NAMED else ""
    return Unhealthy(
        f"fleet.yaml has been edited and is not in force: {', '.join(told)}{more}",
        hint="'airfleet plan' shows it all; 'airfleet down', then 'airfleet up', applies it",
    )


def changed_libraries(snapshot: Snapshot) -> Unhealthy | None:
    """Say which libraries are other ones than when the fleet was started; None when none is.

    >>> from airfleet.agent.control import Edited
    >>> edited = Edited(libraries=("celery 5.6.3 → 5.6.4",))
    >>> print(changed_libraries(Snapshot("shop", "ready", 7, "/home", edited=edited)))
    libraries have changed while the fleet runs: celery 5.6.3 → 5.6.4; tasks get the one or the other
    hint: 'airfleet down', then 'airfleet up', starts it with what is installed now
    """
    changed = snapshot.edited.libraries
    if not changed:
        return None
    named = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else "")
    return Unhealthy(
        f"libraries have changed while the fleet runs: {named}; tasks get the one or the other",
        hint="'airfleet down', then 'airfleet up', starts it with what is installed now",
    )


def _would(one: Unapplied) -> str:
    why = f" ({'; '.join(one.why)})" if one.why else ""
    return f"{one.component} would {_CHANGES[one.change]}{why}"


def _not_running(here: Project, output: str) -> int:
    why = agent_client.not_running(here)
    if output not in ("json", "yaml"):
        raise why
    state = "unreachable" if isinstance(why, Unhealthy) else "stopped"
    found = {"healthy": False, "state": state, "problem": why.sentence, "home": str(here.paths.home), "components": []}
    tables.put_value(found, output)
    return why.exit_code
