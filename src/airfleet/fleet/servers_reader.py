"""What stands around Airflow in ``fleet.yaml``: database, broker, proxy, Flower."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from airfleet import source
from airfleet.fleet import brokers, databases
from airfleet.fleet.hosts_reader import address
from airfleet.fleet.keys import FLOWER, PROXY, TLS
from airfleet.fleet.reading import Section
from airfleet.fleet.sensitive import MASK
from airfleet.fleet.spec import EMBEDDED, LOCAL, Flower, Proxy, Tls

_DATABASE = re.compile(r"postgres(ql)?(\+psycopg)?://")
_PATH = re.compile(r"/|(/[A-Za-z0-9._~-]+)+")


def database(top: Section) -> str:
    """``embedded``, or a URL of PostgreSQL. What is wrong in one is never repeated: it may hold a password."""
    url = top.text("database", EMBEDDED)
    if url != EMBEDDED and not url.startswith(MASK):
        for wrong in _wrong_with(url):
            top.wrong("database", wrong)
            return EMBEDDED
    return url


def _wrong_with(url: str) -> Iterator[str]:
    if not _DATABASE.match(url):
        yield "must be 'embedded' or a postgresql:// URL"
        return
    try:
        urllib.parse.urlsplit(url)
    except ValueError:
        yield "is not a URL that can be read"
        return
    if "?" not in url and "/" not in url.partition("://")[2]:
        yield "must name the database, as in postgresql://user@host/airflow"
    for _, port in databases.places(url):
        if port and not (port.isdigit() and 0 < int(port) < 65536):
            yield "has a port that is not a number from 1 to 65535"


def broker(top: Section) -> str:
    """``embedded``, or a URL that :mod:`airfleet.fleet.brokers` understands."""
    url = top.text("broker", EMBEDDED)
    if url != EMBEDDED and not url.startswith(MASK):
        try:
            brokers.parse(url)
        except ValueError as wrong:
            top.wrong("broker", str(wrong))
            return EMBEDDED
    return url


def proxy(top: Section, root: Path) -> Proxy | None:
    """nginx, when the fleet has it."""
    node = top.get("proxy")
    if node is None:
        return None
    keys = top.reading.section(node, "proxy", PROXY)
    made = Proxy(
        on=_on(keys, several=True),
        name=address(keys, "name", "localhost"),
        address=address(keys, "address", "0.0.0.0"),
        port=keys.integer("port"),
        airflow_path=_path(keys, "airflow", "/"),
        flower_path=_path(keys, "flower", "/flower"),
        tls=_tls(keys, root),
        redirect=keys.integer("redirect"),
    )
    if made.redirect and made.tls is None:
        keys.wrong("redirect", "leads to TLS, and there is no 'tls'")
    elif made.redirect and made.redirect == (made.port or 443):
        keys.wrong("redirect", f"port {made.redirect} is the one that speaks TLS")
    if made.airflow_path == made.flower_path:
        keys.wrong("flower", f"'{made.flower_path}' is the path of Airflow")
    return made


def _tls(keys: Section, root: Path) -> Tls | None:
    node = keys.get("tls")
    if node is None:
        return None
    files = keys.reading.section(node, keys.at("tls"), TLS)
    return Tls(*(str(root / files.text(key, "")) for key in ("certificate", "key")))


def _path(keys: Section, key: str, default: str) -> str:
    found = keys.text(key, default)
    if _PATH.fullmatch(found):
        return found
    keys.wrong(key, f"'{found}' is not a path: '/', or like '/myorg/airflow' without a slash at the end")
    return default


def flower(top: Section) -> Flower | None:
    """Flower, when it is on."""
    node = top.get("flower")
    if node is None:
        return None
    if isinstance(node, source.Scalar) and isinstance(node.value, bool):
        return _plain_flower(top) if node.value else None
    keys = top.reading.section(node, "flower", FLOWER)
    port = keys.integer("port", 5555)
    assert port is not None  # its default is a number
    return Flower(
        on=(_on(keys, several=False) or (LOCAL,))[0],
        address=address(keys, "address", "") or None,
        port=port,
        user=keys.name("user", "flower"),
        read_only=keys.boolean("read_only", True),
        memory_bytes=keys.size("memory"),
    )


def _plain_flower(top: Section) -> Flower:
    if "hosts" in top:
        top.wrong("flower", "must say on which host", "write 'flower: {on: HOST}'")
    return Flower(on=LOCAL)


def _on(keys: Section, *, several: bool) -> tuple[str, ...]:
    """The hosts; that they exist is checked when all are known. One may stand without a list."""
    node = keys.get("on")
    if node is None:
        return (LOCAL,)
    if several and isinstance(node, source.Sequence):
        return keys.names("on", ())
    return (keys.text("on", LOCAL),)
