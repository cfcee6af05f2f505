"""All facts about one host of a fleet, gathered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from airfleet import versions
from airfleet.agent.control import Snapshot
from airfleet.agent.database import fitness
from airfleet.agent.servers import embedded_servers
from airfleet.client.project import Project
from airfleet.doctor.facts import (
    BrokerFacts,
    CertificateFacts,
    Connections,
    DatabaseLook,
    Facts,
    FileCheck,
    Installed,
    Listener,
    Maybe,
    Reached,
    Visibility,
)
from airfleet.doctor.finding import Unknown
from airfleet.doctor.gathering import (
    certificate_facts,
    distribution_packages,
    live_facts,
    machine_facts,
    network_facts,
    secret_facts,
    server_facts,
    situation,
)
from airfleet.doctor.gathering.attempts import attempt, of
from airfleet.doctor.gathering.situation import Situation
from airfleet.fleet import planner, preview
from airfleet.fleet.config.checks import is_loopback
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.own_servers import EMBEDDED
from airfleet.fleet.servers.secrets import Secrets

T = TypeVar("T")
#: distributions that the list of known vulnerabilities names
_DISTRIBUTIONS = ("apache-airflow-core",)


def gather(found: Situation, check: Callable[[], FileCheck], *, probes: bool) -> Facts:
    """Gather all facts; ``check`` counts the problems of pipelines, as the command of that name does."""
    fleet, plan, snapshot = found.fleet, found.plan, found.snapshot
    servers = of(fleet, network_facts.of_servers)
    url = _reached(found.database_url, servers, "database")
    database = of(url, lambda known: of(plan, lambda planned: server_facts.look(known, planned)))
    asked = _asked(url, database)
    broker = of(_reached(found.broker, servers, "broker"), server_facts.broker)
    said = snapshot if isinstance(snapshot, Snapshot) else None
    return Facts(
        fleet_file=found.file,
        pipelines=of(fleet, lambda _: check()),
        versions=versions.differences(),
        installed=_installed(broker, fleet),
        damage=attempt(lambda: machine_facts.damage(found.paths)),
        agent=found.agent,
        snapshot=snapshot,
        rights=of(plan, lambda known: secret_facts.rights(found, known)),
        passwords=of(fleet, lambda known: secret_facts.passwords(known, _kept(found))),
        process_secrets=of(found.was_started, lambda _: secret_facts.processes(found)),
        clocks=of(asked, lambda known: server_facts.clocks(known, said)),
        left_processes=attempt(lambda: machine_facts.left_processes(found)),
        left_socket=attempt(lambda: machine_facts.left_socket(found)),
        left_data=attempt(embedded_servers.data_without_home),
        listeners=_listeners(found),
        hosts_reached=of(snapshot, lambda known: of(plan, lambda planned: network_facts.of_hosts(known, planned))),
        servers_reached=servers,
        names=of(fleet, network_facts.names),
        certificates=of(fleet, lambda known: of(plan, lambda planned: _certificates(known, planned))),
        database=database,
        connections=of(asked, lambda known: of(fleet, lambda one: _connections(known, one, found))),
        transactions=of(asked, server_facts.transactions),
        locks=of(asked, server_facts.locks),
        tables=of(asked, server_facts.tables),
        broker=broker,
        visibility=_visibility(found, asked),
        disks=attempt(lambda: machine_facts.disks(found.paths)),
        descriptors=attempt(lambda: machine_facts.descriptors(found.pids())),
        memory_limits=of(plan, lambda known: machine_facts.memory_limits(known, said)),
        own_servers=of(fleet, lambda known: machine_facts.own_servers(known, found.paths, found.here.environ)),
        live=live_facts.probes(found) if probes else None,
    )


def look(here: Project) -> Situation:
    """Look at the situation of a fleet on this host. Raises FleetError when the fleet is somebody else's."""
    return situation.look(here)


def _connections(url: str, fleet: Fleet, found: Situation) -> Connections:
    return server_facts.connections(url, at_rest(fleet, found))


def at_rest(fleet: Fleet, found: Situation) -> int:
    """Count the connections to the database that all hosts of the fleet keep at rest."""
    told = _kept(found) or secrets.generate()
    plans = (planner.plan(preview.context(fleet, host.name, found.paths, told)) for host in fleet.hosts)
    return sum(map(fitness.connections_of, plans))


def _listeners(found: Situation) -> Maybe[tuple[Listener, ...]]:
    """Look at the listeners of a fleet that runs, and at the ports of one that is down."""
    if isinstance(found.agent, Unknown):
        return of(found.fleet, lambda fleet: of(found.plan, lambda plan: network_facts.of_file(fleet, plan.host)))
    return of(found.snapshot, lambda known: network_facts.listeners(known, found.pids()))


def _kept(found: Situation) -> Secrets | None:
    return found.secrets if isinstance(found.secrets, Secrets) else None


def _certificates(fleet: Fleet, plan: Plan) -> tuple[CertificateFacts, ...]:
    return certificate_facts.certificates(fleet, plan.host, dt.datetime.now(dt.UTC))


def _reached(known: T | Unknown, servers: Maybe[tuple[Reached, ...]], group: str) -> T | Unknown:
    """Return a server, unless none of its addresses can be reached: then it is not asked anything more."""
    if isinstance(known, Unknown) or isinstance(servers, Unknown):
        return known
    own = [one for one in servers if one.group == group]
    if own and all(one.error for one in own):
        return Unknown(f"the {group} cannot be reached (D403)")
    return known


def _asked(url: Maybe[str], database: Maybe[DatabaseLook]) -> Maybe[str]:
    """Return the URL of a database that answers questions."""
    if isinstance(database, DatabaseLook) and not database.version:
        return Unknown("the database answers no question (D501)")
    return url


def _installed(
    broker: Maybe[BrokerFacts], fleet: Maybe[Fleet], documents: Path = distribution_packages.DOCUMENTS
) -> Installed:
    """Return versions, and what the distribution has fixed in a broker of this machine that no wheel brought."""
    found = {name: versions.installed(name) or "" for name in _DISTRIBUTIONS}
    if not isinstance(broker, BrokerFacts) or not broker.program:
        return Installed(found)
    product = broker.program.lower()
    found[product] = broker.version
    is_here = is_loopback(broker.address.rpartition(":")[0].strip("[]"))
    if not is_here or not isinstance(fleet, Fleet) or fleet.broker == EMBEDDED:
        return Installed(found)
    return Installed(found, distribution_packages.fixes(product, broker.version, documents))


def _visibility(found: Situation, url: Maybe[str]) -> Maybe[Visibility]:
    return of(
        url,
        lambda known: of(
            found.plan,
            lambda plan: of(found.broker, lambda broker: server_facts.visibility(known, plan, broker)),
        ),
    )
