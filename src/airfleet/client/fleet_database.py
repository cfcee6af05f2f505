"""The fleet's database for a command: from any machine where ``database:`` is a URL, else on the fleet's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airfleet.client import agent_client, host_plan
from airfleet.client.project import Project
from airfleet.errors import FleetError

if TYPE_CHECKING:
    import psycopg

    from airfleet.fleet.config.spec import Fleet


def connect(here: Project, fleet: Fleet) -> psycopg.Connection[Any]:
    """Connect to the database of releases; each statement commits by itself.

    Raises FleetError when the fleet is down, the database does not answer, or has no tables of releases.
    """
    import psycopg

    from airfleet.system.connection_timeouts import CLIENT

    address = url(here, fleet)
    try:
        connection = psycopg.connect(address, autocommit=True, application_name="airfleet command", **CLIENT)
    except psycopg.Error as wrong:
        raise away(here, fleet, wrong) from None
    row = connection.execute("SELECT to_regclass('airfleet_release') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        connection.close()
        raise FleetError(
            f"the database of fleet '{fleet.name}' has no tables for releases",
            hint="'airfleet up' of this version makes them",
        )
    return connection


def url(here: Project, fleet: Fleet) -> str:
    """Give the URL of the database. Raises FleetError where the fleet has its own, and does not run here."""
    from airfleet.fleet.servers import databases

    if fleet.runs_database:
        if agent_client.snapshot(here.root, here.paths) is None:
            raise agent_client.not_running(here)
        return host_plan.database_url(here)
    return databases.for_sqlalchemy(fleet.database).replace("+psycopg", "", 1)


def said(error: psycopg.Error) -> str:
    """Give the first line of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def away(here: Project, fleet: Fleet, wrong: psycopg.Error) -> FleetError:
    """Make the error for a database that does not answer."""
    if fleet.runs_database and agent_client.snapshot(here.root, here.paths) is None:
        return agent_client.not_running(here)
    return FleetError(f"the database of fleet '{fleet.name}' does not answer: {said(wrong)}", hint="airfleet status")
