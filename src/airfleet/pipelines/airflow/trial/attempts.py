"""One task, or one copy of a repeated task, to its end in this process: its tries, deferrals and mocks."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from airflow.sdk._shared.module_loading import import_string
from airflow.sdk.api.datamodels._generated import DagRun, TaskInstanceState, TIRunContext
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR, TriggerFailureReason
from airflow.sdk.definitions.xcom_arg import XComArg
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance, finalize, run
from airflow.sdk.serde import deserialize, serialize

from airfleet.pipelines.airflow.trial.supervisor import MemorySupervisor
from airfleet.pipelines.airflow.trial.surroundings import Deadline, MacrosAt
from airfleet.pipelines.cases.spec import TaskOutcome

#: how often a try may wait for a trigger before a case gives it up
MOST_WAITS: Final = 100

_ONE_VERSION: Final = uuid.UUID(int=0)


@dataclass(frozen=True)
class Round:
    """A run of a Dag, as each of its tasks sees it."""

    dag_run: DagRun
    supervisor: MemorySupervisor
    deadline: Deadline
    #: names of arguments by task, whose values are told
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Resumed:
    """A method with which a task goes on after it was deferred."""

    method: str | None = None
    kwargs: Any = None


def instance(task: Any, index: int, number: int, of: Round, resumed: _Resumed = _Resumed()) -> RuntimeTaskInstance:
    """Make the instance of a task for one try."""
    retries = task.retries or 0
    begin = of.dag_run.start_date or dt.datetime.now(dt.UTC)
    seen = TIRunContext(
        dag_run=of.dag_run,
        max_tries=retries,
        should_retry=number <= retries,
        next_method=resumed.method,
        next_kwargs=resumed.kwargs,
    )
    made = RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(),
        task_id=task.task_id,
        dag_id=task.dag_id,
        run_id=of.dag_run.run_id,
        try_number=number,
        dag_version_id=_ONE_VERSION,
        map_index=index,
        task=task,
        _ti_context_from_server=seen,
        max_tries=retries,
        start_date=begin,
        state=TaskInstanceState.RUNNING,
    )
    made.get_template_context()["macros"] = MacrosAt(begin)
    return made


def carried_out(task: Any, index: int, of: Round) -> TaskOutcome:
    """Run a task to its end; a try that fails is followed by the next one at once."""
    for number in range(1, (task.retries or 0) + 2):
        state, ti, error = _one_try(task, index, number, of)
        if state != TaskInstanceState.UP_FOR_RETRY:
            break
    return _outcome(ti, state, error, number, of)


def _one_try(
    task: Any, index: int, number: int, of: Round
) -> tuple[TaskInstanceState, RuntimeTaskInstance, BaseException | None]:
    resumed = _Resumed()
    for _ in range(MOST_WAITS):
        of.deadline.arm()
        ti = instance(task, index, number, of, resumed)
        log = structlog.get_logger(logger_name="task")
        context = ti.get_template_context()
        state, _message, error = run(ti, context, log)
        context["exception"] = error
        finalize(ti, state, context, log, error)
        if state != TaskInstanceState.DEFERRED or of.supervisor.deferred is None:
            return state, ti, error
        resumed = _after_its_trigger(of.supervisor.deferred)
    return state, ti, error


def _after_its_trigger(deferred: Any) -> _Resumed:
    """Run the trigger for which a task waits, until its first event; the task fails where the trigger does."""
    try:
        kwargs: Any = deserialize(deferred.trigger_kwargs)
        trigger = import_string(deferred.classpath)(**kwargs)
        event = asyncio.run(_first_event(trigger, _seconds(deferred.trigger_timeout)))
    except TimeoutError:
        return _Resumed(TRIGGER_FAIL_REPR, {"error": TriggerFailureReason.TRIGGER_TIMEOUT.value})
    except Exception as error:  # a trigger may raise anything
        return _Resumed(TRIGGER_FAIL_REPR, {"error": told(error)})
    if event is None:
        return _Resumed(TRIGGER_FAIL_REPR, {"error": "the trigger ended without an event"})
    return _Resumed(deferred.next_method, {**(deferred.next_kwargs or {}), "event": serialize(event.payload)})


async def _first_event(trigger: Any, seconds: float | None) -> Any:
    return await asyncio.wait_for(anext(trigger.run(), None), seconds)


def _seconds(timeout: dt.timedelta | None) -> float | None:
    return timeout.total_seconds() if timeout else None


def _outcome(
    ti: RuntimeTaskInstance, state: TaskInstanceState, error: BaseException | None, tries: int, of: Round
) -> TaskOutcome:
    outputs = {
        key: deserialize(value)
        for (task, key, index), value in of.supervisor.outputs.items()
        if (task, index) == _key(ti)
    }
    returned = outputs.pop("return_value", None)
    return TaskOutcome(
        str(state.value), returned, outputs, rendered(ti.task, of.arguments.get(ti.task_id, ())), told(error), tries
    )


def _key(ti: RuntimeTaskInstance) -> tuple[str, int]:
    return ti.task_id, -1 if ti.map_index is None else ti.map_index


def rendered(task: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Read arguments of a task as it had them; those that were never rendered are left out."""
    given = getattr(task, "op_kwargs", None)
    function = given if isinstance(given, Mapping) else {}
    found = {name: function[name] if name in function else getattr(task, name, None) for name in names}
    return {name: value for name, value in found.items() if not isinstance(value, XComArg)}


def told(error: BaseException | None) -> str | None:
    """Write an exception as ``Type: message``."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}" if error is not None else None
