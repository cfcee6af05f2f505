"""A release that goes live is seen at once, and only what changed in it is parsed. [A]

Each turn of the loop reads the link of the live release, and the kernel ends its rest when that moves. The bundle then
moves there, and its files are listed. A file that is another one than before, or takes in or imports another one, goes
to the front of the queue. For the Dags of all other files one statement moves the rows
(:mod:`airfleet.dag_processor.release_rows`).

A file that waits for a parse, or is being parsed, keeps the release that its Dags were stored under: new runs of it
take code and version of one release. A result that was read from another release is not stored.

Airflow makes no new version of a Dag whose serialized form is the same, and shows the new source for the old runs. So
the digest of what a Dag was read from is part of that form (:data:`DIGEST_KEY`).
"""

from __future__ import annotations

import selectors
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import attrs
from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.manager import DagFileInfo
from airflow.dag_processing.processor import DagFileParsingResult
from airflow.utils.session import create_session

from airfleet.dag_processor import release_rows
from airfleet.dag_processor.file_changes import ChangeFindingManager, Source
from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.pipelines.files.listing import ARCHIVE
from airfleet.releases import release_files
from airfleet.releases.places import LIVE
from airfleet.system.folder_watch import FolderWatch

#: beside ``dag`` in what Airflow stores of a Dag; it hashes all, and reads what it knows
DIGEST_KEY: Final = "airfleet_digest"


