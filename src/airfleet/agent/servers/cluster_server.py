"""The server of a cluster for the time of some work on it: on a free port of loopback, for its superuser alone.

It carries the mark of its fleet. One that was left behind by a command that was killed is therefore ended by the next
command or start, as every process of a fleet.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from airfleet.agent.servers.embedded_postgres import SUPERUSER
from airfleet.errors import FleetError
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers.own_servers import ServerProgram
from airfleet.system.log_tail import last_lines
from airfleet.system.process_tree import MARK

#: a server that was not shut down reads its log first
START_SECONDS, STOP_SECONDS = 300.0, 120.0
_PAUSE_SECONDS = 0.05
_NOT_HERE = ("PG",)


@dataclass(frozen=True)
class Cluster:
    """A cluster, and the program that serves it; ``holder`` is the folder above it."""

    holder: Path
    program: ServerProgram
    #: its programs, where the user of the servers can run them
    folder: Path


@dataclass(frozen=True)
class Place:
    """The surroundings of a server: its fleet, its user, and its superuser's password."""

    paths: Paths
    #: None is the user of this process
    user: str | None
    password: str = field(repr=False)

    @property
    def log(self) -> Path:
        return self.paths.log("database-upgrade")


@contextmanager
def serving(cluster: Cluster, settings: Mapping[str, str], place: Place) -> Iterator[int]:
    """Serve a cluster, which is made where there is none; gives the port, and ends the server with the block.

    Raises FleetError when it does not start.
    """
    port = _free_port()
    process = _start(cluster, port, settings, place)
    try:
        _wait(process, port, cluster, place)
        yield port
    finally:
        _stop(process)


def connect(port: int, place: Place, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
    """Connect as the superuser; each statement commits by itself. Raises psycopg.Error."""
    return psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=SUPERUSER,
        password=place.password,
        dbname=database,
        sslmode="disable",
        gssencmode="disable",
        autocommit=True,
        application_name="airfleet database upgrade",
    )


def _start(cluster: Cluster, port: int, settings: Mapping[str, str], place: Place) -> subprocess.Popen[bytes]:
    place.log.parent.mkdir(parents=True, exist_ok=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_HERE)}
    argv = [
        *(sys.executable, "-m", "airfleet.agent.servers.embedded_postgres"),
        *(str(cluster.folder), str(cluster.holder), str(port), place.user or "-"),
        *("listen_addresses=127.0.0.1", *(f"{key}={value}" for key, value in settings.items())),
    ]
    with place.log.open("ab") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={**environ, MARK: fleet_id(place.paths.home)},
            start_new_session=True,
        )
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(place.password.encode())
    return process


def _wait(process: subprocess.Popen[bytes], port: int, cluster: Cluster, place: Place) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = " ".join(last_lines(place.log, 1))
            raise FleetError(
                f"{cluster.program} does not serve the cluster in {cluster.holder}: {said}",
                hint=f"its log is {place.log}",
            )
        try:
            connect(port, place).close()
        except psycopg.OperationalError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise FleetError(f"{cluster.program} did not answer within {START_SECONDS:.0f} s", hint=f"its log is {place.log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Shut a server down, with its checkpoint; by force when that takes too long."""
    for number, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None)):
        if process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
        return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
