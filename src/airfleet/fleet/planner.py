"""From a fleet to the plan of one of its hosts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from airfleet.fleet.components import proxy
from airfleet.fleet.components.kinds import KINDS
from airfleet.fleet.planning import airflow_settings, default_settings, patience
from airfleet.fleet.planning.context import Context
from airfleet.fleet.planning.plan import Component, File, Fork, Neighbours, Plan
from airfleet.fleet.planning.plan_record import describe


def plan(context: Context) -> Plan:
    """Plan the host of ``context``: its components, files and environment.

    Raises KeyError when the fleet has no such host.
    """
    made = Plan(
        fleet=context.fleet.name,
        host=context.here.name,
        root=Path(context.fleet.root),
        components=_components(context),
        files=_files(context),
        environment=airflow_settings.environment(context),
        url=context.url,
        user=context.fleet.user,
        log_retention_seconds=context.fleet.log_retention_seconds,
        silence_seconds=patience.silence_seconds(airflow_settings.sections(context)),
        database_url=context.database_url.replace("+psycopg", "", 1),
        api_urls=context.api_urls,
        execution_urls=context.execution_urls,
        site=proxy.site(context),
        api_servers=context.api_servers_of_hosts,
        neighbours=_neighbours(context),
        releases=context.fleet.releases,
        policies=context.fleet.policies,
        release_hosts=context.release_hosts,
        pipelines=Path(context.fleet.root) / context.fleet.pipelines,
        profile=context.profile,
    )
    description = describe(made, context.secrets.fingerprint_key)
    return replace(made, files={**made.files, context.paths.plan: File(description.to_json())})


def _neighbours(context: Context) -> Neighbours | None:
    if context.ports.agent is None:
        return None
    return Neighbours(
        names=tuple(host.name for host in context.fleet.hosts),
        on_partition=context.fleet.policies.on_partition,
        address=context.here.address,
        port=context.ports.agent,
        key=context.secrets.peers_key,
        witness=context.fleet.witness,
        rules=_rules(context),
    )


def _rules(context: Context) -> dict[str, str]:
    fleet = context.fleet
    return {
        "hosts": ", ".join(host.name for host in fleet.hosts),
        "witness": fleet.witness or "",
        "on_partition": fleet.policies.on_partition,
        "on_worker_lost": fleet.policies.on_worker_lost,
        "queues": context.name_in_broker,
    }


def _components(context: Context) -> tuple[Component, ...]:
    """Make all components of the host, in the order of their needs."""
    return tuple(_limited(component) for kind in KINDS for component in kind.components(context))


def _limited(component: Component) -> Component:
    """Tell a forked component its limit of memory: it puts itself under it before it starts anything."""
    start = component.start
    if component.memory_bytes is None or not isinstance(start, Fork):
        return component
    told = {**start.options, "memory_bytes": str(component.memory_bytes)}
    return replace(component, start=replace(start, options=told))


def _files(context: Context) -> dict[Path, File]:
    passwords = {context.paths.flower_password: context.secrets.flower_password} if context.ports.flower else {}
    return {
        # It holds no secret; what a task starts may be an Airflow that reads it.
        context.paths.airflow_home / "airflow.cfg": File(
            airflow_settings.configuration(context), 0o644 if context.task_user else 0o600
        ),
        context.paths.password: File(context.secrets.user_password + "\n"),
        default_settings.passwords_file(context): File(airflow_settings.passwords(context)),
        **{path: File(password + "\n") for path, password in passwords.items()},
    }
