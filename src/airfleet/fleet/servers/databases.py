"""URLs of PostgreSQL: several hosts in one, as PostgreSQL's own library takes them, and as SQLAlchemy does."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator

DEFAULT_PORT = 5432
#: options of which PostgreSQL's library knows every value
CHOICES = {
    "sslmode": frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}),
    "sslnegotiation": frozenset({"postgres", "direct"}),
    "channel_binding": frozenset({"disable", "prefer", "require"}),
    "gssencmode": frozenset({"disable", "prefer", "require"}),
    "target_session_attrs": frozenset({"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}),
    "load_balance_hosts": frozenset({"disable", "random"}),
}
#: what PostgreSQL's own library takes behind the '?'
OPTIONS = frozenset((
    "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname", "fallback_application_name",
    "gssdelegation", "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "krbsrvname", "load_balance_hosts", "max_protocol_version", "min_protocol_version",
    "oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope", "options", "passfile", "password", "port",
    "replication", "require_auth", "requirepeer", "scram_client_key", "scram_server_key", "service",
    "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression", "sslcrl",
    "sslcrldir", "sslkey", "sslkeylogfile", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
    "target_session_attrs", "tcp_user_timeout", "user",
))  # fmt: skip
#: a '%' that it refuses
_STRAY = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_PARTS = re.compile(r"[a-z+0-9]+://(?P<who>[^/?#]*@)?(?P<places>[^/?#]*)(?P<path>[^?#]*)\??(?P<query>.*)", re.DOTALL)


def places(url: str) -> Iterator[tuple[str, str]]:
    """Host and port of each server, as they stand in the URL; one that is left out is empty.

    >>> list(places("postgresql://me@one:5433,two,[fd00::1]:5434/shop"))
    [('one', '5433'), ('two', ''), ('[fd00::1]', '5434')]
    """
    found = _PARTS.match(url)
    for place in (found["places"] if found else "").split(","):
        host, _, port = place.rpartition(":") if ":" in place.rpartition("]")[2] else (place, "", "")
        yield host, port


def wrong_with(url: str) -> str | None:
    """Describe the fault of a URL of PostgreSQL, without a part that may hold a password; None without one.

    >>> wrong_with("postgresql://me@one/"), wrong_with("postgresql://me@one/shop")
    ('must name the database, as in postgresql://user@host/airflow', None)
    """
    found = _PARTS.match(url)
    if found is None:
        return "is not a URL that can be read"
    servers, query = list(places(url)), found["query"]
    # What PostgreSQL's library cannot read it repeats, with the password.
    if (found["who"] or "").count("@") > 1:
        return "has more than one '@' before its server"
    if re.search(r"\s", url):
        return "has a space, a tab or the end of a line"
    if _STRAY.search(url):
        return "has a '%' that begins no percent-encoding"
    if "#" in url:
        return "has a '#', which ends a URL"
    if "@" in found["path"]:
        return "has an '@' behind the '/' that ends its server"
    if any(option and "=" not in option for option in query.split("&")):
        return "has an option that is not NAME=VALUE"
    if not found["path"].strip("/") and not {"dbname", "service"} & _options(query).keys():
        return "must name the database, as in postgresql://user@host/airflow"
    if len(servers) > 1 and any(not host for host, _ in servers):
        return "has a server without a name"
    if any(port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) for _, port in servers):
        return "has a port that is not a number from 1 to 65535"
    return None


def hosts(url: str) -> tuple[str, ...]:
    """List the servers that PostgreSQL's library asks; none where a file of services names them.

    >>> hosts("postgresql://me@one:5433,two/shop"), hosts("postgresql://me@/shop?host=/run/postgresql")
    (('one', 'two'), ('/run/postgresql',))
    >>> hosts("postgresql:///shop"), hosts("postgresql://?service=shop")
    (('',), ())
    """
    found = _PARTS.match(url)
    options = _options(found["query"]) if found else {}
    said = options.get("hostaddr") or options.get("host")
    given = said.split(",") if said else [urllib.parse.unquote(host) for host, _ in places(url)]
    return () if "service" in options and not any(given) else tuple(given)


def unknown_options(url: str) -> list[str]:
    """List the options that PostgreSQL's library does not know.

    >>> unknown_options("postgresql://me@one/shop?sslmode=require&sslmod=require")
    ['sslmod']
    """
    found = _PARTS.match(url)
    return sorted(_options(found["query"] if found else "").keys() - OPTIONS)


def unknown_value(url: str) -> tuple[str, frozenset[str]] | None:
    """Find the first option with a value that PostgreSQL's library does not know, and the known values.

    >>> unknown_value("postgresql://me@one/shop?sslmode=required")[0]
    'sslmode'
    >>> unknown_value("postgresql://me@one/shop?sslmode=require&sslrootcert=system")
    """
    found = _PARTS.match(url)
    options = _options(found["query"] if found else "")
    others = (name for name, value in options.items() if name in CHOICES and value not in CHOICES[name])
    return next(((name, CHOICES[name]) for name in others), None)


def _options(query: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


def for_sqlalchemy(url: str) -> str:
    """Write the URL for SQLAlchemy, which reads several hosts from the query alone, as PostgreSQL's library does.

    >>> for_sqlalchemy("postgresql://me@one/shop?sslmode=require")
    'postgresql+psycopg://me@one/shop?sslmode=require'
    >>> for_sqlalchemy("postgresql://me:word@one:5433,two/shop?target_session_attrs=read-write")
    'postgresql+psycopg://me:word@/shop?target_session_attrs=read-write&host=one,two&port=5433,5432'
    """
    found, several = _PARTS.match(url), list(places(url))
    if found is None or len(several) == 1:
        return "postgresql+psycopg" + url[url.index("://") :]
    hosts = ",".join(host.strip("[]") for host, _ in several)
    ports = ",".join(port or str(DEFAULT_PORT) for _, port in several)
    query = "&".join(filter(None, (found["query"], f"host={hosts}", f"port={ports}")))
    return f"postgresql+psycopg://{found['who'] or ''}{found['path']}?{query}"
