"""The executor of a fleet: Celery's, with the database as the witness of how an attempt ended. [A]

An attempt of a task, from here::

    queued_tasks ──publish──> running ──its row says that it is over──> forgotten
        │  ^                     │
        └──┘ the broker is gone  └──its row says queued or running, the worker says it failed──> FAILED is reported

- *Publishing*: one open connection sends messages (:mod:`airfleet.scheduler.publisher`). While the broker is gone,
  workloads stay queued here, with backoff; Airflow's own ``task_queued_timeout`` is their only end.
- *End*: the attempt writes its state into the database, through the execution API. One small query finds attempts that
  are over. They make no executor event: Airflow would only read the task instance and find that it has ended. *Queued*
  makes none either: it would store an id that is stored.
- *End without a report*: an attempt that could not report its end shows only in Celery's result backend, which is asked
  about attempts that stay queued or running for some seconds (:mod:`airfleet.scheduler.result_witness`). A message may
  have come twice: the failure of the second is no failure of the attempt that runs.
- *No beginning*: a worker failed or died before the attempt had begun. Its message is requeued with backoff and costs
  the task no retry, :data:`airfleet.scheduler.flights.MOST_UNBEGUN` times; then the failure is reported.
- *No release*: a worker whose host lacks the release of an attempt gives the message back. It is requeued with backoff
  for as long as that lasts, and at once when a host reports the release.
- *Lost process*: the agent of a host reports attempts without a process, and the scheduler has them run again
  (:mod:`airfleet.scheduler.orphan_recovery`).
- *Lost message*: a message that waits nowhere, and whose attempt has not begun, is sent again with the same id and a
  fresh token (:mod:`airfleet.scheduler.message_reconciler`).
- *Callbacks* have no row that a worker writes. Their results are kept, and signs of their workers every few seconds.
  Without signs, or when its worker died, a callback runs again a few times. Those of a dead scheduler are taken over
  (:mod:`airfleet.scheduler.callback_claims`).

``heartbeat`` is the only pause of the scheduler's loop: with nothing to send, it waits for a change in PostgreSQL
(:mod:`airfleet.metadata.notifications`), at most a second; without flights, until the scheduler has something due.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from airflow import settings
from airflow.executors.workloads import ExecuteCallback, ExecuteTask
from airflow.models.callback import CallbackKey
from airflow.models.taskinstance import TaskInstance
from airflow.providers.celery.executors.celery_executor import CeleryExecutor
from airflow.utils.state import TaskInstanceState
from celery import states as celery_states

from airfleet.metadata.notifications import News, NotificationListener
from airfleet.releases import news
from airfleet.scheduler import attempt_rows
from airfleet.scheduler.flights import Flight, Verdict, judge
from airfleet.scheduler.message_reconciler import Answer, Reconciler
from airfleet.scheduler.publisher import BrokerGone, Publisher
from airfleet.scheduler.result_witness import NO_ANSWER, ResultWitness
from airfleet.scheduler.send_backoff import SendBackoff
from airfleet.worker.result_backend import release_that_was_away, worker_was_lost

if TYPE_CHECKING:
    from airflow.executors.workloads.types import WorkloadKey
    from airflow.providers.celery.executors.celery_executor_utils import WorkloadInCelery

#: the longest wait of a heartbeat with something to see to, seconds: timers run in the same loop
WAIT_SECONDS = 1.0
#: between two looks at the attempts' rows, seconds: without news, and when news make them
LOOK_SECONDS, LOOK_WITH_NEWS_SECONDS = 1.0, 5.0
#: between two questions to the result backend about one attempt, seconds
WITNESS_SECONDS = 2.0
#: While workers have attempts to take, passes of the scheduler need not follow each other at once: seconds between
#: two for each attempt that waits for a worker, and at most.
PACE_SECONDS, LONGEST_PACE_SECONDS = 0.02, 0.2
_ACTIVE = (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING)


#: the id of a message, its queue, and what it says
Sending = tuple[str, str, ExecuteTask | ExecuteCallback]


class FleetExecutor(CeleryExecutor):
    """Celery's executor, which watches what it has sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.flights: dict[WorkloadKey, Flight] = {}
        self.listener: NotificationListener | None = None
        #: how long the next heartbeat may wait, seconds; None with a scheduler that does not know
        self.patience_seconds: float | None = None
        #: slots became free since somebody set this to False
        self.freed = False
        self._publisher = Publisher(self.celery_app)
        self._reconciler = Reconciler(self._look_into_broker)
        self._backoff = SendBackoff()
        #: callbacks that another scheduler had queued
        self._taken_over: set[str] = set()
        #: which connection of the publisher sent the last message
        self._sent_by = 0
        self._sent = 0
        #: attempts that no worker had begun when we looked last
        self._backlog = 0
        self._woken_at = 0.0
        self._looked_at = 0.0
        self._asked_at = 0.0
        self._witness = ResultWitness(self.celery_app, self.bulk_state_fetcher.get_many)

    def start(self) -> None:
        """Get ready to send and to listen; both connect when first used."""
        super().start()
        engine = settings.get_engine()
        if engine.dialect.name == "postgresql":
            url = engine.url.set(drivername="postgresql")
            self.listener = NotificationListener(url.render_as_string(hide_password=False))

    def heartbeat(self) -> None:
        """Send queued workloads, wait for news, and look which flights are over."""
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
        self._hear_of_releases(self.listener.take_releases(), time.monotonic())
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
        """Return the news since the last call; None without a connection that would bring any."""
        if self.listener is None or not self.listener.listening:
            return None
        return self.listener.take()

    def end(self, synchronous: bool = False) -> None:
        """Close both connections; wait first only when asked to.

        Stock looks a last time, for nobody. With the database's host gone, each query delays the next start by 10 s.
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
            next_at = self._backoff.next_at([*self.queued_tasks, *self.queued_callbacks])
            seconds = min(seconds, max(0.0, next_at - time.monotonic()))
        return seconds

    # --- sending --------------------------------------------------------------------------------

    def trigger_tasks(self, open_slots: int) -> None:
        """Send what fits into the free slots, unless the broker was gone a moment ago."""
        if time.monotonic() >= self._backoff.broker_at:
            super().trigger_tasks(open_slots)

    def _get_workloads_to_schedule(self, open_slots: int) -> list[tuple[WorkloadKey, Any]]:
        """Choose as Airflow does, without messages that were refused a moment ago: others may stand behind them."""
        resting = self._backoff.resting(time.monotonic())
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
                self._backoff.broker_reached()

    def _message_refused(self, key: WorkloadKey, error: Exception) -> None:
        """Back off from this one message; the broker is well, and the others go on."""
        is_first = key not in self._backoff.refused
        pause = self._backoff.message_refused(key, time.monotonic()).pause
        told = "The message of %s cannot be sent; it stays queued, next try in %.1f s: %s"
        self.log.error(told, key, pause, error, exc_info=is_first)

    def _broker_gone(self, gone: BrokerGone) -> None:
        pause = self._backoff.broker_gone(time.monotonic())
        waiting = len(self.queued_tasks) + len(self.queued_callbacks)
        told = "The broker cannot be reached; %d workloads stay queued, next try in %.1f s: %s"
        self.log.warning(told, waiting, pause, gone)

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
        self._backoff.forget(key)
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

    # --- flights ----------------------------------------------------------------------------------

    def sync(self) -> None:
        """Forget attempts that are over; report the ends that only a worker knows."""
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
        rows = attempt_rows.rows([flight.ti_id for flight in tasks.values() if flight.ti_id], self.listener)
        for key, flight in tasks.items():
            row = (rows.get(flight.ti_id) if flight.ti_id else None) or attempt_rows.renamed(key)  # type: ignore[arg-type]
            if row is None or row.state not in _ACTIVE or row.celery_id != flight.celery_id:
                self._forget(key)
            else:
                self._note_row(flight, row, now)

    def _note_row(self, flight: Flight, row: attempt_rows.Row, now: float) -> None:
        flight.ti_id, flight.state = row.ti_id, row.state
        if row.state == TaskInstanceState.QUEUED:
            self._backlog += 1
            return
        self._reconciler.forget(flight.celery_id)
        if row.state == TaskInstanceState.RESTARTING:
            # Nothing but the worker tells when it has ended.
            flight.restarting = True
            flight.ask_at = min(flight.ask_at, now)

    def _ask(self, now: float) -> None:
        """Ask the result backend about flights that should have ended, or begun, by now."""
        if now - self._asked_at < LOOK_SECONDS:
            return
        due = {key: flight for key, flight in self.flights.items() if flight.ask_at <= now}
        if not due or not self._witness.can_tell():
            return
        self._asked_at = now
        try:
            answers = self._witness.answers([self.workloads[key] for key in due])
            self._hear_of_callbacks(due.values())
        except Exception as error:
            self.log.warning(NO_ANSWER, error)
            answers = {}
            for flight in due.values():
                flight.silent_looks = 0  # an unheard worker is not a silent one
        if any(state == celery_states.FAILURE for state, _ in answers.values()):
            self._look(now)  # the verdict on these depends on their state
        for key, flight in due.items():
            flight.ask_at = now + (WITNESS_SECONDS if flight.ti_id else LOOK_SECONDS)
            if self.flights.get(key) is flight:
                self._settle(key, flight, answers.get(flight.celery_id, (None, None)), now)

    def _hear_of_callbacks(self, flights: Iterable[Flight]) -> None:
        """Take note of the signs of workers that run callbacks. Raises what the result backend raises."""
        for flight in (one for one in flights if one.callback):
            sign = self._witness.sign(flight.celery_id)
            if sign is not None:
                self._reconciler.forget(flight.celery_id)
                flight.hear(sign)

    def _settle(self, key: WorkloadKey, flight: Flight, answer: tuple[str | None, Any], now: float) -> None:
        """Act on the verdict on a flight: report its end to Airflow, or requeue its message."""
        state, info = answer
        try:
            failure = self._witness.failure(flight.celery_id) if state == celery_states.FAILURE else None
            judgement = judge(flight, state, info, failure)
            if judgement.verdict is Verdict.BEGINS_AGAIN:
                self._witness.forget(flight, state)
        except Exception as error:
            self.log.warning(NO_ANSWER, error)
            return
        if judgement.verdict is Verdict.BEGINS_AGAIN:
            self._requeue(key, flight, judgement.info, now)
        elif judgement.verdict is Verdict.ENDED:
            self.update_task_state(key, judgement.state, judgement.info)

    def _hear_of_releases(self, payloads: Iterable[str], now: float) -> None:
        """Requeue at once the messages that were given back for want of a release of which a host has told."""
        told = {heard.digest for heard in map(news.heard, payloads) if heard and heard.news is news.News.HOST}
        for flight in self.flights.values():
            if flight.awaits in told:
                flight.unbegun = 0  # another host may take it that still lacks the release
                self._reconciler.hasten(flight.celery_id, now)

    def _requeue(self, key: WorkloadKey, flight: Flight, why: Any, now: float) -> None:
        """Have the message of a flight that could not begin sent again, after its backoff."""
        flight.unbegun += 1
        flight.awaits = release_that_was_away(why)
        if flight.callback:
            flight.beat, flight.silent_looks = None, 0
            self._reconciler.sent(flight.celery_id, flight.callback[1], now)  # its message was not watched any more
        if worker_was_lost(why):
            self._reconciler.doubt_all(now)  # it may have taken more messages with it
        pause = flight.backoff_seconds()
        self._reconciler.came_to_nothing(flight.celery_id, now + pause)
        told = "%s could not begin (%s); its message is requeued in %d s (%d of %d)"
        self.log.warning(told, key, why, pause, flight.unbegun, flight.most_unbegun)

    def ended_by_themselves(self, celery_ids: Collection[str]) -> frozenset[str]:
        """Return the attempts that had begun, and whose failure their worker reported."""
        return self._witness.ended_by_themselves(celery_ids)

    # --- lost messages ----------------------------------------------------------------------------

    def doubt_messages(self) -> None:
        """Have the broker asked at once: messages may have been lost."""
        self._reconciler.doubt_all(time.monotonic())

    def _reconcile(self, now: float) -> None:
        if now < self._backoff.broker_at:
            return
        try:
            self._reconciler.notice_another_broker(now)
            if not self._reconciler.is_due(now):
                return
            self._look(now)
            if self._witness.can_tell():
                self._hear_of_callbacks(flight for flight in self.flights.values() if flight.beat is None)
            missing = self._reconciler.to_send(now)
            if missing:
                self._send_again(missing)
        except BrokerGone as gone:
            self._reconciler.doubt_all(now)
            self._broker_gone(gone)
        except Exception:
            self.log.exception("The messages in the broker cannot be read")

    def _look_into_broker(self, queues: Collection[str]) -> Answer:
        """Return what waits in the queues; after a loss, of a mere number also the share of other schedulers."""
        epoch, waiting = self._publisher.look(queues)
        untold = [queue for queue, content in waiting.items() if not content.is_told]
        if not untold or not any(message.doubted for message in self._reconciler.watched.values()):
            return epoch, waiting
        others = attempt_rows.queued_by_others(self.job_id, untold)
        return epoch, {queue: replace(content, of_others=others.get(queue, 0)) for queue, content in waiting.items()}

    def _send_again(self, celery_ids: Collection[str]) -> None:
        """Send messages again, under the ids that they had."""
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
        """Return what to send for those of these tasks that are queued still."""
        workloads = attempt_rows.queued_workloads(
            ids,
            celery_ids,
            lambda ti: ExecuteTask.make(ti, generator=self.jwt_generator, sentry_integration=self.sentry_integration),
        )
        return [(workload.ti.external_executor_id or "", workload.ti.queue, workload) for workload in workloads]

    def _sent_again(self, celery_id: str, queue: str, workload: ExecuteTask | ExecuteCallback) -> bool:
        keep_result, taken = isinstance(workload, ExecuteCallback), True
        try:
            self._publisher.send(workload.model_dump_json(), task_id=celery_id, queue=queue, keep_result=keep_result)
        except BrokerGone:
            raise
        except Exception:
            # An error of this message alone: it is tried again as if it had been sent.
            self.log.exception("The message of %s cannot be sent again", workload.key)
            taken = False
        self._reconciler.sent(celery_id, queue, time.monotonic())
        return taken

    def _forget(self, key: WorkloadKey) -> None:
        self._reconciler.forget(self.flights.pop(key).celery_id)
        self.workloads.pop(key, None)
        self.running.discard(key)
        self.freed = True

    def change_state(self, key: WorkloadKey, state: Any, info: Any = None, remove_running: bool = True) -> None:
        """Change the state as stock does, and stop watching the message."""
        super().change_state(key, state, info, remove_running=remove_running)
        self._drop(key)

    def revoke_task(self, *, ti: TaskInstance) -> None:
        """Revoke as stock does, and stop watching the message."""
        super().revoke_task(ti=ti)
        self._drop(ti.key)

    def _drop(self, key: WorkloadKey) -> None:
        self._backoff.forget(key)
        flight = self.flights.pop(key, None)
        if flight is not None:
            self._reconciler.forget(flight.celery_id)
        self.freed = True

    def try_adopt_task_instances(self, tis: Sequence[TaskInstance]) -> Sequence[TaskInstance]:
        """Adopt attempts of a dead scheduler: all that got an id when they were queued."""
        known = [ti for ti in tis if ti.external_executor_id is not None]
        for ti in known:
            self.watch(ti)
        if known:
            self._looked_at = 0.0
            adopted = "\n\t".join(f"{ti} in state {ti.state}" for ti in known)
            self.log.info("Adopted %d tasks of a dead scheduler\n\t%s", len(known), adopted)
        return [ti for ti in tis if ti.external_executor_id is None]

    def take_over(self, callbacks: Iterable[str]) -> None:
        """Expect callbacks that another scheduler had queued; their messages are sent again only if they are lost."""
        self._taken_over.update(callbacks)

    def known_callbacks(self) -> frozenset[CallbackKey]:
        """Return the callbacks that are queued, in flight, or whose end the scheduler hears next."""
        return frozenset(
            key for key in (*self.queued_callbacks, *self.flights, *self.event_buffer) if isinstance(key, CallbackKey)
        )

    def watch(self, ti: TaskInstance) -> None:
        """Watch an attempt that another scheduler queued, or that was lost sight of."""
        assert ti.external_executor_id is not None
        self._take_up(ti.key, ti.external_executor_id, ti.id)
        if ti.state == TaskInstanceState.QUEUED:
            queue = ti.queue or self.celery_app.conf.task_default_queue
            self._reconciler.adopt(ti.external_executor_id, queue, time.monotonic())
