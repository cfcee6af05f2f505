"""Storing of parse results: exactly the Dags that a file gave, and an import error for all else. [A]

Airflow forgets a Dag that left its file only after another parse some time later. One error takes all Dags of a file
off the schedule, and the database's refusal of one Dag loses all of them. Here a pipeline file that
was parsed has exactly the Dags that it gave. Dags that are refused become the file's import error, and so does a
process that ended without a result; such a file is parsed again after a backoff.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
from airflow._shared.timezones import timezone
from airflow.dag_processing.manager import DagFileInfo
from airflow.dag_processing.processor import DagFileParsingResult
from airflow.models.dag import DagModel
from airflow.models.errors import ParseImportError
from airflow.utils.session import create_session
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from airfleet.backoff import UNTIL_MENDED
from airfleet.dag_processor import batch_process
from airfleet.dag_processor.parsing_process import took_too_long
from airfleet.dag_processor.release_following import ReleaseFollowingManager
from airfleet.metadata import database_errors
from airfleet.pipelines.airflow import dag_owners
from airfleet.pipelines.files.project_files import SUFFIXES
from airfleet.spool import current_work
from airfleet.spool.current_work import CurrentWork, Kind

#: Dags of one file whose refusal by the database is told
MOST_REFUSED = 10


@attrs.define
class ResultStoringManager(ReleaseFollowingManager):
    """Airflow's manager of parsing processes, of which no result harms another one."""

    #: the content of a file when all its Dags were stored
    _well: dict[DagFileInfo, object] = attrs.field(factory=dict, init=False)
    #: of files without a result, or with a refused one: when they are tried again, and how often they were
    _again: dict[DagFileInfo, tuple[float, int]] = attrs.field(factory=dict, init=False)
    #: files of which the database refused something, while one is stored
    _refused: set[tuple[str, str]] = attrs.field(factory=set, init=False)
    #: results that are stored together, by file; empty once that was tried
    _to_store: dict[DagFileInfo, DagFileParsingResult] = attrs.field(factory=dict, init=False)
    #: bundles and paths of those that were
    _stored: frozenset[tuple[str, str]] = attrs.field(factory=frozenset, init=False)
    #: tells the agent which file is stored
    _work: CurrentWork = attrs.field(factory=current_work.of_this_process, init=False)

    def persist_parsing_result(
        self,
        *,
        bundle_name: str,
        parsing_result: DagFileParsingResult,
        relative_fileloc: str | None,
        session: Session,
        **rest: Any,
    ) -> None:
        """Store the Dags of a file as Airflow does; those of a pipeline file are its only active ones from now on.

        A Dag that the database refuses becomes the file's import error, and the others are stored. The first of several
        results that are stored together takes the others with it.
        """
        together, self._to_store = self._to_store, {}
        if together:
            self._stored = self._store_all(together, session, rest)
        if (bundle_name, relative_fileloc) in self._stored:
            return
        store: Callable[..., None] = functools.partial(self._store, bundle_name=bundle_name, session=session, **rest)
        _make_storable(parsing_result)
        if relative_fileloc is not None:
            self._sign(parsing_result, bundle_name, relative_fileloc)
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

    @contextmanager
    def _together(self, results: Mapping[DagFileInfo, DagFileParsingResult]) -> Iterator[None]:
        """Store results of one bundle together when the first of them is to be stored."""
        self._to_store = dict(results)
        try:
            yield
        finally:
            self._to_store, self._stored = {}, frozenset()

    def _store_all(
        self, results: Mapping[DagFileInfo, DagFileParsingResult], session: Session, rest: Mapping[str, Any]
    ) -> frozenset[tuple[str, str]]:
        """Store results in one transaction; return their bundles and paths, none when the database refuses one.

        Left out are files with a Dag that is another file's.
        """
        by_path = {str(file.rel_path): result for file, result in results.items()}
        bundle = next(file.bundle_name for file in results)
        with database_errors.noticing(session.get_bind()) as first:
            try:
                paths = dag_owners.sole_owners(by_path, bundle, session)
                self._store_joined({path: by_path[path] for path in sorted(paths)}, bundle, session, rest)
                session.commit()
            except Exception as error:
                session.rollback()
                self.log.warning("%d files are stored one by one: %s", len(results), first.error or error)
                return frozenset()
        if first.error:
            return frozenset()
        for path in paths:
            self._tell_waiting(bundle, path, {dag.dag_id for dag in by_path[path].serialized_dags})
        return frozenset((bundle, path) for path in paths)

    def _store_joined(
        self, results: Mapping[str, DagFileParsingResult], bundle: str, session: Session, rest: Mapping[str, Any]
    ) -> None:
        for path, result in results.items():
            self._sign(result, bundle, path)
        super().persist_parsing_result(
            bundle_name=bundle,
            parsing_result=batch_process.joined(results.values(), ""),
            relative_fileloc=None,
            session=session,
            **rest,
        )
        given = [dag.dag_id for result in results.values() for dag in result.serialized_dags]
        session.execute(
            update(DagModel)
            .where(DagModel.bundle_name == bundle, DagModel.relative_fileloc.in_(results))
            .where(DagModel.dag_id.not_in(given))
            .values(is_stale=True, has_import_errors=True)
            .execution_options(synchronize_session=False)
        )
        session.execute(
            delete(ParseImportError)
            .where(ParseImportError.bundle_name == bundle, ParseImportError.filename.in_(results))
            .execution_options(synchronize_session=False)
        )

    def _leave_to_others(self, result: DagFileParsingResult, path: str, bundle: str, session: Session) -> None:
        """Take out Dags that another file defined first; parse files again that wait for one that is gone here."""
        given = {dag.dag_id for dag in result.serialized_dags}
        others = dag_owners.take_out_others(result, path, bundle, lambda owner: self._is_there(bundle, owner), session)
        self._tell_waiting(bundle, path, given)
        for dag_id, owner_path in others.items():
            self._left_to.setdefault((dag_id, (bundle, owner_path)), set()).add((bundle, path))

    def _tell_waiting(self, bundle: str, path: str, given: Collection[str]) -> None:
        """Have files parsed again that wait for a Dag which this file gives no more."""
        for (dag_id, owner), left in list(self._left_to.items()):
            left.discard((bundle, path))
            if owner == (bundle, path) and dag_id not in given:
                self._parse_again(self._left_to.pop((dag_id, owner)))

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
        """Store one Dag after the other, and then an import error for those that the database refuses."""
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
        """Store one Dag; return the error of one that is refused. Raises passing errors."""
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
        """Store the result of a process, or an import error for none; no file is in the way of others."""
        if self._is_of_another_release(file, proc):
            return
        self._refused.clear()
        self._note_taken_in(file, proc.taken_in.told())
        self._work.on(Kind.FILE, str(file.rel_path))
        try:
            if why := proc.misfortune():
                self._note_failure(file, why)
            super().handle_parsing_result(file, proc, **options)
        except Exception as error:
            self.log.exception("The result of %s could not be stored", file.rel_path)
            if not database_errors.passes(error):
                self._look_again_later(file)
            return
        self._work.on(Kind.NOTHING)
        if self._refused:
            self._look_again_later(file)
        elif proc.parsing_result is not None and not proc.parsing_result.import_errors:
            self._again.pop(file, None)
            self._well[file] = self._content(file)

    def _kill_timed_out_processors(self) -> None:
        """End processes that take too long; their files get an import error."""
        late = {
            file
            for file, process in self._processors.items()
            if time.monotonic() - process.start_time > self.processor_timeout and not process.had_callbacks
        }
        super()._kill_timed_out_processors()  # type: ignore[no-untyped-call]
        for file in late - self._processors.keys():
            self._note_failure(file, took_too_long(self.processor_timeout))

    def _note_failure(self, file: DagFileInfo, why: str) -> None:
        """Store why a file has no result. Dags of the same content stay: the machine was at fault, or chance."""
        path = str(file.rel_path)
        keeps = file in self._well and self._well[file] == self._content(file)
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

    def _again_later(self) -> Iterable[DagFileInfo]:
        return self._again

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
        self._stamps = {file: seen for file, seen in self._stamps.items() if file in present}
        self._taken_in = {file: seen for file, seen in self._taken_in.items() if file in present}
        self._well = {file: seen for file, seen in self._well.items() if file in present}
        self._again = {file: again for file, again in self._again.items() if file in present}


def note_import_error(session: Session, bundle_name: str, path: str, why: str) -> None:
    """Store the import error of a file."""
    error = session.scalar(
        select(ParseImportError).where(ParseImportError.bundle_name == bundle_name, ParseImportError.filename == path)
    )
    if error is None:
        error = ParseImportError(bundle_name=bundle_name, filename=path)
        session.add(error)
    error.timestamp, error.stacktrace = timezone.utcnow(), database_errors.storable(why)


def _make_storable(result: DagFileParsingResult) -> None:
    """Replace characters that PostgreSQL does not store: errors may quote them."""
    if result.import_errors:
        result.import_errors = {path: database_errors.storable(why) for path, why in result.import_errors.items()}
