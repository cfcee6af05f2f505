"""The releases of a fleet for a command: their records in the database, their files in the store, and who asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from airfleet.client import authorship, fleet_database
from airfleet.client.project import Project, find
from airfleet.errors import FileProblems, FleetError

if TYPE_CHECKING:
    import psycopg

    from airfleet.fleet.config.spec import Fleet
    from airfleet.releases.manifest import File, Manifest
    from airfleet.releases.registry import About, Live, Release
    from airfleet.releases.stores.objects import Objects

#: in place of a digest
LIVE = "live"


@dataclass(frozen=True)
class ReleaseRecords:
    """An open way to the releases of a fleet."""

    here: Project
    fleet: Fleet
    connection: psycopg.Connection[Any]
    objects: Objects

    def connect(self) -> psycopg.Connection[Any]:
        """Open one more connection. Raises FleetError."""
        return fleet_database.connect(self.here, self.fleet)

    @contextmanager
    def listening(self, channel: LiteralString) -> Iterator[None]:
        """Hear the notifications of a channel in the block. Raises psycopg.Error."""
        self.connection.execute(f"LISTEN {channel}")
        try:
            yield
        finally:
            if not self.connection.broken:
                self.connection.execute(f"UNLISTEN {channel}")

    def about(self, note: str = "", git_commit: str = "") -> About:
        """Say who asks for a change, and from where."""
        from airfleet.releases.registry import About

        who = authorship.of(self.here.environ)
        return About(who.author, who.origin, note, git_commit)

    def live(self) -> Live | None:
        """Return which release is live."""
        from airfleet.releases import registry

        return registry.live(self.connection)

    def named(self, name: str) -> Release:
        """Find a release by the beginning of its digest, or the one that is live. Raises FleetError."""
        from airfleet.releases import registry

        if name != LIVE:
            return registry.find(self.connection, name)
        live = self.live()
        if live is None:
            raise no_release(self.fleet)
        return registry.find(self.connection, live.digest)

    def manifest(self, digest: str) -> Manifest:
        """Read the files of a release. Raises FleetError."""
        from airfleet.releases import registry

        try:
            return registry.manifest(self.connection, digest)
        except ValueError as damaged:
            raise FleetError(str(damaged), hint="push it again") from None

    def content(self, file: File) -> bytes:
        """Read a file of a release. Raises FleetError when the store lacks it, or has other bytes."""
        from airfleet.releases.stores.objects import Damaged, Missing, checked

        try:
            return b"".join(checked(self.objects.get(file.digest), file.digest, file.size))
        except Missing:
            raise FleetError(f"the store of releases has no {file.path} any more", hint="push it again") from None
        except Damaged:
            raise FleetError(f"the store of releases has other bytes of {file.path}", hint="push it again") from None


@contextmanager
def opened(folder: Path | None, env: str | None = None) -> Iterator[ReleaseRecords]:
    """Open the releases of a project's fleet.

    Raises FileProblems, and FleetError when the fleet is down, or its database or store does not answer.
    """
    here = find(folder, env)
    with of(here, fleet_of(here)) as records:
        yield records


@contextmanager
def of(here: Project, fleet: Fleet) -> Iterator[ReleaseRecords]:
    """Open the releases of a fleet. Raises FleetError as :func:`opened`."""
    import psycopg

    from airfleet.releases.stores import opening
    from airfleet.releases.stores.objects import StoreUnreachable

    try:
        with fleet_database.connect(here, fleet) as connection:
            yield ReleaseRecords(here, fleet, connection, opening.open_store(fleet.releases.store, connection))
    except psycopg.OperationalError as wrong:
        raise fleet_database.away(here, fleet, wrong) from wrong
    except psycopg.Error as wrong:
        raise FleetError(f"the database of fleet '{fleet.name}' refused it: {fleet_database.said(wrong)}") from wrong
    except StoreUnreachable as wrong:
        raise FleetError(f"the store of releases cannot be used: {wrong}") from wrong


def fleet_of(here: Project) -> Fleet:
    """Read fleet.yaml, where secrets of other parts than the database may be missing. Raises FileProblems."""
    from airfleet.fleet.config import reader
    from airfleet.yaml.secret_detection import MASK

    fleet = reader.read_file(here.fleet_file, here.environ, lenient=True)
    if MASK not in fleet.database:
        return fleet
    try:
        return reader.read_file(here.fleet_file, here.environ)
    except FileProblems as wrong:
        needed = [problem for problem in wrong.problems if problem.path == "database"]
        raise FileProblems(needed or wrong.problems) from None


def no_release(fleet: Fleet) -> FleetError:
    """Make the error of a fleet without a release."""
    return FleetError(f"fleet '{fleet.name}' has no release yet: its hosts read their folders", "airfleet push")
