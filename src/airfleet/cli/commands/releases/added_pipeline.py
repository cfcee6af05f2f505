"""A pipeline beside those of the live release, for a while: a release more, and the way back to the one before."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.cli.commands.releases import rollout
from airfleet.cli.output import release_view
from airfleet.cli.queries import release_records
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.cli.queries.release_records import ReleaseRecords
    from airfleet.client.project import Project
    from airfleet.releases.manifest import Manifest
    from airfleet.releases.registry import Live
    from airfleet.releases.tree import Tree


class AddedPipeline:
    """Implements :class:`airfleet.drill.placement.PipelinePlace` on a fleet with releases."""

    def __init__(self, here: Project, name: str, note: str, timeout: float) -> None:
        self._here = here
        self._name = name
        self._note = note
        self._timeout = timeout
        self._before = ""
        self._added = ""

    def put(self, text: str) -> None:
        """Make a release live that has the pipeline, too. Raises FleetError, WaitTimedOut."""
        from airfleet.releases import push_lock, registry

        with release_records.of(self._here, release_records.fleet_of(self._here)) as records:
            about = records.about(self._note)
            with push_lock.hold(records.connect, about) as lock:
                before = self._live(records)
                digest = self._publish(records, before, text)
                since = registry.find(records.connection, digest).created_at
                how = rollout.Wait(self._timeout, time.monotonic(), since, quiet=True)
                rollout.until_ready(records, digest, how)
                lock.check()
                self._before, self._added = before.digest, digest
                rollout.make_live(records, digest, before, about, registry.Action.PUSH)

    def take_away(self) -> None:
        """Make the release before live again, unless somebody made another one live meanwhile. Raises FleetError."""
        from airfleet.releases import registry

        if not self._added:
            return
        with release_records.of(self._here, release_records.fleet_of(self._here)) as records:
            live = records.live()
            if live is not None and live.digest == self._added:
                about = records.about(self._note)
                rollout.make_live(records, self._before, live, about, registry.Action.ROLLBACK)
        self._added = ""

    def left(self) -> str:
        """Name the release while it may be live."""
        return f"release {release_view.short(self._added)}, which has its pipeline" if self._added else ""

    def _live(self, records: ReleaseRecords) -> Live:
        live = records.live()
        if live is None:
            raise release_records.no_release(records.fleet)
        return live

    def _publish(self, records: ReleaseRecords, before: Live, text: str) -> str:
        """Publish the release that is live with one file more; return its digest."""
        from airfleet.releases import publisher

        with tempfile.TemporaryDirectory(prefix="airfleet-added-") as folder:
            file = Path(folder, self._name)
            file.write_text(text)
            tree = with_pipeline(records.manifest(before.digest), file)
            publisher.publish(tree, records.objects, records.connection, records.about(self._note))
        return tree.manifest.digest


def with_pipeline(release: Manifest, file: Path) -> Tree:
    """Add a file to the pipelines of a release. Raises FleetError when it has one of that name."""
    from airfleet.releases.tree import Tree

    path = f"{release.pipelines}/{file.name}"
    if any(one.path == path for one in release.files):
        raise FleetError(
            f"the release that is live has a file {path} already", hint="airfleet push, or airfleet rollback"
        )
    return Tree(file.parent, release).with_made({path: file}, release.environments)
