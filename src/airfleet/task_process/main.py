"""The main function of an attempt, in the process that was forked for it. [A]

Forked from a Dag zygote it has its Dag already, and does what Airflow's ``task_runner.main`` does without
reading the file and without building again what never changes. Forked from the pool it has nothing, and runs
Airflow's own. The steps themselves are Airflow's in both cases (reference: ``main``, ``startup`` and ``parse``
in airflow/sdk/execution_time/task_runner.py; a contract test says when they change).
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import cache
from socket import socket
from typing import Any, NoReturn

import msgspec
import structlog
from airflow.dag_processing.bundles.base import BundleVersionLock
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk.api.client import getuser
from airflow.sdk.api.datamodels._generated import TaskInstanceState
from airflow.sdk.configuration import conf
from airflow.sdk.definitions._internal.dag_parsing_context import _airflow_parsing_context_manager
from airflow.sdk.exceptions import AirflowRescheduleException
from airflow.sdk.execution_time import comms, supervisor, task_runner
from airflow.sdk.execution_time.comms import CommsDecoder, RescheduleTask, StartupDetails, ToSupervisor, ToTask
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance, TaskRunnerMarker
from airflow.sdk.listener import get_listener_manager
from airflow.sdk.observability.metrics import stats_utils
from opentelemetry.trace import INVALID_SPAN, Span, Status, StatusCode
from pydantic import TypeAdapter
from setproctitle import setproctitle
from structlog.contextvars import bind_contextvars

from airfleet.task_process import dag_loader, ipc, template_fields
from airfleet.task_process.dag_loader import Loaded
from airfleet.task_process.work import AttemptWork, same_python

#: read what the monitor answers; half of the time of an attempt's start, were they built in each
_FRAMES = msgspec.msgpack.Decoder(comms._ResponseFrame)
_ANSWERS: TypeAdapter[Any] = TypeAdapter(ToTask)
#: naming the kinds of messages copies two hundred pages in an attempt
_Channel = CommsDecoder[ToTask, ToSupervisor]


def work(python: Callable[[ipc.DagFile], str | None] = same_python) -> AttemptWork:
    """Make the work of a worker's pool. Sets up the logging that everything forked from here has."""
    dag_loader.prepare()
    _usual_user()
    _statistics()
    return AttemptWork(dag_loader.load, run, dag_loader.seconds_good, dag_loader.stamp, python)


def run(attempt: ipc.Attempt, loaded: Loaded | None) -> NoReturn:
    """Run an attempt as Airflow's own fork would, over the sockets of ``attempt``."""
    _reseed()
    supervisor._make_process_nondumpable()
    status, requests, stdout, stderr, logs = attempt.descriptors
    os.dup2(logs, dag_loader.LOG_CHANNEL.fileno())
    os.close(logs)
    monitor = socket(fileno=status)
    os.register_at_fork(after_in_child=monitor.close)  # what a task forks must not look like the task

    def main() -> NoReturn:
        code = _exit_code(supervisor._subprocess_main if loaded is None else lambda: _main(loaded))
        _leave(code, monitor, (requests, stdout, stderr))

    # 0 for the log: it is set up already.
    supervisor._fork_main(socket(fileno=requests), socket(fileno=stdout), socket(fileno=stderr), 0, main)


def _exit_code(main: Callable[[], None]) -> int:
    """Run ``main`` and return its exit code. Raises SystemExit where Airflow has more to do than to exit."""
    try:
        main()
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        return end.code
    return 0


def _leave(code: int, monitor: socket, ends: Iterable[int]) -> NoReturn:
    """Exit as Airflow's own fork does, and tell the monitor before the kernel takes the memory down.

    That takes as long as a fork, and nothing of the task runs any more: its slot need not wait for it.
    """
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, OSError):
            stream.flush()
    for number in (0, 1, 2, dag_loader.LOG_CHANNEL.fileno(), *ends):
        with suppress(OSError):
            os.close(number)  # the monitor reads each to its end
    with suppress(OSError):
        ipc.send(monitor, {"exit": code})
    os._exit(code)


def _reseed() -> None:
    """Python reseeds its own generator in a forked process; numpy does not."""
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()


