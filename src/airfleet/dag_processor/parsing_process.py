"""The process that parses one Dag file, watched so that no file can hurt another one. [A]

The dag-processor reads a bounded part of the lines and results of a process, and does not wait for programs that the
file has left running. The reason of a bad end (:func:`misfortune`) becomes the file's import error.
"""

from __future__ import annotations

import mmap
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import attrs
from airflow.dag_processing.processor import DagFileProcessorProcess, _parse_file_entrypoint

from airfleet.dag_processor import environment_parsing, imported_files
from airfleet.dag_processor.taken_in import MOST_BYTES, TakenIn
from airfleet.monitor.limits import BoundedMonitor, most_bytes
from airfleet.monitor.pipes import megabytes, request_number
from airfleet.pipelines.airflow import import_common
from airfleet.releases import release_files
from airfleet.releases.release_modules import import_from

#: bytes of the lines of one process that are kept, and what each line costs besides
LOG_BYTES, LINE_COST = 10_000_000, 1000
#: lines that are shown of a process that ended badly, and bytes of each
LAST_WORDS, WORD_BYTES = 8, 500
#: seconds after the end of a process in which all that it wrote is read, whoever else still holds its pipes
CLOSE_SECONDS = 5.0
#: seconds for which the last lines of an ended process are read
DRAIN_SECONDS = 1.0
#: How ready the process is to be ended by the kernel when memory runs out; the dag-processor is not.
_OOM_SCORE = "500"


@attrs.define(kw_only=True)
class ParsingProcess(BoundedMonitor, DagFileProcessorProcess):
    """Airflow's, with limits."""

    message_setting = "max_dag_file_bytes"

    #: says whether what was to be done was done to its end, whatever the exit code says
    _mark: mmap.mmap = attrs.field(init=False, repr=False)
    #: what the file took in
    taken_in: TakenIn = attrs.field(init=False, repr=False)
    #: the length of what the file gave, when that was too much
    too_long: int = attrs.field(default=0, init=False)
    #: bytes of lines that were kept, and the last ones that it wrote to stderr
    _logged: int = attrs.field(default=0, init=False)
    _last_words: deque[str] = attrs.field(factory=lambda: deque(maxlen=LAST_WORDS), init=False)

    @classmethod
    def start(cls, **kwargs: Any) -> ParsingProcess:
        """Fork it, or a stand-in for one of another Python."""
        file, bundle = Path(kwargs["path"]), Path(kwargs["bundle_path"])
        with shared_memory(1) as marks, shared_memory(MOST_BYTES) as stamps:
            mark, taken_in = mmap.mmap(marks, 1), TakenIn(stamps)
            parse = environment_parsing.stand_in(file, bundle, (marks, stamps))
            own = lambda: parse_file(mark, taken_in, file, bundle)  # noqa: E731 - the target of a fork
            process = cls.forked(parse or own, **kwargs)
        process._mark, process.taken_in = mark, taken_in
        return process

    @classmethod
    def forked(cls, target: Callable[[], None], **kwargs: Any) -> Self:
        """Fork a process that runs ``target``."""
        process: Self = super().start(target=target, **kwargs)
        with suppress(OSError):  # where it is not allowed, or has ended
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(_OOM_SCORE)
        return process

    @property
    def was_through(self) -> bool:
        """Whether it has done all that was to be done; callbacks may end it before, with any exit code."""
        return self._mark[0] == 1

    @property
    def is_ready(self) -> bool:
        """Whether it has ended, and all was read; what it has left running may hold its pipes for ever."""
        if super().is_ready:
            return True
        ended = self._process_exit_monotonic
        if ended is None or time.monotonic() - ended < CLOSE_SECONDS:
            return False
        self.cleanup_sockets_after_kill()
        return True

    def cleanup_sockets_after_kill(self) -> None:
        """Read what is left, for a second at the most: what writes for ever may hold the other end."""
        until = time.monotonic() + DRAIN_SECONDS
        for source, kind in list(self._open_sockets.items()):
            with suppress(Exception):  # it is closed next, whatever it still held
                handle, on_close = self.selector.get_key(source).data
                source.setblocking(False)
                with suppress(OSError):
                    while kind != "requests" and time.monotonic() < until and handle(source):
                        pass
                on_close(source)
            source.close()
        self._open_sockets.clear()

    def misfortune(self) -> str:
        """Describe why it ended without a result; empty when it has one, or was to have none."""
        if self.parsing_result is not None or self.had_callbacks:
            return ""
        if self.too_long:
            return _TOO_LONG.format(
                size=megabytes(self.too_long),
                limit=megabytes(most_bytes(self.message_setting)),
                setting=self.message_setting,
            )
        return "\n".join((misfortune(int(self._exit_code or 0)), *self._last_words))

    def _message_too_long(self, head: bytes, length: int) -> None:
        self.too_long = length
        if (number := request_number(head)) is not None:  # it waits for an answer, and then ends
            with suppress(OSError):
                self.send_msg(None, request_id=number, error=None)

    def _create_log_forwarder(self, loggers: tuple[Any, ...], name: str, **options: Any) -> Any:
        """Forward lines as Airflow does, under the name of the dag-processor."""
        return super()._create_log_forwarder(loggers, name.replace("task.", "dag_processor.", 1), **options)

    def _lines(self, lines: Generator[None, Any, None], source: str) -> Generator[None, Any, None]:
        """Pass lines on until there were too many; remember what was written to stderr."""
        next(lines)
        while True:
            line = yield
            if source.endswith("stderr"):
                self._last_words.append(line[:WORD_BYTES].decode(errors="replace").rstrip())
            if self._logged > LOG_BYTES:
                continue
            self._logged += len(line) + LINE_COST
            lines.send(line)
            if self._logged > LOG_BYTES:
                self.process_log.warning(f"What this file prints is left out from here on ({megabytes(LOG_BYTES)})")


