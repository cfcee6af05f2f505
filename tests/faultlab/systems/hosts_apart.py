"""Hosts that share nothing but their servers, on one machine, for tests: each has a home and logs of its own.

::

    with hosts_apart(folder, HOSTS, {"pipelines/hello.yaml": HELLO}) as (front, back):
        front.trigger("hello")

All listen on loopback. PostgreSQL and Valkey stand beside the fleet, as servers of its people do; the secrets of every
host but the first are carried there with ``airfleet secrets``, and they hold no more than that host must know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from airfleet.fleet.planning.paths import HOST
from airfleet.testing.fleet import FleetUnderTest
from airfleet.testing.servers import Servers


@contextmanager
def hosts_apart(
    folder: Path, fleet_yaml: str, names: Sequence[str], files: Mapping[str, str] | None = None
) -> Iterator[tuple[FleetUnderTest, ...]]:
    """Start the hosts of these names, which ``fleet_yaml`` describes without ``database`` and ``broker``."""
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(folder / "servers"))
        addresses, passwords = _servers(servers)
        made = stack.enter_context(FleetUnderTest.make(addresses + fleet_yaml, files))
        hosts = tuple(_on(made, name, passwords) for name in names)
        for host in hosts:
            stack.callback(host.remove)
        first, *others = hosts
        first.start()
        for name, host in zip(names[1:], others, strict=True):
            _carry_secrets(first, host, name, folder / f"{name}.secrets")
            host.start()
        yield hosts


def _servers(servers: Servers) -> tuple[str, dict[str, str]]:
    """Give two keys of fleet.yaml, and the environment with the passwords that they name."""
    lines, passwords = [], {}
    # As of a server with a standby: the first of the two is away, and the one that takes writes is looked for.
    database = f"{servers.database('airflow').replace('@', '@127.0.0.1:1,')}?target_session_attrs=read-write"
    for key, url in (("database", database), ("broker", servers.broker())):
        password = url.partition("://")[2].partition("@")[0].partition(":")[2]
        variable = f"PASSWORD_OF_{key.upper()}"
        passwords[variable] = password
        lines.append(f"{key}: {url.replace(password, f'${{{{ env.{variable} }}}}')}\n")
    return "".join(lines), passwords


def _on(made: FleetUnderTest, name: str, passwords: Mapping[str, str]) -> FleetUnderTest:
    home = made.root.parent / f"home-of-{name}"
    return made.with_environment(**passwords, **{HOST: name, "AIRFLEET_HOME": str(home)})


def _carry_secrets(first: FleetUnderTest, host: FleetUnderTest, name: str, parcel: Path) -> None:
    for one, words in ((first, ("export", "--host", name, "-o", parcel)), (host, ("import", parcel))):
        done = one.airfleet("secrets", *words)
        assert done.returncode == 0, done.stderr
    parcel.unlink()
