"""Decisions about the releases of one host: what it fetches, makes live, deletes and reports. Pure; times in seconds.

The database says what is needed: the live release, those that unfinished runs name, and the newest of those that were
published. The disk says what is here. Rules:

1. The live release and the newest, which a push waits for, are fetched beside anything else; all others one by one,
   those of unfinished runs first.
2. A release goes live here when all of it is here. Until then the one before stays live.
3. When the database has no live release, the folder is in force again.
4. A failed fetch is tried again with backoff. Until the failure is certain, the release counts as being fetched.
5. A release that nobody needs is deleted, and its report withdrawn; never the one that is live here, and never beside
   a fetch, whose files are in no tree yet. One that is needed keeps its files also while its Python environments
   cannot be built.
6. An unsigned release is not fetched where fleet.yaml asks for signatures, and one that lacks approvals does not go
   live. A release that is live here stays so: other keys in a file end no fleet.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airfleet.backoff import Backoff
from airfleet.releases.news import ReleaseState
from airfleet.releases.policies.signed_text import Signature
from airfleet.releases.policies.verdict import Refusal

#: seconds between two tries of one release
FETCH_BACKOFF = Backoff(first=1.0, most=300.0, jitter=0.5)
#: tries after which a failure is no passing one
CERTAIN_TRIES = 3
#: releases that are fetched at once, beside the live one and the newest
MOST_FETCHES = 1


@dataclass(frozen=True)
class Wanted:
    """The releases that a host needs, as the database says."""

    live: str | None = None
    #: releases of unfinished runs
    in_use: frozenset[str] = frozenset()
    #: the last ones, newest first
    published: tuple[str, ...] = ()
    #: of any of them, where fleet.yaml asks for signatures; nothing is verified yet
    signatures: Mapping[str, tuple[Signature, ...]] = field(default_factory=dict)

    @property
    def by_urgency(self) -> tuple[str, ...]:
        """List what is needed, the most urgent first."""
        live = () if self.live is None else (self.live,)
        return tuple(dict.fromkeys((*live, *sorted(self.in_use), *self.published)))

    @property
    def awaited(self) -> frozenset[str]:
        """Name the releases that somebody waits for: the live one and the newest."""
        return frozenset(() if self.live is None else (self.live,)) | frozenset(self.published[:1])


@dataclass(frozen=True)
class Failure:
    """A release that could not be fetched, so many times in a row."""

    sentence: str
    tries: int = 1
    #: when it is tried again
    again_at: float = 0.0
    #: whether it is no passing failure
    is_certain: bool = False


@dataclass(frozen=True)
class Report:
    """The state of one release on this host, as the database is told."""

    state: ReleaseState
    sentence: str = ""


@dataclass(frozen=True)
class Here:
    """The releases of this host, as they are."""

    live: str | None = None
    #: whole releases
    trees: frozenset[str] = frozenset()
    #: those whose files are here, and whose Python environments are not, or not yet
    unbuilt: frozenset[str] = frozenset()
    fetching: frozenset[str] = frozenset()
    failures: Mapping[str, Failure] = field(default_factory=dict)
    #: what the database knows of them
    reported: Mapping[str, Report] = field(default_factory=dict)
    #: releases that this host does not take, or not yet
    refusals: Mapping[str, Refusal] = field(default_factory=dict)

    @property
    def unsigned(self) -> frozenset[str]:
        """Name the releases that may not come here."""
        return frozenset(digest for digest, refusal in self.refusals.items() if refusal.is_unsigned)


@dataclass(frozen=True)
class Decision:
    """The next steps."""

    fetch: tuple[str, ...] = ()
    #: the release that goes live here
    activate: str | None = None
    #: whether none is live any more
    retire: bool = False
    drop: frozenset[str] = frozenset()
    report: Mapping[str, Report] = field(default_factory=dict)
    #: reports that are true no more
    withdraw: frozenset[str] = frozenset()
    #: when to decide again, if nothing happens before
    again_at: float | None = None


def decide(wanted: Wanted, here: Here, now: float) -> Decision:
    """Decide what to do next."""
    waiting = _waiting(wanted, here, now)
    fetch = _to_fetch(wanted, here, waiting | here.unsigned)
    reports = _reports(wanted, here, fetch)
    goes_live = wanted.live in here.trees - waiting - here.refusals.keys() and wanted.live != here.live
    return Decision(
        fetch=fetch,
        activate=wanted.live if goes_live else None,
        retire=wanted.live is None and here.live is not None,
        drop=frozenset() if fetch or here.fetching else _to_drop(wanted, here),
        report={digest: report for digest, report in reports.items() if here.reported.get(digest) != report},
        withdraw=frozenset(here.reported) - frozenset(reports),
        again_at=min((here.failures[digest].again_at for digest in waiting), default=None),
    )


def failed(
    before: Failure | None,
    sentence: str,
    now: float,
    *,
    is_certain: bool,
    is_awaited: bool = False,
    chance: Callable[[], float] = random.random,
) -> Failure:
    """Count one failure more, after ``before``; ``chance`` gives numbers from 0 to 1.

    Of a release that another host is about to give, no number of failures is certain.
    """
    tries = before.tries + 1 if before else 1
    certain = is_certain or (tries >= CERTAIN_TRIES and not is_awaited)
    return Failure(sentence, tries, now + FETCH_BACKOFF.delay(tries, chance), certain)


def trouble(wanted: Wanted, here: Here) -> str:
    """Say that this host has not the live release, and why; empty while it has, or is about to."""
    if refusal := here.refusals.get(wanted.live or ""):
        does = "stays live on this host, but would not go live again" if _is_live(wanted, here) else _NOT_LIVE
        return f"the live release {does}: it {refusal.sentence}"
    failure = here.failures.get(wanted.live or "")
    if wanted.live is None or failure is None or not failure.is_certain:
        return ""
    what = "cannot go live" if wanted.live in here.trees else "is not"
    why = failure.sentence.partition("\n")[0]
    return f"the live release {what} on this host: {why}"


_NOT_LIVE = "does not go live on this host"


def _is_live(wanted: Wanted, here: Here) -> bool:
    return wanted.live is not None and wanted.live == here.live


def _waiting(wanted: Wanted, here: Here, now: float) -> frozenset[str]:
    """List the needed releases that failed a moment ago."""
    failed_ones = here.failures.keys() & set(wanted.by_urgency) - here.fetching
    return frozenset(digest for digest in failed_ones if here.failures[digest].again_at > now)


def _to_fetch(wanted: Wanted, here: Here, not_now: frozenset[str]) -> tuple[str, ...]:
    missing = [digest for digest in wanted.by_urgency if digest not in here.trees | here.fetching | not_now]
    others = [digest for digest in missing if digest not in wanted.awaited]
    free = max(0, MOST_FETCHES - len(here.fetching - wanted.awaited))
    return tuple(digest for digest in missing if digest in wanted.awaited or digest in others[:free])


def _to_drop(wanted: Wanted, here: Here) -> frozenset[str]:
    """List what nobody needs. A release that was live here until now stays until the next one is."""
    return (here.trees | here.unbuilt) - frozenset(wanted.by_urgency) - {here.live}


def _reports(wanted: Wanted, here: Here, fetch: tuple[str, ...]) -> dict[str, Report]:
    found = {digest: _refused(digest, wanted, here) or _report(digest, here, fetch) for digest in wanted.by_urgency}
    return {digest: report for digest, report in found.items() if report is not None}


def _refused(digest: str, wanted: Wanted, here: Here) -> Report | None:
    """Report a release that may not go live here; one that only waits for approval is as ready as any other."""
    refusal = here.refusals.get(digest)
    if refusal is None or digest == here.live or not (refusal.is_unsigned or digest == wanted.live):
        return None
    return Report(ReleaseState.FAILED, f"it {refusal.sentence}")


def _report(digest: str, here: Here, fetch: tuple[str, ...]) -> Report | None:
    if digest in here.trees:
        return Report(ReleaseState.READY)
    if failure := here.failures.get(digest):
        return Report(ReleaseState.FAILED if failure.is_certain else ReleaseState.FETCHING, failure.sentence)
    return Report(ReleaseState.FETCHING) if digest in fetch or digest in here.fetching else None
