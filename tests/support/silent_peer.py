"""A client of PostgreSQL whose packets go nowhere from one moment on, as those of a host without power.

Run in a network namespace of its own, with the right to change it: ``python -m support.silent_peer FOLDER``. The client
reaches the server at an address that is taken away while it holds a lock; nobody is told. Another client, at the
loopback address, wants that lock. Prints, as JSON, after how many seconds it got it, and after how many the first one
noticed that its question will not be answered.
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import sys
import threading
import time
from pathlib import Path

import psycopg

from airfleet.drill.waiting import wait_until
from airfleet.system import connection_timeouts
from airfleet.testing.servers import Servers

ADDRESS = "10.9.0.1"
#: requests of the kernel (linux/sockios.h), and two flags of an interface
_SET_FLAGS, _SET_ADDRESS, _UP, _RUNNING = 0x8914, 0x8916, 0x1, 0x40


def main(folder: Path) -> None:
    """Take one measurement."""
    set_up("lo")
    set_address("lo:1", ADDRESS)
    with Servers(folder / "servers", postgres={"listen_addresses": "*", **connection_timeouts.SERVER}) as servers:
        here = servers.database("silent")
        with psycopg.connect(here, autocommit=True) as other:
            allow(other)
            other.execute("CREATE TABLE pool AS SELECT 1 AS slots")
            print(json.dumps(measure(here, other)))


def measure(here: str, other: psycopg.Connection[tuple[object, ...]]) -> dict[str, float]:
    """Measure the seconds until the lock is free, and until the silent client gives up."""
    silent = wait_until(lambda: connect(here.replace("127.0.0.1", ADDRESS)), 10, "it lets in who comes from there")
    assert silent is not None
    silent.execute("SELECT * FROM pool FOR UPDATE")
    set_down("lo:1")
    began = time.monotonic()
    found: dict[str, float] = {}

    def ask() -> None:
        try:
            silent.execute("SELECT 1")
        except psycopg.OperationalError:
            found["client"] = time.monotonic() - began

    asking = threading.Thread(target=ask)
    asking.start()
    other.execute("SET statement_timeout = '60s'")
    other.execute("SELECT * FROM pool FOR UPDATE")
    found["server"] = time.monotonic() - began
    asking.join(60)
    return found


def connect(url: str) -> psycopg.Connection[tuple[object, ...]] | None:
    """Open a connection as all of ours; None while the server does not let us in."""
    try:
        return psycopg.connect(url, **connection_timeouts.CLIENT)
    except psycopg.OperationalError:
        return None


def allow(other: psycopg.Connection[tuple[object, ...]]) -> None:
    """Let clients in from that address."""
    ((rules,),) = other.execute("SHOW hba_file").fetchall()
    with open(str(rules), "a") as file:
        file.write(f"host all all {ADDRESS}/32 scram-sha-256\n")
    other.execute("SELECT pg_reload_conf()")


def set_up(interface: str) -> None:
    """Have an interface pass packets."""
    _ask(_SET_FLAGS, struct.pack("16sh14x", interface.encode(), _UP | _RUNNING))


def set_down(interface: str) -> None:
    """Have it pass none; of an alias, its address is gone."""
    _ask(_SET_FLAGS, struct.pack("16sh14x", interface.encode(), 0))


def set_address(interface: str, address: str) -> None:
    """Give an interface an address."""
    place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
    _ask(_SET_ADDRESS, struct.pack("16s16s", interface.encode(), place))


def _ask(request: int, argument: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, request, argument)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
