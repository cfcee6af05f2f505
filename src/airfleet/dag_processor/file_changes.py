"""Files with Dags, found as fast as they change. [A]

Airflow's manager lists only ``.py`` and ``.zip``, whatever importers there are. It looks for new files when a timer
ends, and knows an edit by a modification time later than its last parse. A file with an older time (``rsync -t``,
``mv``, ``git checkout``), or one saved while it is parsed, waits for the next full round.

Here each turn of the loop (one second at rest) takes a stamp of every file: time, size, inode. When the *set* of files
has changed, the bundle is refreshed at once. A file with another stamp goes to the front of the queue, and again after
a parse in progress; so does one that takes in a file (``include``, ``$f``) with another stamp. Otherwise nothing is
listed before Airflow's own timers end.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeAlias

import attrs
from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.manager import BundleState, DagFileInfo, DagFileProcessorManager

from airfleet.errors import Problem
from airfleet.file_stamps import Stamp, stamp
from airfleet.pipelines.airflow.importer import find_files, search_rules
from airfleet.pipelines.files import listing

log = logging.getLogger(__name__)

#: the path of a file, also with its stamp where that matters
Source: TypeAlias = str | tuple[str, Stamp | None]

#: between two looks at the stamps, seconds: while files are parsed, turns of the loop take milliseconds
_LOOK_SECONDS = 0.5
#: between two looks for files that are due again by Airflow's interval, which is minutes; seconds
_DUE_SECONDS = 10.0
#: until the database is asked again when a bundle was refreshed, seconds; another dag-processor may refresh it
_BUNDLE_STATE_SECONDS = 5.0


@attrs.define
class ChangeFindingManager(DagFileProcessorManager):
    """Airflow's manager of parsing processes, which finds changes by stamps."""

    #: every source of a bundle at its last refresh
    _sources: dict[str, frozenset[Source]] = attrs.field(factory=dict, init=False)
    #: Python files of a bundle without words of Dags at its last refresh
    _unread: dict[str, tuple[str, ...]] = attrs.field(factory=dict, init=False)
    #: of Dags that another file defined first: its id and that file -> the files that define it, too
    _left_to: dict[tuple[str, tuple[str, str]], set[tuple[str, str]]] = attrs.field(factory=dict, init=False)
    #: unreadable files of a bundle at its last refresh
    _said: dict[str, tuple[Problem, ...]] = attrs.field(factory=dict, init=False)
    #: the files with Dags of a bundle at its last refresh; an equal one may have another folder of the bundle
    _known: dict[str, dict[DagFileInfo, DagFileInfo]] = attrs.field(factory=dict, init=False)
    #: the stamp of every known file when it was last put in the queue
    _stamps: dict[DagFileInfo, Stamp] = attrs.field(factory=dict, init=False)
    #: of a file: those that it took in when it was parsed, or put in the queue for one of them, by path
    _taken_in: dict[DagFileInfo, dict[str, Stamp | None]] = attrs.field(factory=dict, init=False)
    _looked: float = attrs.field(default=float("-inf"), init=False)
    _looked_for_due: float = attrs.field(default=float("-inf"), init=False)
    #: of a bundle: when it was read, and its state in the database
    _bundle_states: dict[str, tuple[float, BundleState | None]] = attrs.field(factory=dict, init=False)

    def _find_files_in_bundle(self, bundle: BaseDagBundle) -> Any:
        """Return every file that counts (:mod:`airfleet.pipelines.files.listing`).

        The manager of Airflow 3.3 walks through the folder itself: it takes Python files alone, and a link to a folder
        that it has seen, or a wrong byte in an ``.airflowignore``, would end it. That of 3.4 asks the importers.
        """
        if find_files is None:
            found: Any = super()._find_files_in_bundle(bundle)
        else:
            listed = find_files(Path(bundle.path))
            found = [path.relative_to(bundle.path) for path in (*listed.pipelines, *listed.python, *listed.archives)]
            self._unread[bundle.name] = tuple(map(str, listed.without_dags))
            self._say(bundle.name, listed.problems)
        self._sources[bundle.name] = self._look_at_sources(bundle)
        files = (_as_file(file, bundle) for file in found)
        self._known[bundle.name] = {file: file for file in files}
        for file in self._known[bundle.name].keys() - self._stamps.keys():
            # Before it is parsed: an edit while it is parsed for the first time is an edit.
            if (now := stamp(str(file.absolute_path))) is not None:
                self._stamps[file] = now
        for key in [key for key in self._left_to if key[1][0] == bundle.name and not self._is_there(*key[1])]:
            self._parse_again(self._left_to.pop(key))
        return found

    def should_skip_refresh(
        self,
        *,
        bundle: BaseDagBundle,
        elapsed_time_since_refresh: float,
        current_version_matches_db: bool,
        previously_seen: bool,
    ) -> bool:
        """Tell whether the bundle's timer runs still and its files are the same."""
        skip = super().should_skip_refresh(
            bundle=bundle,
            elapsed_time_since_refresh=elapsed_time_since_refresh,
            current_version_matches_db=current_version_matches_db,
            previously_seen=previously_seen,
        )
        return skip and self._sources.get(bundle.name) == self._look_at_sources(bundle)

    def _look_at_sources(self, bundle: BaseDagBundle) -> frozenset[Source]:
        """Return a value that changes when a file comes, goes, or may hold Dags from now on."""
        unread = self._unread.get(bundle.name, ())
        return listing.names(Path(bundle.path), search_rules()) | {(path, stamp(path)) for path in unread}

    def _say(self, bundle: str, problems: tuple[Problem, ...]) -> None:
        """Log files that cannot be read, once."""
        for problem in problems:
            if problem not in self._said.get(bundle, ()):
                log.warning("%s", str(problem).encode(errors="backslashreplace").decode())
        self._said[bundle] = problems

    def _get_observed_filelocs(self, present: set[DagFileInfo]) -> set[str]:
        """Return the places of Dags, also inside of archives; an unreadable archive counts as one place."""
        places: set[str] = set()
        for file in present:
            try:
                places |= super()._get_observed_filelocs({file})
            except Exception:
                log.exception("%s cannot be looked into", file.rel_path)
                places.add(str(file.rel_path))
        return places

    def get_bundle_state(self, bundle_name: str, **options: Any) -> BundleState | None:
        """Return when a bundle was refreshed, as the database told seconds ago; our own refreshes count at once."""
        read, state = self._bundle_states.get(bundle_name, (float("-inf"), None))
        if state is None or time.monotonic() - read >= _BUNDLE_STATE_SECONDS:
            state = super().get_bundle_state(bundle_name, **options)
            self._bundle_states[bundle_name] = time.monotonic(), state
        return state

    def update_bundle_state(self, bundle_name: str, **options: Any) -> None:
        """Store that a bundle was refreshed."""
        self._bundle_states.pop(bundle_name, None)
        super().update_bundle_state(bundle_name, **options)

    def _changed(self) -> list[DagFileInfo]:
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return []
        self._looked = time.monotonic()
        changed = []
        look, being_parsed = functools.cache(stamp), self._being_parsed()  # many pipelines take in the same file
        for file in (file for files in self._known.values() for file in files):
            now = stamp(str(file.absolute_path))
            # A file that is being parsed keeps its old stamps, so that it is seen again afterwards.
            if now is None or file in being_parsed:
                continue
            if now == self._stamps.get(file) and not self._takes_in_what_changed(file, look):
                continue
            changed.append(file)
            self._stamps[file] = now
        return changed

    def _being_parsed(self) -> Collection[DagFileInfo]:
        """Return the files that processes have."""
        return self._processors.keys()

    def _takes_in_what_changed(self, file: DagFileInfo, look: Callable[[str], Stamp | None]) -> bool:
        """Tell whether one of the files that a pipeline took in is another one now; note what they are."""
        before = self._taken_in.get(file, {})
        if all(look(one) == seen for one, seen in before.items()):
            return False
        self._taken_in[file] = {one: look(one) for one in before}
        return True

    def _note_taken_in(self, file: DagFileInfo, taken_in: dict[str, Stamp | None] | None) -> None:
        """Note what a parse took in; a process that was killed has told nothing, and what was known holds."""
        if taken_in is not None:
            self._taken_in[file] = taken_in

    def _content(self, file: DagFileInfo) -> object:
        """Return a value that tells one content of a file, and of what it takes in, from the next."""
        return self._stamps.get(file), frozenset(self._taken_in.get(file, {}).items())

    def prepare_file_queue(self, known_files: dict[str, set[DagFileInfo]]) -> None:
        """Queue files that are due again; new and changed ones do not wait for this.

        Airflow asks for it in every turn in which the queue is empty, and it goes through all files.
        """
        has_ended_a_round = self._parsing_start_time is not None
        if has_ended_a_round or time.monotonic() - self._looked_for_due >= _DUE_SECONDS:
            self._looked_for_due = time.monotonic()
            super().prepare_file_queue(known_files=known_files)

    def _is_there(self, bundle: str, path: str) -> bool:
        """Tell whether a file, or its archive, is among the files that count."""
        known = {str(file.rel_path) for file in self._known.get(bundle, {})}
        return path in known or any(str(folder) in known for folder in Path(path).parents)

    def _parse_again(self, files: set[tuple[str, str]]) -> None:
        """Have files parsed as if they had changed."""
        for bundle, path in files:
            self._stamps.pop(DagFileInfo(rel_path=Path(path), bundle_name=bundle), None)


def _as_file(found: Path | DagFileInfo, bundle: BaseDagBundle) -> DagFileInfo:
    if isinstance(found, DagFileInfo):
        return found
    return DagFileInfo(rel_path=found, bundle_name=bundle.name, bundle_path=bundle.path)
