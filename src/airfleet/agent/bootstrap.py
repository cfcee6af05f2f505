"""Everything between a folder with ``fleet.yaml`` and a plan that can run on this machine now."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from airfleet.agent.cluster import identity, local_facts
from airfleet.agent.cluster.config_drift import ConfigDrift, LibraryDrift, PlanOrigin
from airfleet.agent.cluster.local_facts import LocalFacts
from airfleet.agent.cluster.reattach import Inheritance, inherit
from airfleet.agent.control import AlreadyRuns, Edited
from airfleet.agent.host import agent_search, machine_memory, task_account
from airfleet.agent.servers import embedded_servers, nginx
from airfleet.errors import FleetError
from airfleet.fleet import planner
from airfleet.fleet.components import proxy
from airfleet.fleet.components.flower import listens_on
from airfleet.fleet.config.reader import ENVIRONMENT, FILE_NAME, read_file, referenced_variables
from airfleet.fleet.config.spec import API_PORT, EMBEDDED, LOGS_PORT, Fleet, Host
from airfleet.fleet.planning import local_hosts, ownership
from airfleet.fleet.planning import paths as fleet_paths
from airfleet.fleet.planning.context import Context, Embedded, Nginx, Ports, needs_log_server
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.planning.plan import Plan
from airfleet.fleet.planning.plan_record import describe
from airfleet.fleet.planning.ports import PortBook, api_server, given
from airfleet.fleet.servers import secrets
from airfleet.fleet.servers.secrets import Secrets
from airfleet.releases.places import Places
from airfleet.system import process_tree, procfs, unix_sockets

#: what to do when the file system of the home does not serve
_ELSEWHERE = "name a place on a disk of this machine with AIRFLEET_HOME"
#: errors of a lock that somebody else holds
_HELD = (errno.EAGAIN, errno.EACCES)

#: with less room than this a database cannot be made, let alone grow
NEEDED_BYTES = 300 * 1024 * 1024

#: kinds of components that read pipelines
_READERS = frozenset({"dag-processor", "triggerer", "worker"})

POSTGRES_PORT, BROKER_PORT, NGINX_PORT, AGENT_PORT = 5432, 6379, 8090, 8795


@dataclass(frozen=True)
class Prepared:
    """A plan and the places it lives in; ``lock`` and ``ports`` are held as long as the agent lives."""

    plan: Plan
    paths: Paths
    lock: IO[str]
    ports: PortBook
    #: processes that an earlier agent had left and that were ended
    leftovers: tuple[int, ...]
    #: and what goes on of it
    inherited: Inheritance
    #: names of variables that fleet.yaml takes from the environment: what is not Airflow's needs none of them
    withheld: frozenset[str] = frozenset()
    #: what of fleet.yaml is not in force
    edits: Callable[[], Edited] = Edited
    #: what this host goes by, in a fleet of several
    facts: LocalFacts | None = None


def prepare(root: Path, environ: Mapping[str, str]) -> Prepared:
    """Make the plan for the fleet in ``root`` and write its files.

    Raises FileProblems (fleet.yaml is wrong) or FleetError (already running, port in use,
    no room, a server is missing).
    """
    fleet = local_hosts.of(read_file(root / FILE_NAME, environ), environ)
    here = identity.choose(fleet, environ, socket.gethostname())
    paths = fleet_paths.of(root, environ)
    ownership.require_own(paths, "airfleet up")
    fleet_paths.require_fit(environ, root, paths.home)
    _make_folders(paths)
    lock = _lock(paths, fleet)
    _require_alone(paths, fleet)
    require_room(paths.home, shutil.disk_usage(paths.home).free)
    policy = fleet.policies.on_partition if local_hosts.is_named(fleet) else None
    inherited = inherit(paths, policy, time.clock_gettime(time.CLOCK_BOOTTIME))
    ended = end_leftovers(paths, inherited.grace_seconds, inherited.pids)
    book = PortBook(paths.ports)
    if fleet.database == EMBEDDED:
        embedded_servers.require_password(paths)
    kept = identity.secrets_of(fleet, here, paths, environ)
    if local_hosts.COUNT in environ:
        first = fleet_paths.of(root, {**environ, fleet_paths.HOST: fleet.hosts[0].name})
        fleet = local_hosts.seen_from(here.name, fleet, first, kept)
    context = _context(fleet, fleet.host(here.name), paths, book, kept, together=local_hosts.COUNT in environ)
    for folder in (paths.airflow_home, paths.releases):  # tasks read them too, as whichever user they run
        folder.chmod(0o711 if context.task_user else 0o700)
    plan = planner.plan(context)
    for path, file in plan.files.items():
        secrets.write_private(path, file.text, file.mode)
    if context.nginx is not None:
        nginx.configure(plan, context.nginx)
    taken = referenced_variables(root / FILE_NAME, environ)
    origin = PlanOrigin(root, environ, here.name, paths, kept, nginx.find(environ) is not None, context.memory_bytes)
    edits = ConfigDrift(origin, describe(plan, kept.fingerprint_key), LibraryDrift(local_facts.library_folders()))
    names = taken.for_the_fleet | taken.for_tasks
    facts = _facts(plan, paths, environ, secrets.fingerprints(kept))
    return Prepared(plan, paths, lock, book, ended, inherited, names, edits.now, facts)


def _facts(plan: Plan, paths: Paths, environ: Mapping[str, str], keys: Mapping[str, str]) -> LocalFacts | None:
    around = plan.neighbours
    if around is None:
        return None
    reads = any(component.kind in _READERS for component in plan.components)
    overlay = {name: environ[name] for name in (ENVIRONMENT,) if name in environ}
    places = local_facts.FactSources(
        plan.root,
        plan.pipelines if reads else None,
        overlay,
        around.key,
        local_facts.library_folders(),
        Places(paths.releases),
    )
    return LocalFacts(places, around.rules, keys=keys)


def listen(path: Path) -> socket.socket:
    """Listen on the agent's socket; whoever may enter its folder may use it. Raises FleetError."""
    path.unlink(missing_ok=True)  # we hold the lock: nobody listens there
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        unix_sockets.bind(listener, path)
    except OSError as refused:
        listener.close()
        raise FleetError(
            f"the agent cannot listen in {path.parent}: {refused.strerror}", hint=f"{_ELSEWHERE}, where sockets can be"
        ) from None
    listener.listen(16)
    return listener


