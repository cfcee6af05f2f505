"""The Celery task ``execute_workload``, by which a worker runs the attempt of a message. [A]

It is the Celery provider's own of that name, but for the reader of messages, which is built once (reference:
``execute_workload`` in airflow/providers/celery/executors/celery_executor_utils.py). In a process that shares its
memory, building it for each message costs pages of its own.

A message may come twice, or late: a refused start is no failure. The attempt runs, has run, is deferred or was given up
for another one, and the scheduler knows its state.

An error before the API knows that the attempt runs is no failure of the task: a log that cannot be written, no process,
a refused token. The worker reports :class:`airfleet.worker.result_backend.NotBegun`, and the message is requeued. A
slot that cannot begin attempts rests with backoff, or it would take every message from other slots. One that only lacks
the release of a message waits for it for a moment, and gives the message back: it can run the others.

The kernel ends a slot with its worker's leader, by Celery's request. A slot that monitors an attempt reports its end
first. An idle slot would wait for ever for a message.
"""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import httpx
from airflow.configuration import conf
from airflow.executors.base_executor import BaseExecutor, get_execution_api_server_url
from airflow.executors.workloads import ExecuteTask, ExecutorWorkload
from airflow.providers.celery.executors import celery_executor_utils
from airflow.sdk.api import client
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.exceptions import TaskAlreadyRunningError
from airflow.sdk.execution_time.supervisor import supervise_task
from airflow.sdk.log import init_log_file
from celery import Celery, current_task, states
from celery.exceptions import Ignore
from celery.signals import task_postrun
from pydantic import TypeAdapter, ValidationError
from setproctitle import setproctitle

from airfleet.backoff import Backoff
from airfleet.system import disk_full_logging
from airfleet.task_process import task_user
from airfleet.worker import coordinator, release_presence, slot_pool
from airfleet.worker.result_backend import NotBegun, ReleaseAway, begun_mark

log = logging.getLogger(__name__)

NAME = "execute_workload"
#: answers to a start that mean that this message is not wanted any more: a state from which nothing starts; no such id
_NOT_WANTED = (409, 404)
#: how long a slot rests that could not begin an attempt
REST_BACKOFF = Backoff(first=1.0, most=30.0)
#: how long a slot waits for the release of a message, seconds: then another host may have it
AWAY_SECONDS = 1.0
#: between two signs of who runs a callback, seconds
CALLBACK_BEAT_SECONDS = 3.0
_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2
_MESSAGE: TypeAdapter[Any] = TypeAdapter(ExecutorWorkload)


def register(app: Celery) -> None:
    """Have ``app`` run workloads with :func:`execute`, in place of the provider's task of the same name."""
    app.finalize()
    app.tasks.unregister(NAME)
    app.task(name=NAME)(execute)
    task_postrun.connect(_rest, weak=False)


def _rest(**_: Any) -> None:
    """Say that this slot runs nothing: only when the outcome is stored, so that it is not taken for a loss."""
    setproctitle(slot_pool.IDLE_TITLE)


def prepare() -> None:
    """Load the certificates that clients of the API trust: 5 MB that all monitors can share."""
    client.Client(base_url="http://localhost", token="").close()


class Start:
    """Whether the API has taken note that an attempt runs; sees the API's answers."""

    def __init__(self) -> None:
        self.told = False

    def __call__(self, response: httpx.Response) -> None:
        """Hear of an answer."""
        self.told |= response.is_success and response.request.url.path.endswith("/run")

    @contextmanager
    def noticed_by(self, api: httpx.Client) -> Iterator[httpx.Client]:
        """Have this client's answers heard. A refusal is raised by the hooks before ours."""
        hooks = api.event_hooks["response"]
        hooks.append(self)
        try:
            yield api
        finally:
            hooks.remove(self)


class Rests:
    """Backoff of this slot after attempts that it could not begin."""

    def __init__(self) -> None:
        self.setbacks = 0

    def seconds(self) -> float:
        """Return the rest after one more setback, in seconds."""
        self.setbacks += 1
        return REST_BACKOFF.delay(self.setbacks)


_rests = Rests()


def execute(input: str) -> None:  # the name of the parameter belongs to the message
    """Run one workload to its end. Raises what makes it a failure for Celery: NotBegun when it did not begin."""
    start = Start()
    try:
        _execute(input, start)
    except Ignore:
        raise
    except ReleaseAway:
        _rest()
        raise
    except Exception as error:
        if start.told:
            raise
        _rest()
        time.sleep(_rests.seconds())
        raise NotBegun(f"{type(error).__name__}: {error}") from error
    finally:
        if start.told:
            _rests.setbacks = 0


