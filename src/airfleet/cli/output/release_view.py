"""The live release in words: which one, for how long, which hosts have it, and the room that all releases take."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from airfleet.agent.release_status import HostRelease, ReleaseStatus
from airfleet.cli.output import terminal
from airfleet.errors import listed
from airfleet.releases.manifest import SHORT
from airfleet.releases.news import ReleaseState
from airfleet.yaml.sizes import size_text

#: the share of the budget from which on people are warned
NEARLY_FULL = 0.9


def short(digest: str) -> str:
    """Write a digest as people see it."""
    return digest[:SHORT]


def size(count: int) -> str:
    """Write a number of bytes for people.

    >>> size(812), size(52_300), size(3 * 2**29)
    ('812B', '51KB', '1.5GB')
    """
    for unit, bytes_of_it in (("GB", 2**30), ("MB", 2**20)):
        if count >= bytes_of_it:
            return f"{count / bytes_of_it:.1f}{unit}"
    return f"{count >> 10}KB" if count >= 2**10 else f"{count}B"


def lines(releases: ReleaseStatus, hosts: Collection[str]) -> Iterator[str]:
    """Describe the live release; ``hosts`` are those that are up. Nothing where the folder is in force.

    >>> status = ReleaseStatus("3f2a9c81d0e4" + "0" * 52, "fixes the join", since=75, used_bytes=2**20,
    ...     budget_bytes=2**30, hosts=(HostRelease("a", ReleaseState.READY), HostRelease("b", ReleaseState.FETCHING)))
    >>> print(*lines(status, ("a", "b")), sep="\\n")
    release 3f2a9c81d0e4 is live for 1m15s: fixes the join
    host 'b' fetches it
    all releases have 1MB of 1GB in the database
    """
    if not releases.live:
        return
    note = f": {releases.note}" if releases.note else ""
    yield f"release {releases.live[:SHORT]} is live for {terminal.seconds(releases.since)}{note}"
    yield from _not_ready(releases.hosts, hosts)
    if releases.used_bytes is not None and releases.budget_bytes:
        used, budget = size_text(releases.used_bytes), size_text(releases.budget_bytes)
        yield f"all releases have {used} of {budget} in the database"


def warnings(releases: ReleaseStatus) -> tuple[str, ...]:
    """Warn of a budget that is nearly used up."""
    used, budget = releases.used_bytes, releases.budget_bytes
    if used is None or not budget or used < NEARLY_FULL * budget:
        return ()
    return (
        f"releases have {used * 100 // budget} % of their budget in the database, and a push above it is refused; "
        "'releases: {budget: SIZE}' in fleet.yaml raises it, and 'keep' keeps fewer",
    )


def _not_ready(reports: Collection[HostRelease], hosts: Collection[str]) -> Iterator[str]:
    known = {report.host: report for report in reports if report.host in hosts}
    for report in sorted(known.values(), key=lambda report: report.host):
        first_line = report.sentence.partition("\n")[0]
        why = f": {first_line}" if first_line else ""
        if report.state is ReleaseState.FETCHING:
            yield f"host '{report.host}' fetches it{why}"
        elif report.state is ReleaseState.FAILED:
            yield f"host '{report.host}' cannot have it{why}"
    if silent := sorted(set(hosts) - known.keys()):
        yield f"not heard of it yet from: {listed(silent)}"