def end_leftovers(paths: Paths, grace_seconds: float, spared: Collection[int] = ()) -> tuple[int, ...]:
    """End every process that an ``up`` of this fleet started and that is still there; their pids.

    ``spared`` are the pids of those that stay, with all below them.
    """
    name, written_down = fleet_paths.fleet_id(paths.home), process_tree.read_down(paths.processes)

    def found() -> tuple[int, ...]:
        table = procfs.table()
        members = process_tree.find(name, written_down)
        return tuple(pid for pid in members if not process_tree.belongs(pid, table, spared))

    return process_tree.end(found, grace_seconds)


def folders(paths: Paths) -> Mapping[Path, int]:
    """Return the folders of a fleet with their permission bits.

    Others may pass through the home (the embedded servers' user must), not look: files inside are private.
    """
    above = (paths.shared, paths.home.parent) if paths.shared is not None else ()
    closed = (paths.logs, paths.task_logs, paths.airflow_home, paths.releases, paths.runtime, paths.outcomes)
    return {**dict.fromkeys((*above, paths.home), 457), **dict.fromkeys(closed, 0o700)}


def _make_folders(paths: Paths) -> None:
    of_the_agent = (paths.runtime, paths.outcomes)
    for folder, mode in folders(paths).items():
        ownership.make_folder(folder, mode, may_be_link=folder not in of_the_agent)


def _lock(paths: Paths, fleet: Fleet) -> IO[str]:
    lock = paths.lock.open("a+")  # kept open: closing it gives the lock up
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as refused:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        if refused.errno not in _HELD:
            sentence = f"{paths.lock} cannot be locked: {refused.strerror}; two agents could not be kept apart there"
            raise FleetError(sentence, hint=_ELSEWHERE) from None
        raise AlreadyRuns(
            f"fleet '{fleet.name}' is already running (agent {_told_of(holder)})",
            hint="'airfleet status' shows it, 'airfleet down' ends it",
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()} {socket.gethostname()}")
    lock.flush()
    return lock


def _told_of(holder: str) -> str:
    """Name the holder of the lock: a home on a network file system may be that of another machine.

    >>> _told_of("4711 elsewhere"), _told_of("4711")
    ('4711 on elsewhere', '4711')
    """
    pid, _, machine = holder.partition(" ")
    return f"{pid} on {machine}" if machine and machine != socket.gethostname() else pid


