"""From a fleet on this machine to its plan."""

from __future__ import annotations

from pathlib import Path

from airfleet.fleet import airflow_settings
from airfleet.fleet.components import (
    api_server,
    dag_processor,
    migrate,
    postgres,
    scheduler,
    template,
    triggerer,
    valkey,
    worker,
)
from airfleet.fleet.context import Context
from airfleet.fleet.plan import Component, File, Plan


def plan(context: Context) -> Plan:
    """What the agent does for this fleet: which components, which files, which environment."""
    return Plan(
        fleet=context.fleet.name,
        root=Path(context.fleet.root),
        components=_components(context),
        files=_files(context),
        environment=airflow_settings.environment(context),
        url=context.url,
        user=context.fleet.user,
        database_url=context.database_url.replace("+psycopg", "", 1),
    )


def _components(context: Context) -> tuple[Component, ...]:
    servers = [postgres.component(context), valkey.component(context)]
    rest = [
        template.component(context),
        migrate.component(context),
        scheduler.component(context),
        dag_processor.component(context),
        *([triggerer.component(context)] if context.fleet.triggerer else []),
        *(worker.component(context, w) for w in context.fleet.workers),
        api_server.component(context),
    ]
    return (*(server for server in servers if server), *rest)


def _files(context: Context) -> dict[Path, File]:
    return {
        context.paths.airflow_home / "airflow.cfg": File(airflow_settings.configuration(context)),
        context.paths.password: File(context.secrets.user_password + "\n"),
        airflow_settings.passwords_file(context): File(airflow_settings.passwords(context)),
    }
