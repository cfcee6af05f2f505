"""Celery's result backend as a witness: how attempts ended that could not tell it themselves, and which callbacks live.

It keeps failures alone, and the results and signs of callbacks, which have no row that a worker writes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from celery import states as celery_states
from celery.backends.base import BaseKeyValueStoreBackend
from celery.backends.database import DatabaseBackend

from airfleet.worker.result_backend import begun_mark, had_begun

if TYPE_CHECKING:
    from celery import Celery
    from celery.result import AsyncResult

    from airfleet.scheduler.flights import Flight

log = logging.getLogger(__name__)

NO_ANSWER = "Celery's result backend does not answer: %s"

#: id of a message -> its state and information, as Airflow's executor reads them
Answers = Mapping[str, tuple[str | None, Any]]


class ResultWitness:
    """Asks the result backend of ``app``; ``fetch`` reads many results at once."""

    def __init__(self, app: Celery, fetch: Callable[[Collection[AsyncResult]], Any]) -> None:
        self._app = app
        self._fetch = fetch
        self._warned = False

    def can_tell(self) -> bool:
        """Tell whether this backend keeps failures; warn once when it does not."""
        if isinstance(self._app.backend, (BaseKeyValueStoreBackend, DatabaseBackend)):
            return True
        if not self._warned:
            self._warned = True
            log.warning("This result backend cannot tell of workers that failed before a task started")
        return False

    def answers(self, results: Collection[AsyncResult]) -> Answers:
        """Return what is known of results. Raises what the backend raises."""
        answers: Answers = self._fetch(results)
        return answers

    def sign(self, celery_id: str) -> int | None:
        """Return the last sign of the worker that runs a callback, or None. Raises what the backend raises."""
        meta = self._app.backend.get_task_meta(begun_mark(celery_id))
        return int(meta["result"] or 0) if meta["status"] == celery_states.STARTED else None

    def failure(self, celery_id: str) -> Any:
        """Return the error of a failed message, read anew. Raises what the backend raises.

        A result remembers its first answer, and two messages of one id may have failed in turn.
        """
        return self._app.AsyncResult(celery_id).result

    def forget(self, flight: Flight, state: str | None) -> None:
        """Forget the failure, and the signs, of a flight that begins again. Raises what the backend raises.

        ``state`` is the answer on which it begins again. Of a silent worker there was no result; one that came since is
        the end of its callback, and stays.
        """
        if state == celery_states.FAILURE:
            self._app.backend.forget(flight.celery_id)
        if flight.callback:
            self._app.backend.forget(begun_mark(flight.celery_id))

    def ended_by_themselves(self, celery_ids: Collection[str]) -> frozenset[str]:
        """Return the attempts that had begun, and whose failure their worker reported; none without an answer."""
        results = [self._app.AsyncResult(celery_id) for celery_id in celery_ids]
        if not results or not self.can_tell():
            return frozenset()
        try:
            answers = self.answers(results)
            failed = [result for result in results if answers.get(result.id, ("",))[0] == celery_states.FAILURE]
            return frozenset(result.id for result in failed if had_begun(result.result))
        except Exception as error:
            log.warning(NO_ANSWER, error)
            return frozenset()
