"""The ``broker:`` of fleet.yaml as a value: kind, servers, credentials.

Its URLs::

    redis://[user]:password@host:6379/0            valkey:// is the same; rediss:// and valkeys:// speak TLS
    sentinel://:password@one:26379;sentinel://two:26379/0?master=name[&sentinel_password=...][&tls=true]
    amqp://user:password@one;amqp://two/vhost      amqps:// speaks TLS
    ...?ca=/path/ca.pem&cert=/path/us.pem&key=/path/us.key

Several servers are separated by ``;``, as URLs of their own, or stand in one URL, separated by ``,``. User, password,
path and options are those of the first that says any. Certificates of servers are always checked.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

BrokerKind = Literal["redis", "sentinel", "amqp"]

#: scheme -> kind, TLS
SCHEMES: dict[str, tuple[BrokerKind, bool]] = {
    "redis": ("redis", False),
    "rediss": ("redis", True),
    "valkey": ("redis", False),
    "valkeys": ("redis", True),
    "sentinel": ("sentinel", False),
    "amqp": ("amqp", False),
    "amqps": ("amqp", True),
}
_PORTS = {("redis", False): 6379, ("redis", True): 6379, ("sentinel", False): 26379, ("sentinel", True): 26379}
_PORTS |= {("amqp", False): 5672, ("amqp", True): 5671}
_OPTIONS = ("master", "sentinel_password", "tls", "ca", "cert", "key")
_TLS_FILES = ("ca", "cert", "key")
#: how each kind is asked to speak TLS
_WITH_TLS: Mapping[BrokerKind, str] = {
    "redis": "rediss:// and valkeys:// speak TLS",
    "sentinel": "write '&tls=true'",
    "amqp": "amqps:// speaks TLS",
}


class WrongBroker(ValueError):
    """The fault of a URL, and a guess at its meaning. Neither repeats a part that may hold a password."""

    def __init__(self, sentence: str, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(sentence)


@dataclass(frozen=True)
class BrokerTls:
    """PEM files; without a CA the system's are trusted."""

    ca: str = ""
    cert: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Broker:
    """Where the fleet's messages are."""

    kind: BrokerKind
    #: host and port of each server; for Sentinel, of the sentinels
    servers: tuple[tuple[str, int], ...]
    user: str = ""
    password: str = field(default="", repr=False)
    #: the virtual host of RabbitMQ, the number of Redis's database
    path: str = ""
    tls: BrokerTls | None = None
    #: the name by which sentinels know the server
    master: str = ""
    sentinel_password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """The servers, for people: never a password."""
        return ", ".join(f"{f'[{host}]' if ':' in host else host}:{port}" for host, port in self.servers)

    @property
    def url(self) -> str:
        """The URL for Celery."""
        return ";".join(self._url_of(host, port) for host, port in self.servers)

    def _url_of(self, host: str, port: int) -> str:
        scheme = {"redis": "rediss" if self.tls else "redis", "amqp": "amqps" if self.tls else "amqp"}.get(self.kind)
        quote = urllib.parse.quote
        user = quote(self.user, safe="")
        secret = f"{user}:{quote(self.password, safe='')}@" if self.user or self.password else ""
        place = f"[{host}]" if ":" in host else host
        # For RabbitMQ, "/" alone is the virtual host of that name.
        return f"{scheme or 'sentinel'}://{secret}{place}:{port}/{quote(self.path, safe='')}"


def parse(text: str, nameable: Collection[str] | None = None) -> Broker:
    """Read the URL of a broker. Raises WrongBroker, which repeats no part that may hold a password.

    ``nameable``: of options that are not known, those that may be named; None is all. Options of a file may;
    an option from elsewhere may be the end of a password.
    """
    urls = [_split(url.strip(), nameable) for url in text.split(";") if url.strip()]
    if not urls:
        raise WrongBroker("is empty")
    brokers = [_one(url) for url in urls]
    first = brokers[0]
    # Of sentinels, one may say it for all.
    with_tls = len({broker.tls is None for broker in brokers})
    if any(broker.kind != first.kind for broker in brokers) or (with_tls > 1 and first.kind != "sentinel"):
        raise WrongBroker("names servers of different kinds")
    said: dict[str, Any] = {
        name: _first_said(brokers, name) for name in ("user", "password", "path", "master", "sentinel_password")
    }
    servers = tuple(dict.fromkeys(server for broker in brokers for server in broker.servers))
    whole = replace(first, servers=servers, tls=_tls(first.kind, brokers, urls), **said)
    _check(whole)
    return whole