def _execute(input: str, start: Start) -> None:
    workload = _read(input)
    log.info("Executing %s", workload.display_name)
    to_stdout = celery_executor_utils._celery_task_logs_to_stdout_override()
    if to_stdout is None:
        to_stdout = conf.getboolean("logging", "task_logs_to_stdout", fallback=False)
    with _outliving_the_leader():
        _run(workload, to_stdout, start)


def _read(message: str) -> Any:
    try:
        return _MESSAGE.validate_json(message)
    except ValidationError as error:
        # Its own text quotes the message, which holds the token of the task.
        raise ValueError(f"the message cannot be read: {error.error_count()} of its fields are wrong") from None


def _run(workload: Any, to_stdout: bool, start: Start) -> None:
    release_presence.require(getattr(workload, "bundle_info", None), AWAY_SECONDS)
    try:
        if isinstance(workload, ExecuteTask):
            _supervise(workload, to_stdout, start)
        else:
            start.told = True  # nobody is asked whether a callback may begin
            with _saying_that_it_runs(), task_user.of_forks(task_user.named(os.environ)):
                BaseExecutor.run_workload(workload, subprocess_logs_to_stdout=to_stdout)
    except TaskAlreadyRunningError as running:
        log.info("%s runs elsewhere already; a message that came twice is ignored", workload.display_name)
        raise Ignore from running
    except ServerResponseError as error:
        if not is_refused_start(error):
            raise
        log.info("%s is not to be started any more; the message is ignored: %s", workload.display_name, error.detail)
        raise Ignore from error
    except OSError as error:
        # Closing the log of an attempt that has ended says once more that it was not written. If this was something
        # else, and the attempt did not begin, its message is missed and sent again.
        if not disk_full_logging.is_full(error):
            raise
        log.warning("The disk was full while %s ran: %s", workload.display_name, error)
        raise Ignore from error


@contextmanager
def _saying_that_it_runs() -> Iterator[None]:
    """Send signs of this worker while a callback runs, which has no row; a sign that cannot be sent is left out."""
    if not current_task:
        yield
        return
    # Both are of this thread only.
    backend, mark, ends = current_task.backend, begun_mark(current_task.request.id), threading.Event()
    _tell(backend, mark, 0)
    teller = threading.Thread(target=_keep_telling, args=(backend, mark, ends), name="signs of a callback", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ends.set()
        teller.join()


def _keep_telling(backend: Any, mark: str, ends: threading.Event) -> None:
    for beat in count(1):
        if ends.wait(CALLBACK_BEAT_SECONDS):
            return
        _tell(backend, mark, beat)


def _tell(backend: Any, mark: str, beat: int) -> None:
    with suppress(OSError):
        backend.store_result(mark, beat, states.STARTED)


def _supervise(workload: ExecuteTask, to_stdout: bool, start: Start) -> None:
    """Run ``BaseExecutor.run_workload`` with the client of this slot: building one takes a millisecond."""
    setproctitle(f"airflow supervisor: {workload.display_name}")
    server = get_execution_api_server_url()
    with start.noticed_by(coordinator.client_for(server, client.BearerAuth(workload.token))) as api:
        supervise_task(
            ti=workload.ti,  # type: ignore[arg-type]  # has the same fields; so does Airflow
            bundle_info=workload.bundle_info,
            dag_rel_path=workload.dag_rel_path,
            token=workload.token,
            server=server,
            client=api,  # type: ignore[arg-type]  # the one that went in
            log_path=_log_path(workload),
            subprocess_logs_to_stdout=to_stdout,
            sentry_integration=workload.sentry_integration,
        )


def _log_path(workload: ExecuteTask) -> str | None:
    """Return the path of the attempt's log; None on a full disk: its lines are then among the worker's.

    Airflow makes the file too, before the attempt; what fails there cannot be told from what fails later.
    """
    if not workload.log_path:
        return None
    try:
        init_log_file(workload.log_path)
    except OSError as error:
        if not disk_full_logging.is_full(error):
            raise
        log.warning("The disk has no room for the log of %s: %s", workload.display_name, error)
        return None
    return workload.log_path


@contextmanager
def _outliving_the_leader() -> Iterator[None]:
    """Finish the block if the parent dies, then exit."""
    leader, signalled = os.getppid(), _signal_of_parents_death()
    _die_with_parent(0)
    try:
        yield
    finally:
        _die_with_parent(signalled)
        if os.getppid() != leader:
            log.warning("The worker's leader is gone; this slot ends")
            logging.shutdown()
            os._exit(0)


def _signal_of_parents_death() -> int:
    number = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(_PR_GET_PDEATHSIG, ctypes.byref(number), 0, 0, 0)
    return number.value


def _die_with_parent(number: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def is_refused_start(error: ServerResponseError) -> bool:
    """Tell whether the API refused the start of an attempt, because of its state."""
    return error.response.status_code in _NOT_WANTED and error.request.url.path.endswith("/run")
