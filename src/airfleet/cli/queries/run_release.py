"""The release that a run names, as a verdict on the run needs it: whether the fleet still has it, and a host, too."""

from __future__ import annotations

from dataclasses import dataclass

from airfleet.cli.queries import release_records
from airfleet.client.project import Project
from airfleet.errors import AirfleetError
from airfleet.releases.news import ReleaseState


@dataclass(frozen=True)
class RunRelease:
    """A release, and how far hosts are with it."""

    digest: str
    #: whether the fleet has it; one that was removed comes back by a push alone
    is_kept: bool = True
    #: whether a host has it
    is_ready: bool = False
    #: hosts that cannot have it, each with its sentence
    failed: tuple[tuple[str, str], ...] = ()


def of(here: Project, digest: str) -> RunRelease | None:
    """Ask the database of a fleet about a release; None where it does not answer."""
    try:
        with release_records.of(here, release_records.fleet_of(here)) as records:
            return _of(records, digest)
    except AirfleetError:
        return None  # without it the verdict is less exact, not wrong


def _of(records: release_records.ReleaseRecords, digest: str) -> RunRelease:
    from airfleet.releases import registry

    try:
        registry.find(records.connection, digest)
    except registry.NoSuchRelease:
        return RunRelease(digest, is_kept=False)
    hosts = registry.host_states(records.connection, digest)
    return RunRelease(
        digest,
        is_ready=any(one.state is ReleaseState.READY for one in hosts),
        failed=tuple((one.host, one.sentence) for one in hosts if one.state is ReleaseState.FAILED),
    )
