"""The embedded PostgreSQL and Valkey alone, in a folder, for systems that are compared with a fleet.

They are the very programs that a fleet's own are. PostgreSQL has its own defaults (fsync and synchronous_commit on).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from airfleet.agent.probes import component_probe
from airfleet.agent.probes.component_probe import ProbeSubject
from airfleet.agent.probes.database_connection import DatabaseConnection
from airfleet.agent.servers import airflow_database, embedded_servers
from airfleet.agent.servers.embedded_postgres import LETS_IN, SUPERUSER
from airfleet.drill.waiting import wait_until
from airfleet.fleet.components import valkey
from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.planning.context import Embedded
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.planning.plan import BrokerWorks, PostgresAnswers, Probe
from airfleet.fleet.servers import brokers, secrets
from airfleet.system import process_tree, procfs
from airfleet.testing.fleet import clean_environment
from airfleet.testing.lifetime import Startable
from airfleet.testing.ports import free_ports

POSTGRES_SERVER, BROKER_SERVER = "postgres", "valkey"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
#: the least that a server of its own on this machine needs to be told
POSTGRES = {"unix_socket_directories": "", "log_min_messages": "warning"}


@dataclass
class Servers(Startable):
    """PostgreSQL and Valkey with their data below ``folder``, both with a password."""

    folder: Path
    #: more settings of PostgreSQL
    postgres: Mapping[str, str] = field(default_factory=dict)
    #: where clients find them, who are in its network (/24) then; they listen on loopback, too
    address: str = LOOPBACK
    _secrets: secrets.Secrets = field(init=False, repr=False)
    _ports: tuple[int, int] = field(init=False)
    _started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False, repr=False)
    _place: Embedded | None = field(default=None, init=False, repr=False)
    #: every process that it has started
    _written_down: list[process_tree.RecordedProcess] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self._secrets = secrets.generate()
        postgres, broker = free_ports(2)
        self._ports = postgres, broker

    def start(self) -> None:
        """Start both and wait until they answer. Raises AssertionError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # the user that they run as, when we are root, must reach its data
        self._place = embedded_servers.prepare(Paths(home=self.folder, runtime=self.folder), euid=os.geteuid())
        for name in (POSTGRES_SERVER, BROKER_SERVER):
            self._begin(name)
        for name in (POSTGRES_SERVER, BROKER_SERVER):
            self._wait_for(name)

    def stop(self) -> None:
        """End both and remove their data."""
        process_tree.end(self.pids, STOP_SECONDS)
        for process in self._started.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()  # Valkey writes its title over the mark by which the others are found
            process.wait()
        self._started.clear()
        shutil.rmtree(embedded_servers.SYSTEM_STATE / fleet_id(self.folder), ignore_errors=True)

    def database(self, name: str) -> str:
        """Make a database of this name, unless it exists; give its ``postgresql://...``."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as db:
            if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
                db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.database_url(name)

    def database_url(self, name: str) -> str:
        """Give the ``postgresql://...`` of a database of this name, whether it exists or not."""
        return f"postgresql://{SUPERUSER}:{self._secrets.postgres_password}@{self.address}:{self._ports[0]}/{name}"

    def passwords(self) -> tuple[str, ...]:
        """Give the passwords, which no log may hold."""
        return self._secrets.postgres_password, self._secrets.broker_password

    @property
    def postgres_data(self) -> Path:
        """All that PostgreSQL writes lies below it: ``postgres`` in our folder, if its user gets there."""
        return self._found.postgres_data

    def broker(self, number: int = 0) -> str:
        """Give the ``redis://...`` of one of Valkey's two databases."""
        return f"redis://:{self._secrets.broker_password}@{self.address}:{self._ports[1]}/{number}"

    # --- what is done to them --------------------------------------------------------------------

    def crash(self, name: str) -> None:
        """End one at once, without its leave (``postgres`` or ``valkey``); its data are as they were on disk."""
        # SIGQUIT is PostgreSQL's immediate shutdown; a SIGKILL would leave its children, and with them its port.
        self._started[name].send_signal(signal.SIGQUIT if name == POSTGRES_SERVER else signal.SIGKILL)
        self._started[name].wait()

    def start_again(self, name: str) -> None:
        """Start one that was crashed, on its port and its data, and wait until it answers."""
        self._begin(name)
        self._wait_for(name)

    def revive(self, name: str) -> None:
        """Start one again if it has ended by itself."""
        if self._started[name].poll() is not None:
            self.start_again(name)
        self._wait_for(name)

    def pause(self, name: str) -> None:
        """Stop one in the middle of what it does: connections stay, nothing is answered."""
        self._signal_all(name, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let it go on."""
        self._signal_all(name, signal.SIGCONT)

    def wipe_broker(self) -> None:
        """Forget what the broker held, which is not running, and start it."""
        for entry in self._found.valkey_data.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.start_again(BROKER_SERVER)

    def pids(self) -> tuple[int, ...]:
        """Find every process of the two servers."""
        # Valkey writes its title over its first environment, and with it over the mark.
        return process_tree.find(self._mark, self._written_down)

    @property
    def _mark(self) -> str:
        return f"servers-{fleet_id(self.folder)}"

    @property
    def _found(self) -> Embedded:
        assert self._place is not None, "the servers were not started"
        return self._place

    @property
    def _addresses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((LOOPBACK, self.address)))

    def _postgres_command(self, data: Path, more: Mapping[str, str] | None = None) -> list[str]:
        place = self._found
        reached = {"listen_addresses": ",".join(self._addresses), LETS_IN: f"{self.address}/24 all"}
        settings = (f"{key}={value}" for key, value in {**POSTGRES, **reached, **self.postgres, **(more or {})}.items())
        module = (sys.executable, "-m", "airfleet.agent.servers.embedded_postgres")
        return [*module, str(place.postgres_bin), str(data), str(self._ports[0]), place.user or "-", *settings]

    def _begin(self, name: str) -> None:
        place = self._found
        if name == POSTGRES_SERVER:
            self._start(name, self._postgres_command(place.postgres_data), self._secrets.postgres_password)
        else:
            password = self._secrets.broker_password
            conf = valkey.configuration(place.valkey_data, self._ports[1], password, self._addresses)
            self._start(name, (str(place.valkey_server), "-"), conf, user=place.user)

    def _wait_for(self, name: str) -> None:
        if name == POSTGRES_SERVER:
            told = (self._ports[0], self._secrets.postgres_password, self._secrets.airflow_password)
            wait_until(lambda: _provided(*told), START_SECONDS, "the server takes connections")
            _wait(PostgresAnswers(*told))
        else:
            _wait(BrokerWorks(brokers.parse(self.broker())))

    def _signal_all(self, name: str, number: signal.Signals) -> None:
        for pid in procfs.tree(self._started[name].pid):
            procfs.send(pid, number)

    def _start(self, name: str, command: Sequence[str], told: str, user: str | None = None) -> None:
        environ = clean_environment() | {process_tree.MARK: self._mark}
        with (self.folder / f"{name}.log").open("ab") as log:
            process = spawn(command, environ, log, stdin=subprocess.PIPE, user=user)
        self._started[name] = process
        if kept := process_tree.component(process.pid, name):
            self._written_down.append(kept)
        assert process.stdin
        process.stdin.write(told.encode())
        process.stdin.close()


def _provided(port: int, superuser_password: str, airflow_password: str) -> bool:
    try:
        airflow_database.provide(port, superuser_password, airflow_password)
    except psycopg.Error:
        return False
    return True


def _wait(probe: Probe) -> None:
    subject = ProbeSubject(0, time.time(), DatabaseConnection(""))
    wait_until(lambda: component_probe.ask(probe, subject).well, START_SECONDS, f"{type(probe).__name__} holds")


def spawn(
    command: Sequence[str],
    environ: Mapping[str, str],
    log: IO[bytes],
    stdin: int = subprocess.DEVNULL,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, which is how its processes are found later."""
    return subprocess.Popen(
        list(command), env=dict(environ), stdin=stdin, stdout=log, stderr=log, start_new_session=True, user=user
    )
