"""The supervisor of tasks that run in this process: it answers from memory what Airflow's answers from its API.

A task asks for outputs, variables and connections, and tells of its own. Questions about other runs get the answer
that nothing is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from airflow.sdk.api.datamodels._generated import DagRunState
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time import comms

#: task, key, copy
_Key: TypeAlias = tuple[str, str, int]


class MemorySupervisor:
    """The answers for one run, and what its tasks told."""

    def __init__(self, dag_id: str, run_id: str, variables: Mapping[str, str]) -> None:
        self.dag_id, self.run_id = dag_id, run_id
        self.variables = dict(variables)
        self.outputs: dict[_Key, Any] = {}
        #: tasks that a branch or a short circuit skips, with the copy (-1 is every one)
        self.skipped: set[tuple[str, int]] = set()
        self.deferred: comms.DeferTask | None = None
        #: how many copies each repeated task has
        self.copies: dict[str, int] = {}
        self._store: dict[tuple[Any, ...], Any] = {}

    def send(self, msg: Any) -> Any:
        """Answer a message, as ``CommsDecoder.send`` does."""
        answer = _ANSWERS.get(type(msg), _nothing)(self, msg)
        if isinstance(answer, comms.ErrorResponse) and not isinstance(msg, _MAY_BE_MISSING):
            raise AirflowRuntimeError(answer)
        return answer

    async def asend(self, msg: Any) -> Any:
        """Answer a message of an asynchronous task."""
        return self.send(msg)

    def output(self, task: str, key: str = "return_value") -> list[Any]:
        """List what the copies of a task gave, in their order."""
        found = sorted((index, value) for (of, at, index), value in self.outputs.items() if (of, at) == (task, key))
        return [value for _, value in found]

    def is_own(self, msg: Any) -> bool:
        """Tell whether a message is about this run."""
        return bool(msg.dag_id == self.dag_id and msg.run_id == self.run_id)


def _copy(msg: Any) -> int:
    return -1 if msg.map_index is None else int(msg.map_index)


def _set_output(own: MemorySupervisor, msg: comms.SetXCom) -> None:
    own.outputs[msg.task_id, msg.key, _copy(msg)] = msg.value


def _get_output(own: MemorySupervisor, msg: comms.GetXCom) -> comms.XComResult:
    value = own.outputs.get((msg.task_id, msg.key, _copy(msg))) if own.is_own(msg) else None
    return comms.XComResult(key=msg.key, value=value)


def _delete_output(own: MemorySupervisor, msg: comms.DeleteXCom) -> comms.OKResponse:
    own.outputs.pop((msg.task_id, msg.key, _copy(msg)), None)
    return comms.OKResponse(ok=True)


def _all_outputs(own: MemorySupervisor, msg: Any) -> list[Any]:
    return own.output(msg.task_id, msg.key) if own.is_own(msg) else []


def _count_outputs(own: MemorySupervisor, msg: comms.GetXComCount) -> comms.XComCountResponse:
    return comms.XComCountResponse(len=len(_all_outputs(own, msg)))


def _output_at(own: MemorySupervisor, msg: comms.GetXComSequenceItem) -> Any:
    found = _all_outputs(own, msg)
    if -len(found) <= msg.offset < len(found):
        return comms.XComSequenceIndexResult(root=found[msg.offset])
    return comms.ErrorResponse(error=ErrorType.XCOM_NOT_FOUND, detail={"offset": msg.offset})


def _slice(own: MemorySupervisor, msg: comms.GetXComSequenceSlice) -> comms.XComSequenceSliceResult:
    return comms.XComSequenceSliceResult(root=_all_outputs(own, msg)[slice(msg.start, msg.stop, msg.step)])


def _variable(own: MemorySupervisor, msg: comms.GetVariable) -> Any:
    if msg.key in own.variables:
        return comms.VariableResult(key=msg.key, value=own.variables[msg.key])
    return comms.ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND, detail={"key": msg.key})


def _variable_keys(own: MemorySupervisor, msg: comms.GetVariableKeys) -> comms.VariableKeysResult:
    found = sorted(key for key in own.variables if key.startswith(msg.prefix or ""))
    return comms.VariableKeysResult(keys=found[msg.offset : msg.offset + msg.limit], total_entries=len(found))


def _put_variable(own: MemorySupervisor, msg: comms.PutVariable) -> comms.OKResponse:
    own.variables[msg.key] = msg.value or ""
    return comms.OKResponse(ok=True)


def _delete_variable(own: MemorySupervisor, msg: comms.DeleteVariable) -> comms.OKResponse:
    own.variables.pop(msg.key, None)
    return comms.OKResponse(ok=True)


def _connection(own: MemorySupervisor, msg: comms.GetConnection) -> comms.ErrorResponse:
    # Those of the case stand in the environment, which Airflow asks first.
    return comms.ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND, detail={"conn_id": msg.conn_id})


def _skip(own: MemorySupervisor, msg: comms.SkipDownstreamTasks) -> None:
    own.skipped |= {(one, -1) if isinstance(one, str) else (one[0], int(one[1])) for one in msg.tasks}


def _defer(own: MemorySupervisor, msg: comms.DeferTask) -> None:
    own.deferred = msg


def _count_copies(own: MemorySupervisor, msg: comms.GetTICount) -> comms.TICount:
    count = sum(own.copies.get(task, 1) for task in msg.task_ids or ()) if msg.dag_id == own.dag_id else 0
    return comms.TICount(count=count)


def _trigger(own: MemorySupervisor, msg: comms.TriggerDagRun) -> comms.OKResponse:
    return comms.OKResponse(ok=True)


def _run_state(own: MemorySupervisor, msg: comms.GetDagRunState) -> comms.DagRunStateResult:
    return comms.DagRunStateResult(state=DagRunState.RUNNING if own.is_own(msg) else DagRunState.SUCCESS)


def _get_stored(own: MemorySupervisor, msg: comms.GetTaskStateStore) -> Any:
    if (msg.ti_id, msg.key) in own._store:
        return comms.TaskStateStoreResult(value=own._store[msg.ti_id, msg.key])
    return comms.ErrorResponse(error=ErrorType.TASK_STORE_NOT_FOUND, detail={"key": msg.key})


def _set_stored(own: MemorySupervisor, msg: comms.SetTaskStateStore) -> comms.OKResponse:
    own._store[msg.ti_id, msg.key] = msg.value
    return comms.OKResponse(ok=True)


def _nothing(own: MemorySupervisor, msg: Any) -> Any:
    kind = type(msg).__name__
    if kind.startswith("Get"):
        return comms.ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"message": f"a test has no answer to {kind}"})
    return comms.OKResponse(ok=True)


#: askers of these read an error as an answer
_MAY_BE_MISSING: Final = (
    comms.GetXComSequenceItem,
    comms.GetVariable,
    comms.GetConnection,
    comms.GetTaskStateStore,
    comms.TriggerDagRun,
)

_ANSWERS: Final[Mapping[type, Callable[[MemorySupervisor, Any], Any]]] = {
    comms.SetXCom: _set_output,
    comms.GetXCom: _get_output,
    comms.DeleteXCom: _delete_output,
    comms.GetXComCount: _count_outputs,
    comms.GetXComSequenceItem: _output_at,
    comms.GetXComSequenceSlice: _slice,
    comms.GetVariable: _variable,
    comms.GetVariableKeys: _variable_keys,
    comms.PutVariable: _put_variable,
    comms.DeleteVariable: _delete_variable,
    comms.GetConnection: _connection,
    comms.SkipDownstreamTasks: _skip,
    comms.DeferTask: _defer,
    comms.GetTICount: _count_copies,
    comms.GetDRCount: lambda own, msg: comms.DRCount(count=0),
    comms.GetTaskStates: lambda own, msg: comms.TaskStatesResult(task_states={}),
    comms.GetTaskBreadcrumbs: lambda own, msg: comms.TaskBreadcrumbsResult(breadcrumbs=[]),
    comms.GetPreviousDagRun: lambda own, msg: comms.PreviousDagRunResult(dag_run=None),
    comms.GetPreviousTI: lambda own, msg: comms.PreviousTIResult(task_instance=None),
    comms.GetPrevSuccessfulDagRun: lambda own, msg: comms.PrevSuccessfulDagRunResult(),
    comms.GetTaskRescheduleStartDate: lambda own, msg: comms.TaskRescheduleStartDate(start_date=None),
    comms.GetAssetEventByAsset: lambda own, msg: comms.AssetEventsResult(asset_events=[]),
    comms.GetAssetEventByAssetAlias: lambda own, msg: comms.AssetEventsResult(asset_events=[]),
    comms.GetAssetsByAlias: lambda own, msg: comms.AssetsByAliasResult(assets=[]),
    comms.ValidateInletsAndOutlets: lambda own, msg: comms.InactiveAssetsResult(inactive_assets=[]),
    comms.TriggerDagRun: _trigger,
    comms.GetDagRunState: _run_state,
    comms.GetTaskStateStore: _get_stored,
    comms.SetTaskStateStore: _set_stored,
}
