"""Small pipeline files are parsed by one process, and stored together, while many wait. [A]

The first push of a thousand pipelines is read in a quarter of the time. A few files, files in Python, large ones and
those with callbacks have a process each, as in Airflow. So does a file that was in the way of others: one whose process
died or stood still at it, and one with an import error.
"""

from __future__ import annotations

import dataclasses
import itertools
import signal
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from airflow.dag_processing.manager import DagFileInfo

from airfleet.dag_processor.batch_process import MOST_FILES, BatchProcess
from airfleet.dag_processor.callback_running import CallbackRunningManager
from airfleet.dag_processor.parsing_process import ParsingProcess
from airfleet.pipelines.files.project_files import SUFFIXES
from airfleet.releases.environments import layout

#: files that wait for a process: with fewer, each has its own
MANY_FILES: Final = 8
#: bytes of a file that is parsed with others
SMALL_BYTES: Final = 64_000
#: seconds for one file among others; it is then parsed alone, up to Airflow's own limit
FILE_SECONDS: Final = 10.0
#: the log of processes that parse several files, beside those of files
LOG_NAME: Final = "parsed-together"


@attrs.define
class BatchParsingManager(CallbackRunningManager):
    """Airflow's manager of parsing processes, which gives one process many small files."""

    #: files that are parsed alone, by their content at the time
    _alone: dict[DagFileInfo, object] = attrs.field(factory=dict, init=False)

    def _start_process(self, dag_file: DagFileInfo) -> ParsingProcess:
        """Start a process for a file, and for others that wait when there are many."""
        files = [dag_file, *self._companions(dag_file)]
        if len(files) == 1:
            return super()._start_process(dag_file)
        for file in files[1:]:
            self._file_queue.pop(file)
        log = dataclasses.replace(dag_file, rel_path=Path(LOG_NAME))
        return BatchProcess.start_with(files, **self._start_options(dag_file, log))

    def _companions(self, file: DagFileInfo) -> list[DagFileInfo]:
        """Choose the waiting files that are parsed by the process of ``file``."""
        waiting = len(self._file_queue)
        if waiting < MANY_FILES or not self._may_share(file):
            return []
        most, busy = min(MOST_FILES, -(-waiting // self._parallelism)) - 1, self._being_parsed()
        fitting = (
            one
            for one in self._file_queue
            if (one.bundle_name, one.bundle_path) == (file.bundle_name, file.bundle_path)
            and one != file
            and one not in busy
            and self._may_share(one)
        )
        return list(itertools.islice(fitting, most))

    def _may_share(self, file: DagFileInfo) -> bool:
        """Tell whether a file may be parsed with others."""
        stamp = self._stamps.get(file)
        return (
            file.rel_path.name.endswith(SUFFIXES)
            and file.bundle_version is None
            and file not in self._callback_to_execute
            and stamp is not None
            and stamp[1] <= SMALL_BYTES
            and self._alone.get(file) != self._content(file)
            and layout.environment_of(file.absolute_path) is None
        )

    def _being_parsed(self) -> Collection[DagFileInfo]:
        """Return the files that processes have, several of which may be one process's."""
        return {*self._processors, *(file for process in self._batches() for file in process.files)}

    def _batches(self) -> list[BatchProcess]:
        return [process for process in self._processors.values() if isinstance(process, BatchProcess)]

    def _add_files_to_queue(self, files: list[DagFileInfo], *, mode: Literal["front", "back", "frontprio"]) -> None:
        """Queue files; in a new round not those that are being parsed, of which Airflow knows the first alone."""
        if mode == "back" and (batches := self._batches()):
            running = {file for process in batches for file in process.files}
            files = [file for file in files if file not in running]
        super()._add_files_to_queue(files, mode=mode)

    def handle_parsing_result(self, file: DagFileInfo, proc: Any, **options: Any) -> None:
        """Store the results of a process; files of several that have none are parsed again."""
        if not isinstance(proc, BatchProcess):
            super().handle_parsing_result(file, proc, **options)
            return
        parsed = {file: one for file, one in proc.parsed(time.monotonic()).items() if self._is_known(file)}
        self._settle_the_others(proc, parsed)
        for one, result in parsed.items():
            self._note_taken_in(one, result.taken_in.told())
        live = {file: one.parsing_result for file, one in parsed.items() if not self._is_of_another_release(file, one)}
        with self._together(live):
            for one, result in parsed.items():
                super().handle_parsing_result(one, result, **options)

    def _settle_the_others(self, process: BatchProcess, parsed: Collection[DagFileInfo]) -> None:
        """Queue the files of a process without a result again: alone, when they may be at fault."""
        again = [file for file in process.files if file not in parsed and self._is_known(file)]
        if process.too_long:
            alone = again
        elif process.parsing_result is None:
            alone = [*process.files[process.place :][:1]]
            self.log.warning("The process of several files ended early; parsed alone from now on: %s", _paths(alone))
        else:
            alone = [file for file in again if process.files.index(file) < process.place]
        self._alone |= {file: self._content(file) for file in alone}
        super()._add_files_to_queue(again[::-1], mode="frontprio")

    def _is_known(self, file: DagFileInfo) -> bool:
        return file in self._known.get(file.bundle_name, {})

    def _kill_timed_out_processors(self) -> None:
        """End processes that take too long; one of several files does so when a single file takes long."""
        now = time.monotonic()
        for process in self._batches():
            if process.stands_still(min(FILE_SECONDS, self.processor_timeout / 2), now):
                process.kill(signal.SIGKILL)
        super()._kill_timed_out_processors()

    def terminate_orphan_processes(self, present: set[DagFileInfo]) -> None:
        """End processes of files that are gone; the others of one with several are queued again."""
        before = {id(process): process for process in self._batches()}
        super().terminate_orphan_processes(present=present)
        for process in before.keys() - {id(process) for process in self._batches()}:
            left = [file for file in before[process].files if file in present]
            super()._add_files_to_queue(left, mode="front")

    def remove_orphaned_file_stats(self, present: set[DagFileInfo]) -> None:
        """Forget files that are gone."""
        super().remove_orphaned_file_stats(present)
        self._alone = {file: seen for file, seen in self._alone.items() if file in present}


def _paths(files: list[DagFileInfo]) -> str:
    return ", ".join(str(file.rel_path) for file in files)
