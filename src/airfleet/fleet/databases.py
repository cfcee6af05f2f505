"""URLs of PostgreSQL: several hosts in one, as PostgreSQL's own library takes them, and as SQLAlchemy does."""

from __future__ import annotations

import re
from collections.abc import Iterator

DEFAULT_PORT = 5432
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


def for_sqlalchemy(url: str) -> str:
    """The same for SQLAlchemy, which reads several hosts out of the query alone; so does PostgreSQL's library.

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