@task_runner.flush_spans()
def _main(loaded: Loaded) -> None:
    """Run the attempt whose details come over the socket that is now standard input."""
    log = structlog.get_logger(logger_name="task")
    channel = _Channel(log=log, resp_decoder=_FRAMES, body_decoder=_ANSWERS, err_decoder=_ANSWERS)
    task_runner.SUPERVISOR_COMMS = channel
    stats.initialize(**_statistics())
    span = INVALID_SPAN
    with ExitStack() as stack:
        try:
            log.info("::group::Pre Execute")
            details = task_runner.get_startup_details()
            span = stack.enter_context(task_runner._make_task_span(msg=details))
            _run(details, loaded)
        except AirflowRescheduleException as reschedule:
            log.warning("Rescheduling task during startup, marking task as UP_FOR_RESCHEDULE")
            channel.send(RescheduleTask(reschedule_date=reschedule.reschedule_date, end_date=datetime.now(UTC)))
            _record(span, reschedule)
            sys.exit(0)
        except KeyboardInterrupt as interrupt:
            log.exception("Ctrl-c hit")
            _record(span, interrupt)
            sys.exit(2)
        except Exception as error:
            log.exception("Top level error")
            _record(span, error)
            sys.exit(1)
        finally:
            with suppress(Exception):
                channel.socket.close()


def _run(details: StartupDetails, loaded: Loaded) -> None:
    ti, context, log = _startup(details, loaded)
    bundle = ti.bundle_instance
    # Airflow marks versions in use in a folder of /tmp, for it removes others; a bundle may keep its own.
    version = None if getattr(bundle, "keeps_versions", False) else bundle.version
    with BundleVersionLock(bundle_name=bundle.name, bundle_version=version):
        state, _, error = task_runner.run(ti, context, log)
        if isinstance(ti, template_fields.RuntimeTaskInstance):
            ti.show_fields()
        context["exception"] = error
        task_runner.finalize(ti, state, context, log, error)
        if getattr(ti, "_terminal_state_send_failed", False):
            # A failure that could not be reported must not look like a success; callbacks have run.
            sys.exit(1)


def _startup(details: StartupDetails, loaded: Loaded) -> tuple[RuntimeTaskInstance, Any, Any]:
    """Return the task of the attempt from the loaded Dags; load it in Airflow's way when it is not among them."""
    dag = loaded.dags.get(details.ti.dag_id)
    task: Any = dag.task_dict.get(details.ti.task_id) if dag is not None else None
    if task is None or _is_for_another_user(task):
        started: tuple[RuntimeTaskInstance, Any, Any] = task_runner.startup(msg=details)
        return started
    setproctitle(f"airflow worker -- {details.ti.id}")
    ti = details.ti
    bind_contextvars(
        ti_id=str(ti.id),
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        try_number=ti.try_number,
        map_index=ti.map_index,
    )
    log = structlog.get_logger(logger_name="task")
    try:
        get_listener_manager().hook.on_starting(component=TaskRunnerMarker())
    except Exception:
        log.exception("error calling listener")
    with _airflow_parsing_context_manager(dag_id=ti.dag_id, task_id=ti.task_id):
        instance = _instance(details, task, loaded)
    return instance, instance.get_template_context(), log


def _instance(details: StartupDetails, task: Any, loaded: Loaded) -> RuntimeTaskInstance:
    return template_fields.RuntimeTaskInstance.model_construct(
        **details.ti.model_dump(exclude_unset=True),
        task=task,
        bundle_instance=loaded.bundle,
        _ti_context_from_server=details.ti_context,
        max_tries=details.ti_context.max_tries,
        start_date=details.start_date,
        state=TaskInstanceState.RUNNING,
        sentry_integration=details.sentry_integration,
    )


def _is_for_another_user(task: Any) -> bool:
    """Tell whether Airflow will start the attempt again with ``sudo``, as it does for ``run_as_user``."""
    user = getattr(task, "run_as_user", None) or _usual_user()
    return bool(user) and user != getuser()


@cache
def _statistics() -> dict[str, Any]:
    """Return the sender of metrics that the settings name."""
    return {
        "factory": stats_utils.get_stats_factory(),
        "export_legacy_names": conf.getboolean("metrics", "legacy_names_on"),
    }


@cache
def _usual_user() -> str | None:
    """Return the default user of tasks."""
    return conf.get("core", "default_impersonation", fallback=None) or None


def _record(span: Span, error: BaseException) -> None:
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, description=f"Exception: {type(error).__name__}"))
