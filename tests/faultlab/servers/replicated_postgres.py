"""PostgreSQL on two hosts of their own, one a standby of the other, and a primary whose power goes off.

::

    this machine ── bridge ─┬─ host 1: the primary at first, which waits for the standby at each commit
                            └─ host 2: its standby

Each host is a network namespace (:mod:`airfleet.agent.host.netns`), which needs root's rights: so the primary can
vanish as a machine does, without closing a connection. Nothing promotes the standby but
:meth:`ReplicatedServers.promote`, as nothing does in PostgreSQL itself.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from airfleet.agent.host import netns
from airfleet.agent.servers import embedded_servers
from airfleet.agent.servers.embedded_postgres import LETS_IN, SUPERUSER
from airfleet.drill.waiting import wait_until
from airfleet.fleet.planning.local_hosts import NAMESPACE, Network
from airfleet.system import procfs
from airfleet.testing.servers import POSTGRES_SERVER, START_SECONDS, Servers

_HOSTS = (1, 2)


class ReplicatedServers(Servers):
    """The servers of an experiment, with PostgreSQL twice."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._network: Network | None = None
        self.primary = 1

    def start(self) -> None:
        """Valkey, the primary, and then its standby."""
        self._network = netns.make(len(_HOSTS), self.folder)
        super().start()
        self._let_replicate()
        self.add_standby()

    def stop(self) -> None:
        """End all servers, and remove the network."""
        super().stop()
        if self._network is not None:
            netns.remove(self._network)

    def database_url(self, name: str) -> str:
        """Give ``postgresql://...`` with both hosts, of which one takes writes."""
        places = ",".join(f"{self._address(host)}:{self._ports[0]}" for host in _HOSTS)
        user = f"{SUPERUSER}:{self._secrets.postgres_password}"
        return f"postgresql://{user}@{places}/{name}?target_session_attrs=read-write"

    def lose_primary(self) -> None:
        """Power its host off: cut the link, then end the processes."""
        netns.cut(self._reached, self.primary)
        for pid in procfs.tree(self._started[_name(self.primary)].pid):
            procfs.send(pid, signal.SIGKILL)
        self._started.pop(_name(self.primary)).wait()

    @property
    def has_standby(self) -> bool:
        """Whether there is one."""
        return _name(self._other) in self._started

    def promote(self) -> None:
        """Make the standby the primary, which waits for nobody."""
        self.primary = self._other
        with self._at(self.primary) as connection:
            connection.execute("SELECT pg_promote()")

    def add_standby(self) -> None:
        """Copy the primary to the other host, which from then on has every commit before it is confirmed."""
        netns.mend(self._reached, self._other)
        data = self._data(self._other)
        shutil.rmtree(data, ignore_errors=True)
        self._copy_to(data)
        self._begin_postgres(self._other)
        self._wait_until_it_answers(self._other)
        with self._at(self.primary) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            wait_until(lambda: _is_in_step(connection), START_SECONDS, "the standby is in step")

    # --- where and how -----------------------------------------------------------------------------

    @property
    def _reached(self) -> Network:
        assert self._network is not None, "the servers were not started"
        return self._network

    @property
    def _other(self) -> int:
        return next(host for host in _HOSTS if host != self.primary)

    def _address(self, host: int) -> str:
        return f"{self._reached.prefix}.{host}"

    def _at(self, host: int, name: str = "postgres") -> psycopg.Connection[Any]:
        user = f"{SUPERUSER}:{self._secrets.postgres_password}"
        url = f"postgresql://{user}@{self._address(host)}:{self._ports[0]}/{name}"
        return psycopg.connect(url, autocommit=True, connect_timeout=2)

    def _data(self, host: int) -> Path:
        first = self._found.postgres_data
        return first if host == 1 else first.with_name(f"{first.name}-{host}")

    def _begin(self, name: str) -> None:
        if name == POSTGRES_SERVER:
            self._begin_postgres(self.primary)
        else:
            super()._begin(name)

    def _begin_postgres(self, host: int) -> None:
        place = {"listen_addresses": self._address(host), LETS_IN: f"{self._reached.prefix}.0/24 all"}
        words = self._postgres_command(self._data(host), place)
        inside = netns.within(words, {NAMESPACE: self._reached.namespace(host)})
        self._start(_name(host), inside, self._secrets.postgres_password)

    def _wait_for(self, name: str) -> None:
        if name == POSTGRES_SERVER:
            self._wait_until_it_answers(self.primary)
        else:
            super()._wait_for(name)

    def _wait_until_it_answers(self, host: int) -> None:
        def answers() -> bool:
            try:
                self._at(host).close()
            except psycopg.OperationalError:
                return False
            return True

        wait_until(answers, START_SECONDS, f"PostgreSQL on host {host} answers")

    def _let_replicate(self) -> None:
        """Add the rule for replication, which the rules for logins do not include."""
        with (self._data(self.primary) / "cluster" / "pg_hba.conf").open("a") as rules:
            rules.write(f"host replication all {self._reached.prefix}.0/24 scram-sha-256\n")
        with self._at(self.primary) as connection:
            connection.execute("SELECT pg_reload_conf()")

    def _copy_to(self, data: Path) -> None:
        place = self._found
        account = pwd.getpwnam(place.user) if place.user else None
        embedded_servers.data_folder(data, account)
        words = [str(place.postgres_bin / "pg_basebackup"), "-D", str(data / "cluster"), "-R", "--checkpoint=fast"]
        whence = ["-h", self._address(self.primary), "-p", str(self._ports[0]), "-U", SUPERUSER]
        done = subprocess.run(
            [*words, *whence],
            env={"PGPASSWORD": self._secrets.postgres_password},
            cwd="/",
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _name(host: int) -> str:
    return POSTGRES_SERVER if host == 1 else f"{POSTGRES_SERVER}-{host}"


def _is_in_step(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone()
    return bool(row and row[0])
