"""The process that parses several small pipeline files, one after the other. [A]

A process for each file costs more than the parse of a small one: the fork copies pages, and each process builds the
models of its messages. A file that could change something for the next ones ends the process: by a module of the
project that it imports, a thread or an open file (:mod:`airfleet.task_process.side_effects`). The first file of a
process meets no more than in one of its own, so its result always counts. Files with an import error count only when
parsed alone: their log is their own.
"""

from __future__ import annotations

import mmap
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import attrs
import structlog
from airflow.dag_processing.manager import DagFileInfo
from airflow.dag_processing.processor import (
    DagFileParseRequest,
    DagFileParsingResult,
    ToDagProcessor,
    ToManager,
    _parse_file,
)
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import CommsDecoder
from pydantic import TypeAdapter

from airfleet.dag_processor import imported_files
from airfleet.dag_processor.parsing_process import ParsingProcess
from airfleet.dag_processor.taken_in import TakenIn
from airfleet.file_stamps import Stamp
from airfleet.pipelines.airflow import import_common
from airfleet.releases import release_files
from airfleet.releases.release_modules import import_from
from airfleet.task_process import side_effects

#: files that one process parses at the most; their places are told in one byte
MOST_FILES: Final = 50
#: modules that are the same for every file
_OWN: Final = "airfleet."


@dataclass(frozen=True)
class Parsed:
    """One file of a process that parsed several; the dag-processor takes it for a process that has ended."""

    parsing_result: DagFileParsingResult
    taken_in: TakenIn
    #: by the monotonic clock, so that the file's share of the time has passed since
    start_time: float
    had_callbacks: bool = False

    def misfortune(self) -> str:
        """Return nothing: it has a result."""
        return ""


@attrs.define(kw_only=True)
class BatchProcess(ParsingProcess):
    """A parsing process of several files."""

    files: tuple[DagFileInfo, ...] = attrs.field(init=False, default=())
    #: the place of the file that is being parsed
    _at: mmap.mmap = attrs.field(init=False, repr=False)
    #: of each file: what it took in, told when its result counts
    _told: tuple[TakenIn, ...] = attrs.field(init=False, repr=False)
    #: where it was seen last, and since when, by the monotonic clock
    _seen: tuple[int, float] = attrs.field(init=False, factory=lambda: (0, time.monotonic()))
    _began: float = attrs.field(init=False, factory=time.monotonic)

    @classmethod
    def start_with(cls, files: Sequence[DagFileInfo], **kwargs: Any) -> BatchProcess:
        """Fork the process for ``files`` of one bundle; the rest is what Airflow's starts with."""
        at, told = mmap.mmap(-1, 1), tuple(TakenIn() for _ in files)
        process: BatchProcess = cls.forked(lambda: parse_files(files, at, told), **kwargs)
        process.files, process._at, process._told = tuple(files), at, told
        return process

    @property
    def place(self) -> int:
        """The place of the file that is being parsed, or was at the end; after the last one, their count."""
        return self._at[0]

    def stands_still(self, seconds: float, now: float) -> bool:
        """Tell whether one file takes longer than ``seconds``; one that goes on has begun anew for Airflow's limit."""
        if self._seen[0] != self.place:
            self._seen = self.place, now
            self.start_time = now
        return now - self._seen[1] > seconds

    def parsed(self, now: float) -> dict[DagFileInfo, Parsed]:
        """Give the files whose results count."""
        if self.parsing_result is None:
            return {}
        counting = [(file, told) for file, told in zip(self.files, self._told, strict=True) if told.told() is not None]
        began = now - (now - self._began) / max(1, len(counting))
        return {
            file: Parsed(part(self.parsing_result, str(file.rel_path), str(file.absolute_path)), told, began)
            for file, told in counting
        }


def part(whole: DagFileParsingResult, path: str, place: str) -> DagFileParsingResult:
    """Give what the file at ``path`` of the bundle gave; ``place`` is its absolute path."""
    dags = [dag for dag in whole.serialized_dags if dag.relative_fileloc == path]
    ids = {dag.dag_id for dag in dags}
    warnings = [warning for warning in whole.warnings or () if warning["dag_id"] in ids]
    return DagFileParsingResult(fileloc=place, serialized_dags=dags, warnings=warnings, import_errors={})


def parse_files(files: Sequence[DagFileInfo], at: mmap.mmap, told: Sequence[TakenIn]) -> None:
    """Do what Airflow's process does, for several files, and send what they gave as the result of the first."""
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "client"  # as in Airflow's
    if (tree := release_files.tree_of(files[0].absolute_path)) is not None:
        import_from(tree, Path.cwd())
    comms = CommsDecoder[ToDagProcessor, ToManager](body_decoder=TypeAdapter[ToDagProcessor](ToDagProcessor))
    first = comms._get_response()
    assert isinstance(first, DagFileParseRequest)
    task_runner.SUPERVISOR_COMMS = comms  # type: ignore[assignment]  # as in Airflow's
    log = structlog.get_logger(logger_name="task")
    observer, counting = side_effects.Observer(), list[DagFileParsingResult]()
    for place, (file, note) in enumerate(zip(files, told, strict=True)):
        result, taken_in, hurts = _parse(first, file, observer, log)
        if hurts and place > 0:
            break
        if not result.import_errors:
            counting.append(result)
            note.tell(taken_in)
        at[0] = place + 1
        if hurts:
            break
    comms.send(joined(counting, first.file))


def _parse(
    first: DagFileParseRequest, file: DagFileInfo, observer: side_effects.Observer, log: Any
) -> tuple[DagFileParsingResult, dict[str, Stamp | None], bool]:
    """Parse one file; return its result, what it took in, and whether it may do something to the next ones."""
    import_common.TAKEN_IN.clear()
    import_common.NAMED_MODULES.clear()
    place, bundle = file.absolute_path, Path(first.bundle_path)
    request = first.model_copy(update={"file": os.fspath(place)})
    result, seen = observer.observed(lambda: _parse_file(request, log))
    assert result is not None, "there are no callbacks"
    hurts = bool(seen.reasons) or any(map(_is_of_project, seen.imported))
    taken_in = {**import_common.TAKEN_IN, **imported_files.of(place, bundle, import_common.NAMED_MODULES)}
    return result, taken_in, hurts


def _is_of_project(name: str) -> bool:
    """Tell whether a module is one that is not installed."""
    path = getattr(sys.modules.get(name), "__file__", None)
    return isinstance(path, str) and not name.startswith(_OWN) and side_effects.may_change(path)


def joined(results: Iterable[DagFileParsingResult], place: str) -> DagFileParsingResult:
    """Join the results of files."""
    found = list(results)
    return DagFileParsingResult(
        fileloc=place,
        serialized_dags=[dag for result in found for dag in result.serialized_dags],
        warnings=[warning for result in found for warning in result.warnings or ()],
        import_errors={},
    )
