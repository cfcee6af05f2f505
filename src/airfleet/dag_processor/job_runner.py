"""A dag-processor that finds pipeline files as fast as it finds changes, and rests otherwise.

Airflow's own manager lists only ``.py`` and ``.zip``, whatever importers exist; it looks for new files
when a timer says so, and it knows an edit by a modification time that is later than its last parse, so
a file put in place with an older time (``rsync -t``, ``mv``, ``git checkout``) or saved while it is being
parsed waits for the next full round.

And it forgets a Dag that is no longer in its file only when the file is parsed once more after a while, and
takes all Dags of a file off the schedule when one thing in it is wrong.

This one takes a stamp (time, size, inode) of every file once in a turn of the loop (one second at rest):

- the *set* of files changed → the bundle is refreshed now, as if its timer had run out;
- a known file's stamp changed → it goes to the front of the queue, and again after the parse
  in progress if there is one;
- nothing changed → no listing and no look for files that are due until Airflow's own timers run out, and of the
  database one small question every two seconds, whether anything was asked of the dag-processor, in place of three
  transactions in every turn;
- a callback waits → it is run at least once, whoever dies meanwhile (:mod:`airfleet.dag_processor.callback_requests`);
- a pipeline file was parsed → what it gave is what there is: its other Dags are gone (a job that was taken away,
  one with a problem), and those that are good run whatever is wrong elsewhere in the file.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import httpx
from airflow import settings
from airflow._shared.timezones import timezone
from airflow.callbacks.callback_requests import CallbackRequest
from airflow.configuration import conf
from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.manager import BundleState, DagFileInfo, DagFileProcessorManager
from airflow.dag_processing.processor import DagFileParsingResult
from airflow.jobs.dag_processor_job_runner import DagProcessorJobRunner
from airflow.jobs.job import Job, run_job
from airflow.models.dag import DagModel
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.models.errors import ParseImportError
from airflow.sdk.api.client import Client
from airflow.utils.process_utils import set_component_mp_start_method
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session
from uuid6 import uuid7

from airfleet.backoff import UNTIL_MENDED
from airfleet.dag_processor import callback_requests
from airfleet.dag_processor.callback_requests import Claimed
from airfleet.dag_processor.parsing_process import ParsingProcess, took_too_long
from airfleet.errors import Problem
from airfleet.metadata import database_errors
from airfleet.monitor import process_exit
from airfleet.pipelines.airflow import dag_owners
from airfleet.pipelines.airflow.importer import find_files, search_rules
from airfleet.pipelines.files import listing
from airfleet.pipelines.files.project_files import SUFFIXES
from airfleet.spool import current_work
from airfleet.spool.current_work import CurrentWork, Kind
from airfleet.system import clock_skew, disk_full_logging

#: What tells one content of a file from another without reading it: mtime in ns, size, inode.
Stamp: TypeAlias = tuple[int, int, int]

log = logging.getLogger(__name__)

_REQUESTS = select(exists(select(DagPriorityParsingRequest.__table__.c.id)), exists().where(callback_requests.TO_DO))

_PURGE_SECONDS = 60.0
#: Dags of one file of which the database says what is wrong
MOST_REFUSED = 10
#: between two looks at the stamps, seconds: while files are parsed, turns of the loop take milliseconds
_LOOK_SECONDS = 0.5
#: between two looks for files that are due again by Airflow's interval, which is minutes; seconds
_DUE_SECONDS = 10.0
#: between two questions whether anything was asked of the dag-processor, seconds
_REQUESTS_SECONDS = 2.0
#: for how long what the database says of a bundle is believed; another dag-processor may have refreshed it
_BUNDLE_STATE_SECONDS = 5.0


def _requests() -> tuple[bool, bool]:
    """Whether a file shall be parsed soon, and whether a callback waits."""
    with settings.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        parse, call = connection.execute(_REQUESTS).one()
    return bool(parse), bool(call)


def run_dag_processor(started: Callable[[Job], None] = lambda _: None) -> None:
    """Run the dag-processor until it is told to stop: what ``airflow dag-processor`` does, with our manager.

    For this process only, a Dag may be stored again at once: with a pause between two stores, the second
    of two quick edits would wait for the next full round, because we parse a file when it changes
    and not all the time. Everywhere else the setting is how long a stored Dag is believed without a look.
    ``started`` is told of its job as soon as that is in the database.
    """
    os.environ["AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL"] = "0"
    set_component_mp_start_method("dag_processor")
    _run(started)


@providers_configuration_loaded
def _run(started: Callable[[Job], None]) -> None:
    manager = PipelineFileProcessorManager(max_runs=-1)
    runner = DagProcessorJobRunner(job=Job(), processor=manager)
    manager.job = runner.job
    send_heartbeat = manager.heartbeat

    def heartbeat() -> None:
        clock_skew.catch_up(runner.job, datetime.now(UTC))
        send_heartbeat()

    manager.heartbeat = heartbeat

    def execute() -> int | None:
        started(runner.job)
        return runner._execute()

    run_job(job=runner.job, execute_callable=execute)


@attrs.define
class PipelineFileProcessorManager(DagFileProcessorManager):
    """Airflow's manager of parsing processes, which also finds pipelines."""

    #: every source of a bundle at its last refresh
    _sources: dict[str, frozenset[str | tuple[str, Stamp | None]]] = attrs.field(factory=dict, init=False)
    #: files in Python of a bundle that held no words of Dags at its last refresh
    _unread: dict[str, tuple[str, ...]] = attrs.field(factory=dict, init=False)
    #: of Dags that another file defined first: its id and that file -> the files that define it, too
    _left_to: dict[tuple[str, tuple[str, str]], set[tuple[str, str]]] = attrs.field(factory=dict, init=False)
    #: what could not be read in a bundle at its last refresh
    _said: dict[str, tuple[Problem, ...]] = attrs.field(factory=dict, init=False)
    #: the files with Dags of a bundle at its last refresh, by path
    _known: dict[str, dict[str, DagFileInfo]] = attrs.field(factory=dict, init=False)
    #: what every known file looked like when it was last put in the queue, by path
    _stamps: dict[str, Stamp] = attrs.field(factory=dict, init=False)
    _looked: float = attrs.field(default=float("-inf"), init=False)
    _looked_for_due: float = attrs.field(default=float("-inf"), init=False)
    #: whether the database held a request to parse a file, and a callback, in this turn
    _asked_to_parse: bool = attrs.field(default=True, init=False)
    _asked_to_call: bool = attrs.field(default=True, init=False)
    _requests_asked: float = attrs.field(default=float("-inf"), init=False)
    #: of a bundle: when it was read, and what the database said
    _bundle_states: dict[str, tuple[float, BundleState | None]] = attrs.field(factory=dict, init=False)
    _warnings_purged: float = attrs.field(default=float("-inf"), init=False)
    #: of callbacks that wait for a process or run in one: request -> its claim, and file -> what its process runs
    _claims: dict[int, Claimed] = attrs.field(factory=dict, init=False)
    _calling: dict[DagFileInfo, list[Claimed]] = attrs.field(factory=dict, init=False)
    #: what a file looked like when all that it gave was stored
    _well: dict[DagFileInfo, Stamp | None] = attrs.field(factory=dict, init=False)
    #: of files that gave nothing, or what cannot be stored: when they are tried again, and how often they were
    _again: dict[DagFileInfo, tuple[float, int]] = attrs.field(factory=dict, init=False)
    #: files of which the database refused something, while one is stored
    _refused: set[tuple[str, str]] = attrs.field(factory=set, init=False)
    #: says to the agent which file it stores
    _work: CurrentWork = attrs.field(factory=current_work.of_this_process, init=False)
    #: the row of its own job
    job: Job | None = attrs.field(default=None, init=False)

    @functools.cached_property
    def client(self) -> Client:
        """Airflow's client of an execution API in this process, built when a Dag file first asks for something.

        Airflow builds that API for the first file it parses: 20 MB and a second for nothing, when no file
        reads a Variable or a Connection while it is parsed.
        """
        transport = OnFirstUse(lambda: self._api_server.transport)
        client = Client(base_url=None, token="", dry_run=True, transport=transport)
        client.base_url = "http://in-process.invalid./"
        return client

    def _find_files_in_bundle(self, bundle: BaseDagBundle) -> Any:
        """Every file that counts (:mod:`airfleet.pipelines.files.listing`).

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
        self._known[bundle.name] = {str(file.absolute_path): file for file in files}
        for path in self._known[bundle.name].keys() - self._stamps.keys():
            # Before it is parsed: an edit while it is parsed for the first time is an edit.
            if (now := stamp(path)) is not None:
                self._stamps[path] = now
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
        """Whether this bundle's timer still runs and its files are the same ones."""
        skip = super().should_skip_refresh(
            bundle=bundle,
            elapsed_time_since_refresh=elapsed_time_since_refresh,
            current_version_matches_db=current_version_matches_db,
            previously_seen=previously_seen,
        )
        return skip and self._sources.get(bundle.name) == self._look_at_sources(bundle)

    def _look_at_sources(self, bundle: BaseDagBundle) -> frozenset[str | tuple[str, Stamp | None]]:
        """What changes when a file comes, goes, or may hold Dags from now on."""
        unread = self._unread.get(bundle.name, ())
        return listing.names(Path(bundle.path), search_rules()) | {(path, stamp(path)) for path in unread}

    def _say(self, bundle: str, problems: tuple[Problem, ...]) -> None:
        """Log what cannot be read, once."""
        for problem in problems:
            if problem not in self._said.get(bundle, ()):
                log.warning("%s", str(problem).encode(errors="backslashreplace").decode())
        self._said[bundle] = problems

    def _get_observed_filelocs(self, present: set[DagFileInfo]) -> set[str]:
        """The places of Dags, also inside of archives; one that cannot be read ends no look at the others."""
        places: set[str] = set()
        for file in present:
            try:
                places |= super()._get_observed_filelocs({file})
            except Exception:
                log.exception("%s cannot be looked into", file.rel_path)
                places.add(str(file.rel_path))
        return places

    def get_bundle_state(self, bundle_name: str, **options: Any) -> BundleState | None:
        """When a bundle was refreshed, as the database said some seconds ago; our own refreshes are known at once."""
        read, state = self._bundle_states.get(bundle_name, (float("-inf"), None))
        if state is None or time.monotonic() - read >= _BUNDLE_STATE_SECONDS:
            state = super().get_bundle_state(bundle_name, **options)
            self._bundle_states[bundle_name] = time.monotonic(), state
        return state

    def update_bundle_state(self, bundle_name: str, **options: Any) -> None:
        """Store that a bundle was refreshed."""
        self._bundle_states.pop(bundle_name, None)
        super().update_bundle_state(bundle_name, **options)

    def claim_priority_files(self) -> list[DagFileInfo]:
        """Files to parse before all others: those that the UI asks for, and those that changed."""
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
        return [one.request for one in claimed]

    def prepare_callback_bundle(self, request: CallbackRequest) -> BaseDagBundle | None:
        """The bundle to run a callback against; one that has none can never run."""
        bundle = super().prepare_callback_bundle(request)
        claimed = self._claims.pop(id(request), None) if bundle is None else None
        if claimed is not None:
            with create_session() as session:
                callback_requests.done(session, [claimed.row])
        return bundle

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
        """As Airflow's, which names the class of its processes in its body."""
        logger, filehandle = self._get_logger_for_dag_file(dag_file)
        return ParsingProcess.start(
            id=uuid7(),
            path=dag_file.absolute_path,
            bundle_path=dag_file.bundle_path,
            bundle_name=dag_file.bundle_name,
            dag_file_rel_path=str(dag_file.rel_path),
            callbacks=self._callback_to_execute.pop(dag_file, []),
            selector=self.selector,
            logger=disk_full_logging.bearing(logger),
            logger_filehandle=filehandle,
            subprocess_logs_to_stdout=conf.get("logging", "dag_processor_log_target") == "stdout",
            client=self.client,
        )

    def _service_processor_sockets(self, timeout: float | None = 1.0) -> None:
        """Read what processes tell; one of which something cannot be read is read no more, and others go on."""
        for key, _ in self.selector.select(timeout=timeout):
            source: Any = key.fileobj
            handle, on_close = key.data
            try:
                goes_on = handle(source)
            except Exception as error:
                if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                    self.log.exception("What a Dag file's process wrote cannot be taken; it is read no more")
                goes_on = False
            if not goes_on:
                on_close(source)
                source.close()

    def _give_back(self, dag_file: DagFileInfo) -> None:
        """Give back what an earlier process of a file ran when it was killed: the next one's end says nothing of it."""
        if left := self._calling.pop(dag_file, None):
            with create_session() as session:
                callback_requests.crashed(session, callback_requests.rows(left))

    def _has_called(self, dag_file: DagFileInfo, process: Any) -> bool:
        """Whether a process has called all its callbacks; one may end it, with any exit code, before the others."""
        if process._exit_code != 0 or process.was_through:
            return bool(process._exit_code == 0)
        self.log.warning("A callback of %s has ended its process by exit code 0", dag_file.rel_path)
        return len(self._calling[dag_file]) == 1

    def _collect_results(self) -> None:
        """Take what processes gave; forget callbacks that were run, and give back those whose process died."""
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

    def _changed(self) -> list[DagFileInfo]:
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return []
        self._looked = time.monotonic()
        changed = []
        for path, file in ((path, file) for files in self._known.values() for path, file in files.items()):
            now = stamp(path)
            # A file that is being parsed keeps its old stamp, so that it is seen again afterwards.
            if now is None or now == self._stamps.get(path) or file in self._processors:
                continue
            changed.append(file)
            self._stamps[path] = now
        return changed

    def prepare_file_queue(self, known_files: dict[str, set[DagFileInfo]]) -> None:
        """Put the files in the queue that are due again. New and changed ones do not wait for this.

        Airflow asks for it in every turn in which the queue is empty, and it goes through all files.
        """
        has_ended_a_round = self._parsing_start_time is not None
        if has_ended_a_round or time.monotonic() - self._looked_for_due >= _DUE_SECONDS:
            self._looked_for_due = time.monotonic()
            super().prepare_file_queue(known_files=known_files)

    def persist_parsing_result(
        self,
        *,
        bundle_name: str,
        parsing_result: DagFileParsingResult,
        relative_fileloc: str | None,
        session: Session,
        **rest: Any,
    ) -> None:
        """Store what a file gave, as Airflow does; of a pipeline file, exactly that is active from now on.

        What the database refuses of it is the file's import error, and what it takes is stored.
        """
        store: Callable[..., None] = functools.partial(self._store, bundle_name=bundle_name, session=session, **rest)
        _make_storable(parsing_result)
        if relative_fileloc is not None:
            self._leave_to_others(parsing_result, relative_fileloc, bundle_name, session)
        with database_errors.noticing(session.get_bind()) as first:
            try:
                store(parsing_result, relative_fileloc)
                session.flush()
            except Exception as error:
                cause = first.error or error
                session.rollback()
                if relative_fileloc is None or database_errors.passes(cause):
                    raise
                self._refused.add((bundle_name, relative_fileloc))
                self._store_what_can_be(store, parsing_result, relative_fileloc, cause, session)

    def _leave_to_others(self, result: DagFileParsingResult, path: str, bundle: str, session: Session) -> None:
        """Take out Dags that another file defined first; parse files again that wait for one that is gone here."""
        given = {dag.dag_id for dag in result.serialized_dags}
        others = dag_owners.take_out_others(result, path, bundle, lambda owner: self._is_there(bundle, owner), session)
        for (dag_id, owner), left in list(self._left_to.items()):
            left.discard((bundle, path))
            if owner == (bundle, path) and dag_id not in given:
                self._parse_again(self._left_to.pop((dag_id, owner)))
        for dag_id, owner_path in others.items():
            self._left_to.setdefault((dag_id, (bundle, owner_path)), set()).add((bundle, path))

    def _is_there(self, bundle: str, path: str) -> bool:
        """Whether a file, or the archive that it is in, is among those that count."""
        known = {str(file.rel_path) for file in self._known.get(bundle, {}).values()}
        return path in known or any(str(folder) in known for folder in Path(path).parents)

    def _parse_again(self, files: set[tuple[str, str]]) -> None:
        """Have files parsed as if they had changed."""
        for bundle, path in files:
            for absolute, file in self._known.get(bundle, {}).items():
                if str(file.rel_path) == path:
                    self._stamps.pop(absolute, None)

    def _store(
        self,
        parsing_result: DagFileParsingResult,
        relative_fileloc: str | None,
        active: Iterable[str] | None = None,
        *,
        bundle_name: str,
        session: Session,
        **rest: Any,
    ) -> None:
        super().persist_parsing_result(
            bundle_name=bundle_name,
            parsing_result=parsing_result,
            relative_fileloc=relative_fileloc,
            session=session,
            **rest,
        )
        if relative_fileloc is not None and relative_fileloc.endswith(SUFFIXES):
            given = [dag.dag_id for dag in parsing_result.serialized_dags] if active is None else list(active)
            gone = DagModel.dag_id.not_in(given)
            session.execute(
                update(DagModel)
                .where(DagModel.bundle_name == bundle_name, DagModel.relative_fileloc == relative_fileloc)
                .values(is_stale=gone, has_import_errors=gone)
                .execution_options(synchronize_session="fetch")
            )

    def _store_what_can_be(
        self,
        store: Callable[..., None],
        result: DagFileParsingResult,
        path: str,
        cause: BaseException,
        session: Session,
    ) -> None:
        """Store one Dag after the other, and then what was wrong with those that the database refuses."""
        wrong = dict(result.import_errors or {})
        refused: list[str] = []
        stored: list[str] = []
        for dag in result.serialized_dags:
            if len(refused) >= MOST_REFUSED:
                refused.append(f"Dag '{dag.dag_id}' was not tried: too many others of this file were refused")
                continue
            one = DagFileParsingResult(fileloc=result.fileloc, serialized_dags=[dag], import_errors={})
            why = cause if len(result.serialized_dags) == 1 else self._refusal(store, one, path, session)
            if why is None:
                stored.append(dag.dag_id)
            else:
                refused.append(f"Dag '{dag.dag_id}' cannot be stored: {database_errors.in_words(why)}")
        if refused or not wrong:
            told = refused or [f"What this file gave cannot be stored: {database_errors.in_words(cause)}"]
            wrong[path] = "\n".join([*([wrong[path]] if path in wrong else []), *told])
        self.log.error("Not all of %s could be stored: %s", path, wrong[path])
        store(DagFileParsingResult(fileloc=result.fileloc, serialized_dags=[], import_errors=wrong), path, stored)

    def _refusal(
        self, store: Callable[..., None], one: DagFileParsingResult, path: str, session: Session
    ) -> BaseException | None:
        """Why one Dag cannot be stored; None when it was."""
        with database_errors.noticing(session.get_bind()) as first:
            try:
                store(one, path)
                session.commit()
            except Exception as error:
                session.rollback()
                if database_errors.passes(first.error or error):
                    raise
                return first.error or error
        return first.error

    def handle_parsing_result(self, file: DagFileInfo, proc: Any, **options: Any) -> None:
        """Store what a process gave; that it gave nothing is an import error, and no file is in the way of others."""
        self._refused.clear()
        self._work.on(Kind.FILE, str(file.rel_path))
        try:
            if why := proc.misfortune():
                self._note_failure(file, why)
            super().handle_parsing_result(file, proc, **options)
        except Exception as error:
            self.log.exception("What became of %s could not be stored", file.rel_path)
            if not database_errors.passes(error):
                self._look_again_later(file)
            return
        self._work.on(Kind.NOTHING)
        if self._refused:
            self._look_again_later(file)
        elif proc.parsing_result is not None and not proc.parsing_result.import_errors:
            self._again.pop(file, None)
            self._well[file] = self._stamps.get(str(file.absolute_path))

    def _kill_timed_out_processors(self) -> None:
        """End what takes too long; that is an import error of the file."""
        late = {
            file
            for file, process in self._processors.items()
            if time.monotonic() - process.start_time > self.processor_timeout and not process.had_callbacks
        }
        super()._kill_timed_out_processors()  # type: ignore[no-untyped-call]
        for file in late - self._processors.keys():
            self._note_failure(file, took_too_long(self.processor_timeout))

    def _note_failure(self, file: DagFileInfo, why: str) -> None:
        """Store why a file gave nothing. What the same content gave before stays: it was the machine, or luck."""
        path = str(file.rel_path)
        keeps = file in self._well and self._well[file] == self._stamps.get(str(file.absolute_path))
        self.log.error("%s: %s", path, why)
        self._look_again_later(file)
        with create_session() as session:
            note_import_error(session, file.bundle_name, path, why)
            if not keeps:
                session.execute(
                    update(DagModel)
                    .where(DagModel.bundle_name == file.bundle_name, DagModel.relative_fileloc == path)
                    .values(is_stale=True, has_import_errors=True)
                )

    def _look_again_later(self, file: DagFileInfo) -> None:
        """Have a file parsed again before its time: after one minute, then two, then five."""
        _, tries = self._again.get(file, (0.0, 0))
        self._again[file] = time.monotonic() + UNTIL_MENDED.delay(tries + 1), tries + 1

    def _due_again(self) -> list[DagFileInfo]:
        """Files that are to be tried again now; each is looked at once until it has failed once more."""
        now = time.monotonic()
        due = [file for file, (at, _) in self._again.items() if at <= now]
        for file in due:
            self._again[file] = float("inf"), self._again[file][1]
        return due

    def remove_orphaned_file_stats(self, present: set[DagFileInfo]) -> None:
        """Forget files that are gone."""
        super().remove_orphaned_file_stats(present)
        paths = {str(file.absolute_path) for file in present}
        self._stamps = {path: seen for path, seen in self._stamps.items() if path in paths}
        self._well = {file: seen for file, seen in self._well.items() if file in present}
        self._again = {file: again for file, again in self._again.items() if file in present}

    def purge_inactive_dag_warnings(self) -> None:
        """Once a minute; Airflow does it in every turn of the loop, which an idle fleet need not pay for."""
        if time.monotonic() - self._warnings_purged >= _PURGE_SECONDS:
            self._warnings_purged = time.monotonic()
            super().purge_inactive_dag_warnings()


