"""Callbacks in parsing processes: run at least once, whichever process dies meanwhile. [A]

A callback runs with the release of its run. While that is not on this host, the callback waits.

The claims on requests are in :mod:`airfleet.dag_processor.callback_requests`. Instead of three transactions in every
turn, one small query every two seconds asks whether anything waits for the dag-processor.
"""

from __future__ import annotations

import time
from typing import Any

import attrs
from airflow import settings
from airflow.callbacks.callback_requests import CallbackRequest
from airflow.configuration import conf
from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.manager import DagFileInfo
from airflow.jobs.job import Job
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.utils.session import create_session
from sqlalchemy import exists, select
from uuid6 import uuid7

from airfleet.dag_processor import callback_requests, release_rows
from airfleet.dag_processor.callback_requests import Claimed
from airfleet.dag_processor.parsing_process import ParsingProcess
from airfleet.dag_processor.result_storing import ResultStoringManager
from airfleet.monitor import process_exit
from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.system import disk_full_logging

_REQUESTS = select(exists(select(DagPriorityParsingRequest.__table__.c.id)), exists().where(callback_requests.TO_DO))
#: between two queries for requests to the dag-processor, seconds
_REQUESTS_SECONDS = 2.0
#: until a callback is given up whose release does not come to this host, seconds
AWAIT_RELEASE_SECONDS = 600.0


def _requests() -> tuple[bool, bool]:
    """Tell whether a file shall be parsed soon, and whether a callback waits."""
    with settings.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        parse, call = connection.execute(_REQUESTS).one()
    return bool(parse), bool(call)


