"""The dag-processor's rest: it ends when nothing is to be parsed, and the next process goes on where it was. [A]

It may end when no file is queued or parsed, no callback waits or runs, and nothing is tried again or left to another
file. All bundles have to be folders or releases of pipelines: others are asked whether they changed. It leaves

- a record for the agent: the stamps of all files that it parses or that they take in, of their folders, and of the
  link of the live release, and the seconds until a file is due again by ``min_file_process_interval``;
- notes for the next process: when each file was parsed and what its stamp was, so that this one parses what changed,
  and not everything.

A change between the last look and the end is not lost: the agent compares stamps as they were when they were parsed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
from airflow.dag_processing.manager import DagFileInfo, DagFileStat

from airfleet.dag_processor.batch_parsing import BatchParsingManager
from airfleet.file_stamps import Stamp, stamp
from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.releases.places import LIVE

#: seconds that a process runs at the least which goes on from notes
_RESUMED_SECONDS: Final = 5.0
#: folders in which no Dag is looked for
_SKIPPED: Final = frozenset({"__pycache__", ".git"})
_IGNORE_FILE: Final = ".airflowignore"


@attrs.define
class RestingManager(BatchParsingManager):
    """Airflow's manager of parsing processes, which ends for want of work."""

    #: seconds without work; None: it never ends
    sleep_after_seconds: float | None = attrs.field(default=None)
    #: what the process before has noted
    notes: Any = attrs.field(default=None)
    #: stamps of what the agent shall look at; None while it has not ended for want of work
    watched: dict[str, Stamp | None] | None = attrs.field(default=None, init=False)
    _worked: float = attrs.field(factory=time.monotonic, init=False)

    def prepare_bundles(self) -> None:
        """Load the bundles, and go on from the notes of the process before."""
        super().prepare_bundles()
        if self.sleep_after_seconds is not None and self._resume():
            self._worked -= max(0.0, self.sleep_after_seconds - _RESUMED_SECONDS)

    def max_runs_reached(self) -> bool:
        """Tell whether this is the last turn of the loop."""
        reached: bool = super().max_runs_reached()  # type: ignore[no-untyped-call]
        return reached or self._may_end()

    def due_seconds(self) -> float:
        """Return the seconds until a file is due again."""
        now = datetime.now(UTC)
        ages = [
            (now - one.last_finish_time).total_seconds() for one in self._file_stats.values() if one.last_finish_time
        ]
        return max(0.0, self._file_process_interval - max(ages, default=0.0))

    def noted(self) -> dict[str, Any]:
        """Return what the next process shall know."""
        files = (file for files in self._known.values() for file in files)
        return {
            "trees": {bundle: str(tree) for bundle, tree in self._trees.items()},
            "files": [note for file in files if (note := self._note(file)) is not None],
        }

    # --- whether it may end ----------------------------------------------------------------------------

    def _may_end(self) -> bool:
        if self.sleep_after_seconds is None:
            return False
        if self._has_work():
            self._worked = time.monotonic()
            return False
        if time.monotonic() - self._worked < self.sleep_after_seconds:
            return False
        watched = dict(self._watched_now())
        if self._has_moved():
            return False
        self.watched = watched
        self.log.info("Nothing is left to do; this process ends, and the agent starts another one when there is")
        return True

    def _has_work(self) -> bool:
        waits = self._file_queue or self._processors or self._callback_to_execute or self._claims or self._calling
        again = (
            self._awaiting
            or self._to_move
            or self._left_to
            or self._force_refresh_bundles
            or tuple(self._again_later())
        )
        is_known = all(isinstance(one, PipelineBundle) and one.name in self._known for one in self._dag_bundles)
        return bool(waits or again or not is_known or self._asked_to_parse or self._asked_to_call)

    def _has_moved(self) -> bool:
        """Tell whether files came or went, or a release went live, since the last look."""
        bundles = [one for one in self._dag_bundles if isinstance(one, PipelineBundle)]
        return any(one.is_behind() or self._sources.get(one.name) != self._look_at_sources(one) for one in bundles)

    def _watched_now(self) -> Iterator[tuple[str, Stamp | None]]:
        """Yield each path with the stamp that it must keep for nothing to be done."""
        for bundle in self._dag_bundles:
            assert isinstance(bundle, PipelineBundle), "no other may end"
            if bundle.releases is not None:
                live = str(bundle.releases / LIVE)
                yield live, stamp(live)
            if bundle.tree is None:
                yield from ((path, stamp(path)) for path in _folders(Path(bundle.path)))
            yield from ((path, stamp(path)) for path in self._unread.get(bundle.name, ()))
        for files in self._known.values():
            for file in files:
                yield from self._taken_in.get(file, {}).items()
                yield str(file.absolute_path), self._stamps.get(file)

    # --- notes -----------------------------------------------------------------------------------------

    def _note(self, file: DagFileInfo) -> dict[str, Any] | None:
        """Note when a file was parsed; None for one that was not."""
        stat, seen = self._file_stats.get(file), self._stamps.get(file)
        if stat is None or stat.last_finish_time is None or seen is None:
            return None
        return {
            "path": str(file.rel_path),
            "bundle": file.bundle_name,
            "folder": str(file.bundle_path),
            "stamp": seen,
            "taken_in": self._taken_in.get(file, {}),
            "finished": stat.last_finish_time.isoformat(),
            "dags": stat.num_dags,
            "errors": stat.import_errors,
        }

    def _resume(self) -> bool:
        """Take on the notes of the process before; tell whether there are any that can be read."""
        try:
            found = [_read_note(note) for note in self.notes["files"]]
            trees = {str(bundle): Path(tree) for bundle, tree in self.notes["trees"].items()}
        except (TypeError, KeyError, ValueError, AttributeError):
            return False
        for file, stat, seen, taken_in in found:
            self._file_stats[file] = stat
            self._stamps[file] = seen
            self._taken_in[file] = taken_in
        self._trees.update(trees)
        return True


def _read_note(note: Any) -> tuple[DagFileInfo, DagFileStat, Stamp, dict[str, Stamp | None]]:
    file = DagFileInfo(rel_path=Path(note["path"]), bundle_name=note["bundle"], bundle_path=Path(note["folder"]))
    stat = DagFileStat(
        num_dags=note["dags"],
        import_errors=note["errors"],
        last_finish_time=datetime.fromisoformat(note["finished"]),
        run_count=1,
    )
    taken_in = {path: _stamp(seen) for path, seen in note["taken_in"].items()}
    seen = _stamp(note["stamp"])
    if seen is None:
        raise ValueError(f"{note['path']} has no stamp")
    return file, stat, seen, taken_in


def _stamp(found: Any) -> Stamp | None:
    return None if found is None else (int(found[0]), int(found[1]), int(found[2]))


def _folders(root: Path) -> Iterator[str]:
    """Yield every folder whose change may mean another file, and the files that leave some out."""
    seen: set[str] = set()
    for folder, names, _ in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        names[:] = [name for name in names if name not in _SKIPPED]
        yield folder
        yield os.path.join(folder, _IGNORE_FILE)