@contextmanager
def shared_memory(size: int) -> Iterator[int]:
    """Make memory that other programs can be given, and close its descriptor at the end."""
    descriptor = os.memfd_create("parsing")
    try:
        os.truncate(descriptor, size)
        yield descriptor
    finally:
        os.close(descriptor)


_TOO_LONG = (
    "The Dags of this file have {size} as Airflow stores them; the limit is {limit} ([airfleet] {setting}). "
    "Nothing of this file was stored."
)


def parse_file(mark: mmap.mmap, taken_in: TakenIn, file: Path, bundle: Path) -> None:
    """Do what Airflow's process does, mark that it was done to its end, and tell what the file took in.

    An error of it goes to the log of the file, not to that of the dag-processor.
    """
    own = os.getpid()
    if (tree := release_files.tree_of(file)) is not None:
        import_from(tree, Path.cwd())
    try:
        _parse_file_entrypoint()
    except Exception:
        traceback.print_exc(limit=-3)
        raise
    if os.getpid() != own:
        return  # what a callback has forked says nothing
    taken_in.tell({**import_common.TAKEN_IN, **imported_files.of(file, bundle, import_common.NAMED_MODULES)})
    mark[0] = 1


def misfortune(code: int) -> str:
    """Describe the end of a process without a result.

    >>> misfortune(3)
    'The process that read this file ended with exit code 3 before it had given its Dags. Does the file end it?'
    """
    if code == -signal.SIGKILL:
        how = "was killed (SIGKILL) before it had given its Dags. Does the file need more memory than there is?"
    elif code < 0:
        how = f"was killed by {_name(-code)} before it had given its Dags."
    else:
        how = f"ended with exit code {code} before it had given its Dags. Does the file end it?"
    return f"The process that read this file {how}"


def took_too_long(seconds: float) -> str:
    """Describe a file that was not parsed in time."""
    return (
        f"This file was not read after {seconds:.0f} s, and its process was ended "
        "([dag_processor] dag_file_processor_timeout). Is there work outside of its tasks?"
    )


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
