"""The words that processes of a fleet say to one another about releases: news, and the states of a release on a host.

News travel on the channel :data:`airfleet.metadata.channels.RELEASES`: a word, and the digest that it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReleaseState(StrEnum):
    """The states of one release on one host."""

    FETCHING = "fetching"
    READY = "ready"
    FAILED = "failed"


class News(StrEnum):
    """The first word of a notification."""

    PUBLISHED = "published"
    LIVE = "live"
    #: somebody has signed or approved it
    VOUCHED = "vouched"
    #: a host has reported how far it is
    HOST = "host"


@dataclass(frozen=True)
class Heard:
    """One notification."""

    news: News
    digest: str

    def __str__(self) -> str:
        return f"{self.news} {self.digest}"


def heard(payload: str) -> Heard | None:
    """Read the payload of a notification; None for one that this airfleet does not know.

    >>> heard("live 3f2a9c")
    Heard(news=<News.LIVE: 'live'>, digest='3f2a9c')
    """
    word, _, digest = payload.partition(" ")
    return Heard(News(word), digest) if word in set(News) else None
