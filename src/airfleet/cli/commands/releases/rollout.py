"""The way of a release to be live: each living host has it, then the pointer moves.

A host tells of itself in the database, and each of its reports notifies who listens. A host that says nothing (its
agent is of an older airfleet, or stuck) is waited for until the timeout. One that dies meanwhile is not waited for.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString

from airfleet.cli.output import progress, terminal
from airfleet.cli.output.progress import Item, ProgressView, Silence
from airfleet.errors import FleetError, WaitTimedOut, parted
from airfleet.fleet.config.spec import LOCAL
from airfleet.metadata.channels import RELEASES
from airfleet.releases.manifest import SHORT
from airfleet.releases.news import ReleaseState

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.releases.registry import About, Action, Live, ReleaseHost

#: between two looks at which hosts live: a death notifies nobody
_LOOK_SECONDS: Final = 2.0
_LIVING: LiteralString = """
SELECT host FROM airfleet_host
WHERE state = 'up' AND renewed_at > clock_timestamp() - make_interval(secs => %s) ORDER BY host"""


@dataclass(frozen=True)
class HostProgress:
    """One living host: its last report of the release, None before the first."""

    host: str
    state: ReleaseState | None = None
    sentence: str = ""
    #: whether it was told before this push, which the host may take as a reason to try again
    is_old: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether the host has the release."""
        return self.state is ReleaseState.READY

    @property
    def has_failed(self) -> bool:
        """Whether the host says that it cannot have it."""
        return self.state is ReleaseState.FAILED and not self.is_old

    def why_not(self) -> str:
        """Say why the host is not ready."""
        if self.state is None:
            return (
                f"host '{self.host}' did not say that it heard of it: its agent may be of an older airfleet, or stuck"
            )
        why, _ = parted(self.sentence)
        why = f": {why}" if why else ""
        is_lost = self.state is ReleaseState.FAILED
        return f"host '{self.host}' {'cannot have it' if is_lost else 'still fetches it'}{why}"


@dataclass(frozen=True)
class Wait:
    """The way to wait for hosts."""

    #: for so long at the most
    seconds: float
    #: when the command began, by the monotonic clock
    began: float
    #: failures that were told before are not final
    since: dt.datetime | None = None
    #: whether nothing is told of it
    quiet: bool = False


def until_ready(records: ReleaseRecords, digest: str, how: Wait) -> tuple[HostProgress, ...]:
    """Wait until every living host has a release.

    Raises FleetError when one cannot have it, or none lives; WaitTimedOut.
    """
    view = Silence() if how.quiet else progress.view(live=terminal.is_live())
    with records.listening(RELEASES), closing(view):
        # Nothing is said of hosts that have it already, or have had no time to hear of it.
        view.remember([_item(one) for one in look(records, digest, how.since) if one.is_ready or one.state is None])
        return _watched(records, digest, how, view)


def _watched(records: ReleaseRecords, digest: str, how: Wait, view: ProgressView) -> tuple[HostProgress, ...]:
    deadline = time.monotonic() + how.seconds
    while True:
        hosts = look(records, digest, how.since)
        view.show([_item(one) for one in hosts], time.monotonic() - how.began)
        if failed := [one for one in hosts if one.has_failed]:
            raise FleetError(_stays(records, digest, failed), hint=_way_out(failed))
        if all(one.is_ready for one in hosts):
            return hosts
        left = deadline - time.monotonic()
        if left <= 0:
            late = [one for one in hosts if not one.is_ready]
            raise WaitTimedOut(f"{_stays(records, digest, late)}\nhint: {_way_out(late)}; --timeout waits longer")
        for _ in records.connection.notifies(timeout=min(_LOOK_SECONDS, left), stop_after=1):
            pass


def look(records: ReleaseRecords, digest: str, since: dt.datetime | None = None) -> tuple[HostProgress, ...]:
    """Read how far each living host is with a release. Raises FleetError when none lives."""
    from airfleet.releases import registry

    told = {one.host: one for one in registry.host_states(records.connection, digest)}
    return tuple(_progress(host, told, since) for host in living(records))


def living(records: ReleaseRecords) -> tuple[str, ...]:
    """List the hosts that are up. Raises FleetError when none is."""
    from airfleet.agent.cluster.quorum import LEASE_SECONDS

    rows = records.connection.execute(_LIVING, (LEASE_SECONDS,)).fetchall()
    if rows:
        return tuple(host for (host,) in rows)
    if len(records.fleet.hosts) == 1 and records.fleet.hosts[0].name == LOCAL:  # it has no row
        return (LOCAL,)
    raise FleetError(f"no host of fleet '{records.fleet.name}' is up", hint="airfleet up")


def make_live(records: ReleaseRecords, digest: str, before: Live | None, about: About, action: Action) -> None:
    """Move the pointer, unless another move came first. Raises FleetError."""
    from airfleet.releases import registry

    registry.activate(records.connection, digest, before.generation if before else None, about, action)


def _progress(host: str, told: Mapping[str, ReleaseHost], since: dt.datetime | None) -> HostProgress:
    found = told.get(host)
    if found is None:
        return HostProgress(host)
    return HostProgress(host, found.state, found.sentence, since is not None and found.reported_at < since)


_LOOKS: Final = {
    ReleaseState.FETCHING: ("fetches the release", "busy"),
    ReleaseState.READY: ("has the release", "good"),
    ReleaseState.FAILED: ("cannot have the release", "bad"),
}


def _item(one: HostProgress) -> Item:
    label, mood = _LOOKS[one.state] if one.state else ("not heard of yet", "idle")
    note = one.sentence.partition("\n")[0]
    return Item(one.host, label, mood, note=note)


def _stays(records: ReleaseRecords, digest: str, hosts: Sequence[HostProgress]) -> str:
    live = records.live()
    what = f"release {live.digest[:SHORT]} stays live" if live else "no release is live"
    why = "; ".join(one.why_not() for one in hosts)
    return f"release {digest[:SHORT]} did not go live, {what}: {why}"


def _way_out(hosts: Sequence[HostProgress]) -> str:
    """Give the hints of hosts, each once."""
    hints = dict.fromkeys(hint for _, hint in (parted(one.sentence) for one in hosts) if hint)
    return "; ".join(hints) or "airfleet status"


def as_data(hosts: Sequence[HostProgress]) -> list[dict[str, Any]]:
    """Return the hosts for programs."""
    return [{"host": one.host, "state": one.state or "unknown", "sentence": one.sentence} for one in hosts]
