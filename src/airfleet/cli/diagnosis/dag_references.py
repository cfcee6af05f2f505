"""Where pipelines meet one another: Dags and tasks that a task starts or waits for, and that no file here has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from airfleet.errors import Place, Problem, did_you_mean
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from airfleet.pipelines.language.spec import Pipeline, Task

_STANDARD: Final = "airflow.providers.standard"
#: operator -> the argument that names a Dag
OF_DAGS: Final[Mapping[str, str]] = {
    f"{_STANDARD}.operators.trigger_dagrun.TriggerDagRunOperator": "trigger_dag_id",
    f"{_STANDARD}.sensors.external_task.ExternalTaskSensor": "external_dag_id",
    f"{_STANDARD}.sensors.external_task.ExternalTaskMarker": "external_dag_id",
}
#: arguments that name tasks of that Dag, or a group of them
OF_TASKS: Final = ("external_task_id", "external_task_ids", "external_task_group_id")


def unknown(pipelines: Collection[Pipeline], others: Collection[str]) -> Iterator[Problem]:
    """Yield a remark for each Dag or task that a task names and that neither ``pipelines`` nor ``others`` have.

    ``others`` are ids of Dags of which nothing more is known. It may all be right: a Dag can live elsewhere.
    """
    by_id = {pipeline.dag_id: pipeline for pipeline in pipelines}
    known = {*by_id, *others}
    for pipeline in pipelines:
        for task in pipeline.tasks:
            argument = OF_DAGS.get(getattr(task.uses, "path", ""))
            dag_id = _literal(task.args.get(argument)) if argument else None
            if dag_id is None:
                continue
            path = f"{task.path}.with.{argument}"
            if dag_id not in known:
                hint = did_you_mean(dag_id, known) or "right if it lives elsewhere"
                yield _remark(pipeline, path, f"no file here has a Dag '{dag_id}'", hint)
            elif dag_id in by_id and dag_id not in others:
                yield from _tasks(task, by_id[dag_id], pipeline)


def _tasks(task: Task, of: Pipeline, pipeline: Pipeline) -> Iterator[Problem]:
    """Yield a remark for each task or group that the other pipeline does not have."""
    for argument in OF_TASKS:
        value, path = task.args.get(argument), f"{task.path}.with.{argument}"
        entries: Iterable[Task] | Iterable[object] = of.groups if argument.endswith("group_id") else of.tasks
        known = {str(getattr(entry, "id", "")) for entry in entries}
        what = "group" if argument.endswith("group_id") else "task"
        for index, item in enumerate(value if isinstance(value, tuple) else (value,)):
            written = _literal(item)
            if written is not None and written not in known:
                at = f"{path}[{index}]" if isinstance(value, tuple) else path
                yield _remark(
                    pipeline, at, f"Dag '{of.dag_id}' has no {what} '{written}'", did_you_mean(written, known)
                )


def _literal(value: object) -> str | None:
    return value if isinstance(value, str) and value and "{{" not in value else None


def _remark(pipeline: Pipeline, path: str, sentence: str, hint: str | None) -> Problem:
    return Problem(_place(pipeline, path), path, sentence, hint, Code.UNKNOWN_DAG)


def _place(pipeline: Pipeline, path: str) -> Place:
    """Call the pipeline's own file as it is called now; a shared file keeps its name."""
    place = pipeline.place(path)
    return replace(place, file=pipeline.file) if place.file == pipeline.place("").file else place
