"""Hosts that only talk: they hear of releases in a database and report as a test tells them to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from airfleet.metadata.channels import DAGS, RELEASES
from airfleet.releases import registry
from airfleet.releases.news import News, ReleaseState

#: makes a report of a release; None is silence
Answer = Callable[[str], tuple[ReleaseState, str] | None]

_ROW = """
INSERT INTO airfleet_host (host, boot, hostname, pid, address, port) VALUES (%s, 'boot', %s, 1, '127.0.0.1', 1)
ON CONFLICT DO NOTHING"""
#: what a dag-processor does of a Dag whose file it has read
_MOVE = "UPDATE dag SET bundle_version = %s"
_SAY_MOVED = "SELECT pg_notify(%s, '')"
_END = "SELECT pg_notify(%s, 'end')"


def ready(_digest: str) -> tuple[ReleaseState, str]:
    """Have every release."""
    return ReleaseState.READY, ""


def silent(_digest: str) -> None:
    """Say nothing."""


def fails(why: str) -> Answer:
    """Have no release, and say why."""
    return lambda _digest: (ReleaseState.FAILED, why)


@contextmanager
def reporting(url: str, hosts: Mapping[str, Answer], *, rows: bool = True) -> Iterator[None]:
    """Let hosts report on whatever is published; with ``rows``, each has a fresh lease."""
    listens = threading.Event()
    thread = threading.Thread(target=_report, args=(url, hosts, listens), daemon=True)
    with psycopg.connect(url, autocommit=True) as connection:
        for host in hosts if rows else ():
            connection.execute(_ROW, (host, host))
        thread.start()
        assert listens.wait(10)
        try:
            yield
        finally:
            connection.execute(_END, (RELEASES,))
            thread.join(10)


def _report(url: str, hosts: Mapping[str, Answer], listens: threading.Event) -> None:
    with psycopg.connect(url, autocommit=True) as listener, psycopg.connect(url, autocommit=True) as teller:
        listener.execute(f"LISTEN {RELEASES}".encode())
        listens.set()
        for news in listener.notifies():
            word, _, digest = news.payload.partition(" ")
            if word == "end":
                return
            if word == News.PUBLISHED:
                _tell(teller, hosts, digest)
            if word == News.LIVE:
                teller.execute(_MOVE, (digest,))
                teller.execute(_SAY_MOVED, (DAGS,))


def _tell(teller: psycopg.Connection[Any], hosts: Mapping[str, Answer], digest: str) -> None:
    for host, answer in hosts.items():
        if (told := answer(digest)) is not None:
            registry.report(teller, host, digest, *told)
