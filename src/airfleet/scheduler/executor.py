"""The executor of a fleet: Celery's, with the database as the witness of what became of an attempt. [A]

An attempt of a task, from here::

    queued_tasks ──publish──> running ──its row says that it is over──> forgotten
        │  ^                     │
        └──┘ the broker is gone  └──its row says queued or running, the worker says it failed──> FAILED is reported

- *Publishing*: through one open connection (:mod:`airfleet.scheduler.publisher`). While the broker is gone, workloads
  stay queued here and are tried again, later each time; Airflow's own ``task_queued_timeout`` is their only end.
- *What became of it*: the attempt itself writes its state into the database, through the execution API. One small query
  finds those that are over; they are forgotten without an executor event, because all that Airflow does with such an
  event is to read the task instance and find that it has ended. Nor is there an event for *queued*: it would store the
  id that the scheduler has stored before it queued the task.
- *Who ended without a word*: an attempt that could not report its end is seen only in Celery's result backend. It keeps
  failures alone, and is asked about attempts that the database calls queued or running for some seconds. What it tells
  is reported as stock does, if it is of the attempt itself: a message may have come twice, and what became of the one
  that did not begin is not believed of the one that runs (:func:`airfleet.worker.result_backend.had_begun`).
- *Who could not begin*: a worker failed, or died, before the attempt had begun. That costs the task nothing: its
  message is sent again, later each time. Only when that was done :data:`MOST_UNBEGUN` times is it reported as stock
  does, so that what can begin nowhere does not go round for ever.
- *Whose worker died*: an attempt whose process was lost is not reported as failed. The agent of its host tells that no
  process of it is left, and the scheduler has it run again (:mod:`airfleet.scheduler.orphan_recovery`).
- *Whose message is lost*: a message that waits nowhere and whose attempt nobody began is sent again, with the same id
  and a fresh token (:mod:`airfleet.scheduler.message_reconciler`).
- *Callbacks* have no row that a worker writes; their result is kept, and asked for. So is the word of a worker that has
  begun with one: until then its message is watched as well. The worker repeats it every few seconds; one that is not
  heard of any more runs again, a few times, and so does one that is lost with its process. Those of a scheduler that is
  gone are taken over (:mod:`airfleet.scheduler.callback_claims`).

``heartbeat`` waits, when there is nothing to send, until PostgreSQL tells of a change
(:mod:`airfleet.metadata.notifications`): the scheduler's loop needs no other pause. At most a second, or, when nothing
was sent that is not over, until the scheduler says that something is due.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from airflow import settings
from airflow.executors.workloads import ExecuteCallback, ExecuteTask
from airflow.models.callback import CallbackKey
from airflow.models.taskinstance import TaskInstance
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from celery import states as celery_states
from celery.backends.base import BaseKeyValueStoreBackend
from celery.backends.database import DatabaseBackend
from sqlalchemy import func, select

from airfleet.backoff import Backoff
from airfleet.metadata.notifications import News, NotificationListener
from airfleet.scheduler.message_reconciler import Answer, Reconciler
from airfleet.scheduler.publisher import BrokerGone, Publisher
from airfleet.worker.result_backend import begun_mark, had_begun

if TYPE_CHECKING:
    from airflow.executors.workloads.types import WorkloadKey
    from airflow.providers.celery.executors.celery_executor_utils import WorkloadInCelery

#: the longest wait of a heartbeat with something to see to, seconds: timers run in the same loop
WAIT_SECONDS = 1.0
#: between two looks at the attempts' rows, seconds: without news, and when news make them
LOOK_SECONDS, LOOK_WITH_NEWS_SECONDS = 1.0, 5.0
#: between two questions to the result backend about one attempt, seconds
WITNESS_SECONDS = 2.0
#: how often the message of an attempt that could not begin is sent again: for four minutes, on any of many workers
MOST_UNBEGUN = 8
#: until it is
UNBEGUN_BACKOFF = Backoff(first=2.0, most=60.0)
#: how often a callback that lost its worker is run again: it may be what kills it
MOST_CALLBACK_LOSSES = 2
#: how often it is asked after a callback that runs, a second apart, before no sign of its worker means that it is gone
MOST_SILENT_LOOKS = 15
#: While workers have attempts to take, passes of the scheduler need not follow each other at once: seconds between
#: two for each attempt that waits for a worker, and at most.
PACE_SECONDS, LONGEST_PACE_SECONDS = 0.02, 0.2
#: between two attempts to reach the broker: tasks are to start within five seconds of its return
BROKER_BACKOFF = Backoff(first=0.5, most=1.0)
#: between two attempts to send one message that the broker refuses
REFUSED_BACKOFF = Backoff(first=0.5, most=30.0)

_ACTIVE = (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING)
_ROWS = "SELECT id, state, external_executor_id FROM task_instance WHERE id = ANY(%s)"


@dataclass
class Flight:
    """A workload that was sent and is not known to be over."""

    #: of the Celery message
    celery_id: str
    #: of the task instance; None for a callback
    ti_id: UUID | None
    #: when the result backend may be asked, by the monotonic clock
    ask_at: float
    #: cleared while it ran: its worker ends it, and how it ends does not matter
    restarting: bool = False
    #: what the database said last
    state: str | None = TaskInstanceState.QUEUED
    #: how often a worker could not begin it; or, of a callback, was lost with it
    unbegun: int = 0
    #: a callback, and its queue, to be sent again
    callback: tuple[ExecuteCallback, str] | None = None
    #: the last sign of the worker that runs the callback; None before the first
    beat: int | None = None
    #: how often it was asked since, and there was no other
    silent_looks: int = 0


@dataclass(frozen=True)
class Refused:
    """A message that the broker did not take, for what is wrong with it or its queue."""

    #: when it is tried again, by the monotonic clock
    again_at: float
    #: how often in a row it was not taken
    times: int


#: the id of a message, its queue, and what it says
Sending = tuple[str, str, ExecuteTask | ExecuteCallback]


class FleetExecutor(CeleryExecutor):
    """See the module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.flights: dict[WorkloadKey, Flight] = {}
        self.listener: NotificationListener | None = None
        #: how long the next heartbeat may wait, seconds; set by a scheduler that knows, else it is found out here
        self.patience_seconds: float | None = None
        #: slots became free since somebody set this to False
        self.freed = False
        self._publisher = Publisher(self.celery_app)
        self._reconciler = Reconciler(self._look_into_broker)
        #: how often in a row the broker could not be reached
        self._unreached = 0
        self._publish_at = 0.0
        self._refused: dict[WorkloadKey, Refused] = {}
        #: ids of callbacks that another scheduler had queued
        self._taken_over: set[str] = set()
        #: which connection of the publisher sent the last message
        self._sent_by = 0
        self._sent = 0
        #: attempts that no worker had begun when we looked last
        self._backlog = 0
        self._woken_at = 0.0
        self._looked_at = 0.0
        self._asked_at = 0.0
        self._witness_told = False

    def start(self) -> None:
        """Get ready to send and to listen; both connect when first used."""
        super().start()
        engine = settings.get_engine()
        if engine.dialect.name == "postgresql":
            url = engine.url.set(drivername="postgresql")
            self.listener = NotificationListener(url.render_as_string(hide_password=False))

    def heartbeat(self) -> None:
        """Send what is queued, wait for news, look what became of what runs."""
        stock_scheduler = self.patience_seconds is None
        if stock_scheduler:
            self.freed = False
        sent_before = self._sent
        super().heartbeat()
        seconds = self._patience(sent_anything=self._sent > sent_before)
        if self.listener is None:
            time.sleep(seconds)
            return
        self.listener.wait(seconds)
        self._keep_pace()
        if self.listener.has_news:
            self._look(time.monotonic())
            if stock_scheduler:
                self.listener.take()

    def _keep_pace(self) -> None:
        pause = min(PACE_SECONDS * self._backlog, LONGEST_PACE_SECONDS)
        time.sleep(max(0.0, self._woken_at + pause - time.monotonic()))
        self._woken_at = time.monotonic()

    def take_news(self) -> News | None:
        """What woke us since the last call; None when nobody would."""
        if self.listener is None or not self.listener.listening:
            return None
        return self.listener.take()

    def end(self, synchronous: bool = False) -> None:
        """Close both connections; only when asked to wait, wait first.

        Not look a last time, as stock does: nobody processes what would be seen. And where it ends because the host of
        the database is gone, each question that it asks is another ten seconds until it can be started again.
        """
        if synchronous:
            super().end(synchronous)
        self._publisher.close()
        if self.listener is not None:
            self.listener.close()

    def _patience(self, sent_anything: bool) -> float:
        if self.event_buffer or self.freed:
            return 0.0
        if self.patience_seconds is None:
            seconds = 0.0 if sent_anything else WAIT_SECONDS
        else:
            seconds = min(self.patience_seconds, WAIT_SECONDS) if self.flights else self.patience_seconds
        if self.queued_tasks or self.queued_callbacks:
            seconds = min(seconds, max(0.0, self._next_send() - time.monotonic()))
        return seconds

    def _next_send(self) -> float:
        """When something that is queued may be sent, by the monotonic clock."""
        if not self._refused:
            return self._publish_at
        queued: list[WorkloadKey] = [*self.queued_tasks, *self.queued_callbacks]
        first = min(self._refused[key].again_at if key in self._refused else 0.0 for key in queued)
        return max(self._publish_at, first)

    # --- sending --------------------------------------------------------------------------------

    def trigger_tasks(self, open_slots: int) -> None:
        """Send what fits into the free slots, unless the broker was gone a moment ago."""
        if time.monotonic() >= self._publish_at:
            super().trigger_tasks(open_slots)

    def _get_workloads_to_schedule(self, open_slots: int) -> list[tuple[WorkloadKey, Any]]:
        """As Airflow's, without those whose messages were refused a moment ago: others may stand behind them."""
        now = time.monotonic()
        resting = {key for key, refused in self._refused.items() if refused.again_at > now}
        found = super()._get_workloads_to_schedule(open_slots + len(resting))
        return [(key, workload) for key, workload in found if key not in resting][:open_slots]

    def _send_workloads(self, workload_tuples_to_send: Sequence[WorkloadInCelery]) -> None:
        for key, workload, queue, _team in workload_tuples_to_send:
            try:
                self._send(key, workload, queue)
            except BrokerGone as gone:
                self._broker_gone(gone)
                return
            except Exception as error:
                self._message_refused(key, error)
            else:
                self._unreached = 0

    def _message_refused(self, key: WorkloadKey, error: Exception) -> None:
        """Wrong with this one message or its queue, not with the broker: the others go on."""
        before = self._refused.get(key)
        times = before.times + 1 if before else 1
        pause = REFUSED_BACKOFF.delay(times)
        self._refused[key] = Refused(time.monotonic() + pause, times)
        told = "The message of %s cannot be sent; it stays queued, next attempt in %.1f s: %s"
        self.log.error(told, key, pause, error, exc_info=before is None)

    def _broker_gone(self, gone: BrokerGone) -> None:
        self._unreached += 1
        pause = BROKER_BACKOFF.delay(self._unreached)
        self._publish_at = time.monotonic() + pause
        self.log.warning(
            "The broker cannot be reached; %d workloads stay queued, next attempt in %.1f s: %s",
            len(self.queued_tasks) + len(self.queued_callbacks),
            pause,
            gone,
        )

    def _send(self, key: WorkloadKey, workload: Any, queue: str | None) -> None:
        is_task = isinstance(workload, ExecuteTask)
        celery_id = (workload.ti.external_executor_id if is_task else str(key)) or str(uuid4())
        queue = queue or self.celery_app.conf.task_default_queue
        was_sent = celery_id in self._taken_over or (not is_task and key in self.flights)
        if not was_sent:
            self._publish(celery_id, workload, queue, keep_result=not is_task)
        self._sent += 1
        self.queued_tasks.pop(key, None)  # type: ignore[arg-type]
        self.queued_callbacks.pop(key, None)  # type: ignore[arg-type]
        self._refused.pop(key, None)
        self._taken_over.discard(celery_id)
        self._take_up(key, celery_id, workload.ti.id if is_task else None)
        if isinstance(workload, ExecuteCallback):
            self.flights[key].callback = workload, queue
        note = self._reconciler.adopt if was_sent else self._reconciler.sent
        note(celery_id, queue, time.monotonic())
        if is_task and not workload.ti.external_executor_id:
            self.event_buffer[key] = (TaskInstanceState.QUEUED, celery_id)

    def _publish(self, celery_id: str, workload: Any, queue: str, keep_result: bool) -> None:
        self._publisher.send(workload.model_dump_json(), task_id=celery_id, queue=queue, keep_result=keep_result)
        if self._publisher.connections != self._sent_by:
            self._sent_by = self._publisher.connections
            self.doubt_messages()

    def _take_up(self, key: WorkloadKey, celery_id: str, ti_id: UUID | None) -> None:
        patience = WITNESS_SECONDS if ti_id else LOOK_SECONDS
        self.flights[key] = Flight(celery_id, ti_id, time.monotonic() + patience)
        self.workloads[key] = self.celery_app.AsyncResult(celery_id)
        self.running.add(key)

    # --- what became of it ------------------------------------------------------------------------

    def sync(self) -> None:
        """Forget attempts that are over; report those of which only the worker knows that they are."""
        now = time.monotonic()
        listening = self.listener is not None and self.listener.listening
        if now - self._looked_at >= (LOOK_WITH_NEWS_SECONDS if listening else LOOK_SECONDS):
            self._look(now)
        self._reconcile(now)
        self._ask(now)

    def _look(self, now: float) -> None:
        self._looked_at = now
        tasks = {key: flight for key, flight in self.flights.items() if flight.ti_id is not None}
        self._backlog = 0
        if not tasks:
            return
        rows = self._rows(flight.ti_id for flight in tasks.values() if flight.ti_id)
        for key, flight in tasks.items():
            row = (rows.get(flight.ti_id) if flight.ti_id else None) or self._renamed(key, flight)
            if row is None or row[0] not in _ACTIVE or row[1] != flight.celery_id:
                self._forget(key)
                continue
            flight.state = row[0]
            if row[0] == TaskInstanceState.QUEUED:
                self._backlog += 1
                continue
            self._reconciler.forget(flight.celery_id)
            if row[0] == TaskInstanceState.RESTARTING:
                # Nothing but the worker tells when it has ended.
                flight.restarting = True
                flight.ask_at = min(flight.ask_at, now)

    def _rows(self, ids: Iterable[UUID]) -> Mapping[UUID, tuple[str | None, str | None]]:
        """State and external id of these task instances."""
        wanted = list(ids)
        rows = self.listener.fetch(_ROWS, (wanted,)) if self.listener else None
        if rows is None:
            query = select(TaskInstance.id, TaskInstance.state, TaskInstance.external_executor_id).where(
                TaskInstance.id.in_(wanted)
            )
            with create_session() as session:
                rows = [tuple(row) for row in session.execute(query)]
        return {ti_id: (state, celery_id) for ti_id, state, celery_id in rows}

    def _renamed(self, key: Any, flight: Flight) -> tuple[str | None, str | None] | None:
        """The row of a task that was cleared while it ran: it has a new id then; None when it is gone."""
        query = select(TaskInstance.id, TaskInstance.state, TaskInstance.external_executor_id).where(
            TaskInstance.dag_id == key.dag_id,
            TaskInstance.task_id == key.task_id,
            TaskInstance.run_id == key.run_id,
            TaskInstance.map_index == key.map_index,
        )
        with create_session() as session:
            found = session.execute(query).one_or_none()
        if found is None:
            return None
        flight.ti_id = found.id
        return found.state, found.external_executor_id

    def _ask(self, now: float) -> None:
        """Ask the result backend about what should have ended, or started, by now."""
        if now - self._asked_at < LOOK_SECONDS:
            return
        due = {key: flight for key, flight in self.flights.items() if flight.ask_at <= now}
        if not due or not self._can_ask():
            return
        self._asked_at = now
        try:
            answers = self.bulk_state_fetcher.get_many([self.workloads[key] for key in due])
            self._hear_of_callbacks(due.values())
        except Exception as error:
            self.log.warning("Celery's result backend cannot be asked now: %s", error)
            answers = {}
            for flight in due.values():
                flight.silent_looks = 0  # who could not be heard was not silent
        if any(state == celery_states.FAILURE for state, _ in answers.values()):
            self._look(now)  # what is said of these depends on their state
        for key, flight in due.items():
            flight.ask_at = now + (WITNESS_SECONDS if flight.ti_id else LOOK_SECONDS)
            if self.flights.get(key) is flight:
                self._note_answer(key, flight, *answers.get(flight.celery_id, (None, None)), now)

    def _note_answer(self, key: WorkloadKey, flight: Flight, state: str | None, info: Any, now: float) -> None:
        if state is None or state not in celery_states.READY_STATES:
            self._note_silence(key, flight, now)
        elif state != celery_states.FAILURE or self._is_its_end(key, flight, now):
            # "Success" is how Airflow is told that a cleared task is over and may be tried again.
            self.update_task_state(key, celery_states.SUCCESS if flight.restarting else state, info)

    def _hear_of_callbacks(self, flights: Iterable[Flight]) -> None:
        """What the workers say that run them, of those that are callbacks. Raises what asking raises."""
        for flight in (one for one in flights if one.callback):
            told = self.celery_app.backend.get_task_meta(begun_mark(flight.celery_id))
            if told["status"] != celery_states.STARTED:
                continue
            self._reconciler.forget(flight.celery_id)
            beat = told["result"] or 0
            flight.silent_looks = 0 if beat != flight.beat else flight.silent_looks + 1
            flight.beat = beat

    def _note_silence(self, key: WorkloadKey, flight: Flight, now: float) -> None:
        """Of a callback whose end was not told: it runs again when its worker is not heard of any more."""
        if flight.silent_looks < MOST_SILENT_LOOKS:
            return
        if not self._begins_later(key, flight, "its worker is not heard of any more", now):
            self.update_task_state(key, celery_states.FAILURE, "It was lost with its worker too often")

    def _is_its_end(self, key: WorkloadKey, flight: Flight, now: float) -> bool:
        """Whether a failure that was told of this message is the end of its attempt."""
        try:
            failure = self._failure(flight.celery_id)
            if flight.ti_id is None and not worker_was_lost(failure):
                return True
            if flight.state != TaskInstanceState.QUEUED:
                return had_begun(failure)
            self.celery_app.backend.forget(flight.celery_id)
            return not self._begins_later(key, flight, failure, now)
        except Exception as error:
            self.log.warning("Celery's result backend cannot be asked now: %s", error)
            return False

    def _failure(self, celery_id: str) -> Any:
        # Not what a result remembers: two messages of one id may have failed in turn.
        return self.celery_app.AsyncResult(celery_id).result

    def _begins_later(self, key: WorkloadKey, flight: Flight, failure: Any, now: float) -> bool:
        """Have the message of an attempt that could not begin sent again; not for ever."""
        most = MOST_CALLBACK_LOSSES if flight.callback else MOST_UNBEGUN
        flight.unbegun += 1
        if flight.unbegun > most:
            return False
        if flight.callback:
            self.celery_app.backend.forget(begun_mark(flight.celery_id))
            flight.beat, flight.silent_looks = None, 0
            self._reconciler.sent(flight.celery_id, flight.callback[1], now)  # it was not watched any more
        if worker_was_lost(failure):
            self._reconciler.doubt_all(now)  # it may have taken more of them with it
        pause = UNBEGUN_BACKOFF.delay(flight.unbegun)
        self._reconciler.came_to_nothing(flight.celery_id, now + pause)
        told = "%s came to nothing where it was taken (%s); its message is sent again in %d s (%d of %d)"
        self.log.warning(told, key, failure, pause, flight.unbegun, most)
        return True

    def ended_by_themselves(self, celery_ids: Collection[str]) -> frozenset[str]:
        """Those of which the worker told the failure of an attempt that had begun, and was not lost itself."""
        results = [self.celery_app.AsyncResult(celery_id) for celery_id in celery_ids]
        if not results or not self._can_ask():
            return frozenset()
        try:
            answers = self.bulk_state_fetcher.get_many(results)
            failed = [result for result in results if answers.get(result.id, ("",))[0] == celery_states.FAILURE]
            return frozenset(result.id for result in failed if had_begun(result.result))
        except Exception as error:
            self.log.warning("Celery's result backend cannot be asked now: %s", error)
            return frozenset()

    # --- what has to be sent again ----------------------------------------------------------------

    def doubt_messages(self) -> None:
        """Messages may have been lost: have the broker asked at once."""
        self._reconciler.doubt_all(time.monotonic())

    def _reconcile(self, now: float) -> None:
        if now < self._publish_at:
            return
        try:
            self._reconciler.notice_another_broker(now)
            if not self._reconciler.is_due(now):
                return
            self._look(now)
            if self._can_ask():
                self._hear_of_callbacks(flight for flight in self.flights.values() if flight.beat is None)
            missing = self._reconciler.to_send(now)
            if missing:
                self._send_again(missing)
        except BrokerGone as gone:
            self._reconciler.doubt_all(now)
            self._broker_gone(gone)
        except Exception:
            self.log.exception("What waits in the broker cannot be told")

    def _look_into_broker(self, queues: Collection[str]) -> Answer:
        """What waits there. Of a number it counts, after a loss, how much of it other schedulers may have sent."""
        epoch, waiting = self._publisher.look(queues)
        untold = [queue for queue, content in waiting.items() if not content.is_told]
        if not untold or not any(message.doubted for message in self._reconciler.watched.values()):
            return epoch, waiting
        others = self._queued_by_others(untold)
        return epoch, {queue: replace(content, of_others=others.get(queue, 0)) for queue, content in waiting.items()}

    def _queued_by_others(self, queues: Collection[str]) -> dict[str, int]:
        query = (
            select(TaskInstance.queue, func.count())
            .where(
                TaskInstance.state == TaskInstanceState.QUEUED,
                TaskInstance.external_executor_id.is_not(None),
                TaskInstance.queued_by_job_id != self.job_id,
                TaskInstance.queue.in_(queues),
            )
            .group_by(TaskInstance.queue)
        )
        with create_session() as session:
            return {queue or "": number for queue, number in session.execute(query)}

    def _send_again(self, celery_ids: Collection[str]) -> None:
        """Messages with the ids that they had."""
        flights = [flight for flight in self.flights.values() if flight.celery_id in celery_ids]
        again: list[Sending] = [
            (flight.celery_id, flight.callback[1], flight.callback[0]) for flight in flights if flight.callback
        ]
        tasks = [flight.ti_id for flight in flights if flight.ti_id]
        if tasks:
            again += self._with_new_tokens(tasks, celery_ids)
        sent = sum([self._sent_again(*message) for message in again])
        self.log.warning("%d messages that were lost are sent again", sent)

    def _with_new_tokens(self, ids: Collection[UUID], celery_ids: Collection[str]) -> Sequence[Sending]:
        """Those of these tasks that are queued still: the ids of their messages, their queues, and what to send."""
        query = select(TaskInstance).where(
            TaskInstance.id.in_(ids),
            TaskInstance.state == TaskInstanceState.QUEUED,
            TaskInstance.external_executor_id.in_(celery_ids),
            TaskInstance.dag_version_id.is_not(None),
        )
        with create_session() as session:
            workloads = [
                ExecuteTask.make(ti, generator=self.jwt_generator, sentry_integration=self.sentry_integration)
                for ti in session.scalars(query)
            ]
        return [(workload.ti.external_executor_id or "", workload.ti.queue, workload) for workload in workloads]

    def _sent_again(self, celery_id: str, queue: str, workload: ExecuteTask | ExecuteCallback) -> bool:
        keep_result, taken = isinstance(workload, ExecuteCallback), True
        try:
            self._publisher.send(workload.model_dump_json(), task_id=celery_id, queue=queue, keep_result=keep_result)
        except BrokerGone:
            raise
        except Exception:
            # Of this message alone; it is tried again when it would have been if it had been sent.
            self.log.exception("The message of %s cannot be sent again", workload.key)
            taken = False
        self._reconciler.sent(celery_id, queue, time.monotonic())
        return taken

    def _can_ask(self) -> bool:
        if isinstance(self.celery_app.backend, (BaseKeyValueStoreBackend, DatabaseBackend)):
            return True
        if not self._witness_told:
            self._witness_told = True
            self.log.warning("This result backend cannot tell of workers that failed before a task started")
        return False

    def _forget(self, key: WorkloadKey) -> None:
        self._reconciler.forget(self.flights.pop(key).celery_id)
        self.workloads.pop(key, None)
        self.running.discard(key)
        self.freed = True

    def change_state(self, key: WorkloadKey, state: Any, info: Any = None, remove_running: bool = True) -> None:
        """As in stock; what has ended is no longer watched."""
        super().change_state(key, state, info, remove_running=remove_running)
        self._drop(key)

    def revoke_task(self, *, ti: TaskInstance) -> None:
        """As in stock; no longer watched either."""
        super().revoke_task(ti=ti)
        self._drop(ti.key)

    def _drop(self, key: WorkloadKey) -> None:
        self._refused.pop(key, None)
        flight = self.flights.pop(key, None)
        if flight is not None:
            self._reconciler.forget(flight.celery_id)
        self.freed = True

    def try_adopt_task_instances(self, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        """Watch attempts of a scheduler that is gone: all that were given an id when they were queued."""
        known = [ti for ti in tis if ti.external_executor_id is not None]
        for ti in known:
            self.watch(ti)
        if known:
            self._looked_at = 0.0
            adopted = "\n\t".join(f"{ti} in state {ti.state}" for ti in known)
            self.log.info("Adopted %d tasks of a scheduler that is gone\n\t%s", len(known), adopted)
        return [ti for ti in tis if ti.external_executor_id is None]

    def take_over(self, callbacks: Iterable[str]) -> None:
        """Of callbacks that will be queued here, and were elsewhere before, look what became of their messages."""
        self._taken_over.update(callbacks)

    def known_callbacks(self) -> frozenset[CallbackKey]:
        """Those that are queued, were sent, or whose end the scheduler is about to be told."""
        return frozenset(
            key for key in (*self.queued_callbacks, *self.flights, *self.event_buffer) if isinstance(key, CallbackKey)
        )

    def watch(self, ti: TaskInstance) -> None:
        """Look after an attempt that was queued by somebody else, or that was lost sight of."""
        assert ti.external_executor_id is not None
        self._take_up(ti.key, ti.external_executor_id, ti.id)
        if ti.state == TaskInstanceState.QUEUED:
            queue = ti.queue or self.celery_app.conf.task_default_queue
            self._reconciler.adopt(ti.external_executor_id, queue, time.monotonic())


def worker_was_lost(error: Any) -> bool:
    """Whether this result of a Celery task says that its worker process died."""
    return type(error).__name__ == "WorkerLostError"