@attrs.define
class CallbackRunningManager(ResultStoringManager):
    """Airflow's manager of parsing processes, which claims the callbacks that they run."""

    #: whether the database held a request to parse a file, and a callback, in this turn
    _asked_to_parse: bool = attrs.field(default=True, init=False)
    _asked_to_call: bool = attrs.field(default=True, init=False)
    _requests_asked: float = attrs.field(default=float("-inf"), init=False)
    #: of callbacks that wait for a process or run in one: request -> its claim, and file -> the claims of its process
    _claims: dict[int, Claimed] = attrs.field(factory=dict, init=False)
    _calling: dict[DagFileInfo, list[Claimed]] = attrs.field(factory=dict, init=False)
    #: callbacks whose release is not on this host: since when each waits for it
    _awaiting: list[tuple[float, CallbackRequest]] = attrs.field(factory=list, init=False)
    #: of those that are asked for again: since when each waits
    _since: dict[int, float] = attrs.field(factory=dict, init=False)
    #: the row of its own job
    job: Job | None = attrs.field(default=None, init=False)

    def claim_priority_files(self) -> list[DagFileInfo]:
        """Return files to parse first: those that the UI asks for, changed ones, and those after a backoff."""
        self._asked_to_parse = self._asked_to_call = False
        if time.monotonic() - self._requests_asked >= _REQUESTS_SECONDS:
            self._requests_asked = time.monotonic()
            self._asked_to_parse, self._asked_to_call = _requests()
        asked = super().claim_priority_files() if self._asked_to_parse else ()
        return [*asked, *self._changed(), *self._due_again()]

    def fetch_callbacks(self) -> list[CallbackRequest]:
        """Claim callbacks of Dags and tasks, when there are any."""
        if not self._asked_to_call:
            return []
        by, job = callback_requests.own_name(), int(self.job.id or 0) if self.job is not None else 0
        bundles = [bundle.name for bundle in self._dag_bundles]
        with create_session() as session:
            callback_requests.release_dead(session, by, job)
            claimed = callback_requests.claim(session, bundles, self.max_callbacks_per_loop, by, job)
        if len(claimed) >= self.max_callbacks_per_loop:
            self._requests_asked = float("-inf")  # there may be more
        self._claims |= {id(one.request): one for one in claimed}
        waited, self._awaiting = self._awaiting, []
        self._since |= {id(request): since for since, request in waited}
        return [*(one.request for one in claimed), *(request for _, request in waited)]

    def prepare_callback_bundle(self, request: CallbackRequest) -> BaseDagBundle | None:
        """Return the bundle of a callback; a callback without one can never run, and is forgotten."""
        if request.bundle_version is not None:
            with create_session() as session:
                request.bundle_version = release_rows.of_run(session, request)
        if self._awaits_release(request):
            return None
        bundle = super().prepare_callback_bundle(request)
        claimed = self._claims.pop(id(request), None) if bundle is None else None
        if claimed is not None:
            with create_session() as session:
                callback_requests.done(session, [claimed.row])
        return bundle

    def _awaits_release(self, request: CallbackRequest) -> bool:
        """Tell whether a callback has to wait for its release; it is asked for again with the next requests."""
        version, since = request.bundle_version, self._since.pop(id(request), time.monotonic())
        bundle = next((one for one in self._dag_bundles if one.name == request.bundle_name), None)
        if version is None or not isinstance(bundle, PipelineBundle) or bundle.has(version):
            return False
        if time.monotonic() - since >= AWAIT_RELEASE_SECONDS:
            self.log.error("A callback of %s is given up: release %s did not come here", request.filepath, version)
            return False
        self._awaiting.append((since, request))
        return True

    def _create_process(self, dag_file: DagFileInfo) -> ParsingProcess:
        """Start a process for a file, with callbacks that may run together."""
        waiting = [self._claims.pop(id(request)) for request in self._callback_to_execute.pop(dag_file, ())]
        now, later = callback_requests.first_batch(waiting)
        self._give_back(dag_file)
        if now:
            self._callback_to_execute[dag_file] = [one.request for one in now]
            self._calling[dag_file] = list(now)
        process = self._start_process(dag_file)
        process_exit.notice(process)
        if later:
            self._callback_to_execute[dag_file] = [one.request for one in later]
            self._claims |= {id(one.request): one for one in later}
        return process

    def _start_process(self, dag_file: DagFileInfo) -> ParsingProcess:
        """Start a process as Airflow does, of our class: Airflow names its own in its body."""
        return ParsingProcess.start(**self._start_options(dag_file, dag_file))

    def _start_options(self, dag_file: DagFileInfo, log: DagFileInfo) -> dict[str, Any]:
        """Return what a process for a file starts with; its lines go to the log of ``log``."""
        logger, filehandle = self._get_logger_for_dag_file(log)
        return {
            "id": uuid7(),
            "path": dag_file.absolute_path,
            "bundle_path": dag_file.bundle_path,
            "bundle_name": dag_file.bundle_name,
            "dag_file_rel_path": str(dag_file.rel_path),
            "callbacks": self._callback_to_execute.pop(dag_file, []),
            "selector": self.selector,
            "logger": disk_full_logging.bearing(logger),
            "logger_filehandle": filehandle,
            "subprocess_logs_to_stdout": conf.get("logging", "dag_processor_log_target") == "stdout",
            "client": self.client,
        }

    def _service_processor_sockets(self, timeout: float | None = 1.0) -> None:
        """Read from all processes; one that writes something unreadable is read no more, and the others go on."""
        for key, _ in self.selector.select(timeout=timeout):
            source: Any = key.fileobj
            handle, on_close = key.data
            try:
                goes_on = handle(source)
            except Exception as error:
                if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                    self.log.exception("The output of a Dag file's process cannot be read; it is read no more")
                goes_on = False
            if not goes_on:
                on_close(source)
                source.close()

    def _give_back(self, dag_file: DagFileInfo) -> None:
        """Give back the callbacks of a file's process that was killed: the next one's end tells nothing of it."""
        if left := self._calling.pop(dag_file, None):
            with create_session() as session:
                callback_requests.crashed(session, callback_requests.rows(left))

    def _has_called(self, dag_file: DagFileInfo, process: Any) -> bool:
        """Tell whether a process has run all its callbacks; one may end it, with any exit code, before the others."""
        if process._exit_code != 0 or process.was_through:
            return bool(process._exit_code == 0)
        self.log.warning("A callback of %s has ended its process by exit code 0", dag_file.rel_path)
        return len(self._calling[dag_file]) == 1

    def _collect_results(self) -> None:
        """Collect results; forget callbacks that were run, and give back those whose process died."""
        ended_well = {
            file
            for file, process in self._processors.items()
            if file in self._calling and process.is_ready and self._has_called(file, process)
        }
        super()._collect_results()  # type: ignore[no-untyped-call]
        ended = [file for file in self._calling if file not in self._processors]
        for file in ended:
            settle = callback_requests.done if file in ended_well else callback_requests.crashed
            with create_session() as session:
                settle(session, callback_requests.rows(self._calling.pop(file)))
        if self._callback_to_execute:
            # Airflow forgets a file that is due while a process has it.
            waiting = [file for file in self._callback_to_execute if file not in self._processors]
            self._add_files_to_queue([file for file in waiting if file not in self._file_queue], mode="front")