def note_import_error(session: Session, bundle_name: str, path: str, why: str) -> None:
    """Store why a file gave nothing."""
    error = session.scalar(
        select(ParseImportError).where(ParseImportError.bundle_name == bundle_name, ParseImportError.filename == path)
    )
    if error is None:
        error = ParseImportError(bundle_name=bundle_name, filename=path)
        session.add(error)
    error.timestamp, error.stacktrace = timezone.utcnow(), database_errors.storable(why)


def _make_storable(result: DagFileParsingResult) -> None:
    """Take out of errors what PostgreSQL does not store: they may quote what is wrong."""
    if result.import_errors:
        result.import_errors = {path: database_errors.storable(why) for path, why in result.import_errors.items()}


class OnFirstUse(httpx.BaseTransport):
    """A transport that is made when the first request comes."""

    def __init__(self, make: Callable[[], httpx.BaseTransport]) -> None:
        self._make = functools.cache(make)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on."""
        return self._make().handle_request(request)


def _as_file(found: Path | DagFileInfo, bundle: BaseDagBundle) -> DagFileInfo:
    if isinstance(found, DagFileInfo):
        return found
    return DagFileInfo(rel_path=found, bundle_name=bundle.name, bundle_path=bundle.path)


def stamp(path: str) -> Stamp | None:
    """What a file looks like from outside; None when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