def _require_alone(paths: Paths, fleet: Fleet) -> None:
    """Raise AlreadyRuns when an agent of this home lives whose lock is another file: a fleet is never ended by 'up'.

    Its home was deleted or moved while it ran, or it is of an older airfleet, which had its lock elsewhere.
    """
    for pid in agent_search.lasting(paths.home):  # who comes later is stopped by our lock
        raise AlreadyRuns(
            f"fleet '{fleet.name}' is already running (agent {pid}), "
            "and its home was moved or deleted, or it was started by an older airfleet",
            hint="'airfleet down' ends it",
        )


def require_room(home: Path, free_bytes: int) -> None:
    """Raise FleetError when ``free_bytes`` on the disk of ``home`` are too few for a fleet."""
    if free_bytes < NEEDED_BYTES:
        raise FleetError(
            f"the disk of {home} has {free_bytes // 2**20} MB left; a fleet needs {NEEDED_BYTES // 2**20} MB to start",
            hint="make room, or name another place with AIRFLEET_HOME",
        )


def _context(fleet: Fleet, here: Host, paths: Paths, book: PortBook, kept: Secrets, *, together: bool) -> Context:
    """Collect what a plan needs; ``together``: all hosts are agents of this machine and tell their ports."""
    own_database, own_broker = fleet.database == EMBEDDED, fleet.broker == EMBEDDED
    book.keep_off(given(fleet, here))
    own_nginx = _nginx(fleet, here, paths)
    known = local_hosts.is_named(fleet) and not together
    postgres = book.port("postgres", POSTGRES_PORT) if own_database else None
    servers = (
        embedded_servers.prepare(paths, euid=os.geteuid(), database=own_database, broker=own_broker)
        if own_database or own_broker
        else None
    )
    return Context(
        fleet=local_hosts.with_witness(fleet, postgres) if together else fleet,
        paths=paths,
        ports=Ports(
            api_servers=tuple(_api_port(here, number, book, known=known) for number in range(here.api_server.count)),
            postgres=postgres,
            broker=book.port("broker", BROKER_PORT) if own_broker else None,
            flower=_flower_port(fleet, here, book),
            nginx=book.port("nginx", NGINX_PORT) if own_nginx else None,
            agent=book.port("agent", AGENT_PORT, here.address) if local_hosts.is_named(fleet) else None,
            logs=book.port("logs", LOGS_PORT, here.address) if needs_log_server(fleet, here, paths) else None,
        ),
        secrets=kept,
        embedded=servers,
        nginx=own_nginx,
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=machine_memory.usable_bytes(),
        host=here.name,
        task_user=_task_user(fleet, here, servers, own_nginx),
    )


def _task_user(fleet: Fleet, here: Host, servers: Embedded | None, own_nginx: Nginx | None) -> str | None:
    if not here.workers:
        return None
    users = (servers.user if servers else None, own_nginx.user if own_nginx else None)
    return task_account.choose(fleet, euid=os.geteuid(), servers=[user for user in users if user])


def _api_port(here: Host, number: int, book: PortBook, *, known: bool) -> int:
    """Choose the port of an api-server, by its number from 0; ``known``: other hosts know it before it starts."""
    name = api_server(number)
    address = here.api_server.address or here.address
    if here.api_server.port is not None or known:
        return book.fixed(name, (here.api_server.port or API_PORT) + number, address)
    return book.port(name, API_PORT, address)


def _nginx(fleet: Fleet, here: Host, paths: Paths) -> Nginx | None:
    """Prepare nginx where people enter; tasks alone can do without it."""
    if proxy.is_public(fleet, here) or (proxy.helps(fleet, here) and nginx.find(os.environ)):
        return nginx.prepare(paths, os.environ, euid=os.geteuid())
    return None


def _flower_port(fleet: Fleet, here: Host, book: PortBook) -> int | None:
    flower = fleet.flower
    if flower is None or flower.on != here.name:
        return None
    address = listens_on(fleet, flower)
    if len(fleet.hosts) > 1:  # proxies of other hosts know it by this port
        return book.fixed("flower", flower.port, address)
    return book.port("flower", flower.port, address)
