"""The embedded Valkey: broker of this machine only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from airfleet.fleet.config.spec import LOOPBACK
from airfleet.fleet.planning.context import Context, Embedded
from airfleet.fleet.planning.plan import BrokerWorks, Component, Exec

KIND: Final = "valkey"
_NO_MORE: Final[Mapping[str, str]] = MappingProxyType({})


def components(context: Context) -> tuple[Component, ...]:
    """Make the server, unless the fleet has a broker of its own."""
    embedded, port = context.embedded, context.ports.broker
    return () if embedded is None or port is None else (_component(context, embedded, port),)


def _component(context: Context, embedded: Embedded, port: int) -> Component:
    return Component(
        name=KIND,
        kind=KIND,
        # "-" reads the configuration, and so the password, from standard input.
        start=Exec(
            (str(embedded.valkey_server), "-"),
            user=embedded.user,
            secret_input=configuration(
                embedded.valkey_data,
                port,
                context.secrets.broker_password,
                context.served_addresses,
                context.sizing.valkey,
            ),
        ),
        probe=BrokerWorks(context.broker),
        grace_seconds=10.0,
        address=f"127.0.0.1:{port}",
        server=context.fleet.broker,
        program=str(embedded.broker or ""),
    )


def configuration(
    data: Path, port: int, password: str, addresses: tuple[str, ...] = (LOOPBACK,), more: Mapping[str, str] = _NO_MORE
) -> str:
    """Write the configuration: every message on disk within a second, nothing ever evicted."""
    lines = {
        "bind": " ".join(addresses),
        "port": str(port),
        "protected-mode": "yes",
        "requirepass": password,
        "dir": quoted(str(data)),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
        "databases": "2",
        # How often it tidies up with nothing to do; what waits for a message is woken at once all the same.
        "hz": "2",
        **more,
    }
    return "\n".join(f"{key} {value}" for key, value in lines.items()) + "\n"


def quoted(text: str) -> str:
    r"""Quote a word of the configuration, whatever characters are in it.

    >>> print(quoted('a "b" 100%'), quoted("c:\\d"))
    "a \"b\" 100%" "c:\\d"
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