def _tls(kind: BrokerKind, brokers: Iterable[Broker], urls: Iterable[_Url]) -> BrokerTls | None:
    """Give the files that the URLs name, each by the first that does; None without TLS."""
    files = {name: next((url.options[name] for url in urls if url.options.get(name)), "") for name in _TLS_FILES}
    if any(broker.tls for broker in brokers):
        return BrokerTls(**files)
    if given := [f"'{name}'" for name, value in files.items() if value]:
        raise WrongBroker(f"has {' and '.join(given)} for TLS, and does not speak it", _WITH_TLS[kind])
    return None


def _first_said(brokers: Iterable[Broker], name: str) -> str:
    """Find the first value in the URLs: people write a path behind the last server, too."""
    values = [getattr(broker, name) for broker in brokers]
    return str(next((value for value in values if value not in ("", "/", "0")), values[0]))


def _check(broker: Broker) -> None:
    if broker.kind == "sentinel" and not broker.master:
        raise WrongBroker("must name the server that the sentinels watch: ?master=NAME")
    if broker.kind == "redis" and len(broker.servers) > 1:
        raise WrongBroker("can name one Redis or Valkey server; for several of them use sentinel://")
    if broker.kind != "amqp" and not (broker.path or "0").isdigit():
        raise WrongBroker("must end with the number of a database, as in /0")
    if broker.tls and bool(broker.tls.cert) != bool(broker.tls.key):
        raise WrongBroker("must name both 'cert' and 'key', or neither")


@dataclass(frozen=True)
class _Url:
    """One of the URLs, in parts."""

    kind: BrokerKind
    #: whether its scheme says so
    tls: bool
    secret: str = field(repr=False)
    places: str = field(repr=False)
    #: the path; None is no slash at all
    path: str | None = field(repr=False)
    options: Mapping[str, str] = field(repr=False)


def _split(url: str, nameable: Collection[str] | None) -> _Url:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        raise WrongBroker(f"must be a URL that begins with one of {', '.join(f'{name}://' for name in SCHEMES)}")
    kind, tls = SCHEMES[scheme]
    rest, _, query = rest.partition("?")
    secret, _, place = rest.rpartition("@")
    places, slash, path = place.partition("/")
    options = _options(query, nameable)
    if tls and options.get("tls") == "false":
        raise WrongBroker(f"has 'tls=false', and {scheme}:// speaks TLS", f"{scheme.removesuffix('s')}:// does not")
    return _Url(kind, tls, secret, places, path if slash else None, options)


def _options(query: str, nameable: Collection[str] | None) -> Mapping[str, str]:
    options = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(options) - set(_OPTIONS)):
        named = ", ".join(name for name in unknown if nameable is None or name in nameable)
        raise WrongBroker(f"has options that are not known{': ' if named else ''}{named}; known: {', '.join(_OPTIONS)}")
    if options.get("tls", "true") not in ("true", "false"):
        raise WrongBroker("has a 'tls' that is neither true nor false", "write 'tls=true'")
    return options


def _one(url: _Url) -> Broker:
    user, _, password = url.secret.partition(":")
    with_tls = url.tls or url.options.get("tls") == "true"
    return Broker(
        kind=url.kind,
        servers=tuple(_servers(url.places.split(","), _PORTS[url.kind, with_tls])),
        user=urllib.parse.unquote(user),
        password=urllib.parse.unquote(password),
        path=_path(url.kind, urllib.parse.unquote(url.path or ""), url.path is not None),
        tls=BrokerTls() if with_tls else None,
        master=url.options.get("master", ""),
        sentinel_password=url.options.get("sentinel_password", ""),
    )


def _path(kind: BrokerKind, path: str, given: bool) -> str:
    if kind != "amqp":
        return path or "0"
    # As everywhere: amqp://host and amqp://host// are the virtual host "/".
    return path if given and path else "/"


def _servers(places: Iterable[str], usual: int) -> Iterable[tuple[str, int]]:
    for place in places:
        try:
            parts = urllib.parse.urlsplit(f"//{place}")
            if parts.port == 0:
                raise ValueError(place)
            yield parts.hostname or "127.0.0.1", parts.port or usual
        except ValueError:
            raise WrongBroker("has a server that is not HOST or HOST:PORT") from None