@attrs.define
class ReleaseFollowingManager(ChangeFindingManager):
    """Airflow's manager of parsing processes, which follows the live release."""

    #: of a bundle: the tree of the release whose files were listed last
    _trees: dict[str, Path] = attrs.field(factory=dict, init=False)
    #: folders of releases in which the kernel looks for another link
    _watched: dict[Path, FolderWatch] = attrs.field(factory=dict, init=False)
    #: of a bundle: the files whose Dags have yet to move to its release
    _to_move: dict[str, frozenset[str]] = attrs.field(factory=dict, init=False)

    def _refresh_dag_bundles(self, known_files: dict[str, set[DagFileInfo]]) -> None:
        """Follow the live releases first; then refresh as Airflow does, and queue what changed."""
        for bundle in self._releases():
            self._watch(bundle.releases)
            was_folder = not bundle.supports_versioning
            if bundle.follow():
                self.request_bundle_refresh(bundle.name)
            if was_folder and bundle.supports_versioning:
                self._bundle_versions.pop(bundle.name, None)  # Airflow would see no change from a folder
        super()._refresh_dag_bundles(known_files=known_files)
        for bundle in self._releases():
            if bundle.tree is not None and bundle.tree != self._trees.get(bundle.name) and bundle.name in known_files:
                self._move_to(bundle, bundle.tree)
            self._move_rows(bundle)

    def _watch(self, releases: Path | None) -> None:
        """Have the loop end its rest when another release goes live; without it that is seen a second later."""
        if releases is None or releases in self._watched or not releases.is_dir():
            return
        with suppress(OSError):  # the kernel has no watch left
            self._watched[releases] = watch = FolderWatch(releases)
            self.selector.register(watch, selectors.EVENT_READ, (self._hear, lambda _: None))

    def _hear(self, watch: FolderWatch) -> bool:
        """Have bundles refreshed now, not after their interval, when the link has moved."""
        if LIVE in watch.names():
            self._bundles_last_refreshed = float("-inf")
        return True

    def _releases(self) -> Iterable[PipelineBundle]:
        return [bundle for bundle in self._dag_bundles if isinstance(bundle, PipelineBundle)]

    def should_skip_refresh(
        self,
        *,
        bundle: BaseDagBundle,
        elapsed_time_since_refresh: float,
        current_version_matches_db: bool,
        previously_seen: bool,
    ) -> bool:
        """Tell whether nothing changed; a release that could not be noted in the database is one that did."""
        skip = super().should_skip_refresh(
            bundle=bundle,
            elapsed_time_since_refresh=elapsed_time_since_refresh,
            current_version_matches_db=current_version_matches_db,
            previously_seen=previously_seen,
        )
        if isinstance(bundle, PipelineBundle) and (now := bundle.get_current_version()) is not None:
            return skip and self._bundle_versions.get(bundle.name) == now.version
        return skip

    def _look_at_sources(self, bundle: BaseDagBundle) -> frozenset[Source]:
        """Return what changes when files come or go: of a release none does."""
        if isinstance(bundle, PipelineBundle) and bundle.tree is not None:
            return frozenset({str(bundle.path)})
        return super()._look_at_sources(bundle)

    def _move_to(self, bundle: PipelineBundle, tree: Path) -> None:
        """Queue the files of a release that are others than before; note the Dags of which files are the same."""
        known = self._known[bundle.name]
        before = self._trees.get(bundle.name)
        if before is None:
            self._forget(known)
        else:
            self._find_taken_in_at(before, tree, known)
            self._forget(file for file in known if file.rel_path.suffix == ARCHIVE)
        waiting = {file for file in self._file_queue if file in known}
        self._file_queue = type(self._file_queue)((known.get(file, file), None) for file in self._file_queue)
        self._looked = float("-inf")
        changed = [file for file in self._changed() if file in known]
        self._add_files_to_queue(changed, mode="frontprio")
        not_yet = {*waiting, *changed, *self._being_parsed(), *self._again_later()}
        self._to_move[bundle.name] = frozenset(str(file.rel_path) for file in known.keys() - not_yet)
        self._trees[bundle.name] = tree

    def _forget(self, files: Iterable[DagFileInfo]) -> None:
        """Have files parsed as if they had changed."""
        for file in files:
            self._stamps.pop(file, None)

    def _find_taken_in_at(self, before: Path, now: Path, files: Iterable[DagFileInfo]) -> None:
        """Look from now on for what files took in of the release before in this one."""
        for file in files:
            seen = self._taken_in.get(file, {})
            self._taken_in[file] = {_moved(path, before, now): stamp for path, stamp in seen.items()}

    def _again_later(self) -> Iterable[DagFileInfo]:
        """Return files that are to be tried again, because they have no result."""
        return ()

    def _move_rows(self, bundle: PipelineBundle) -> None:
        """Move the rows of Dags; what the database refuses is tried again with the next turn."""
        files, version = self._to_move.get(bundle.name), bundle.get_current_version()
        if not files or version is None:
            return
        try:
            with create_session() as session:
                release_rows.move(session, bundle.name, version.version, str(bundle.path), files)
        except Exception:
            self.log.exception("The Dags of unchanged files could not be moved to release %s", version.version)
            return
        self.log.info("Release %s is live; %d files are as they were", version.version, len(files))
        del self._to_move[bundle.name]

    def handle_parsing_result(self, file: DagFileInfo, proc: Any, **options: Any) -> None:
        """Store a result as Airflow does; a callback leaves no trace among the parses.

        Airflow notes that the file was parsed at no time. It would parse the file again soon, and after a callback of a
        run's release in every round, for it looks for the last parse by the path alone.
        """
        parsed = self._file_stats.get(file)
        try:
            super().handle_parsing_result(file, proc, **options)
        finally:
            if file.bundle_version is not None:
                self._file_stats.pop(file, None)
            elif parsed is not None and proc.had_callbacks and proc.parsing_result is None:
                self._file_stats[file] = parsed

    def _is_of_another_release(self, file: DagFileInfo, process: Any) -> bool:
        """Tell whether a result was read from another release than the live one; it is then parsed again."""
        now = self._known.get(file.bundle_name, {}).get(file)
        if process.had_callbacks or now is None or now.bundle_path == file.bundle_path:
            return False
        self._stamps.pop(file, None)
        return True

    def _sign(self, result: DagFileParsingResult, bundle: str, path: str) -> None:
        """Write into each Dag of a release what it was read from."""
        file = self._known.get(bundle, {}).get(DagFileInfo(rel_path=Path(path), bundle_name=bundle))
        tree = self._trees.get(bundle)
        if file is None or tree is None:
            return
        digest = release_files.digest(tree, [str(file.absolute_path), *self._taken_in.get(file, {})])
        for dag in result.serialized_dags:
            dag.data[DIGEST_KEY] = digest


def _moved(path: str, before: Path, now: Path) -> str:
    return str(now / Path(path).relative_to(before)) if Path(path).is_relative_to(before) else path
