"""Where pipelines and fleet meet: queues that tasks wait in and that no worker looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from airfleet.errors import Place, Problem, did_you_mean
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.pipelines.language.spec import Pipeline, Task

#: the queue of tasks that name none, unless ``[operators] default_queue`` names another
USUAL = "default"


def unserved(pipelines: Iterable[Pipeline], fleet: Fleet) -> Iterator[Problem]:
    """Yield a problem for each place that sends tasks to a queue that no worker of ``fleet`` takes."""
    usual = fleet.airflow.get("operators", {}).get("default_queue", USUAL)
    served = frozenset(fleet.queues)
    said: set[tuple[Place, str]] = set()
    for pipeline in pipelines:
        for task in pipeline.tasks:
            queue = str(task.options.get("queue") or usual)
            if task.uses is None or queue in served:
                continue
            path, place = _where(pipeline, task)
            where = place if path.endswith(".queue") else Place(pipeline.file)  # said nowhere: once for a file
            if (where, queue) in said:
                continue
            said.add((where, queue))
            sentence = f"no worker takes tasks from the queue '{queue}'"
            yield Problem(place, path, sentence, _hint(queue, fleet), Code.QUEUE_WITHOUT_WORKER)


def _where(pipeline: Pipeline, task: Task) -> tuple[str, Place]:
    """Say where the queue of a task is said: at the task, in the defaults, or nowhere (then it is the task itself)."""
    for path in (f"{task.path}.queue", "defaults.queue"):
        if path in pipeline.places:
            return path, as_shown(pipeline.places[path], pipeline)
    return task.path, as_shown(pipeline.place(task.path), pipeline)


def as_shown(place: Place, pipeline: Pipeline) -> Place:
    """Call the pipeline's own file as it is called now; a shared file keeps its name."""
    is_own = place.file == pipeline.place("").file
    return replace(place, file=pipeline.file) if is_own else place


def _hint(queue: str, fleet: Fleet) -> str:
    near = did_you_mean(queue, fleet.queues)
    return near or f"workers in fleet.yaml take: {', '.join(fleet.queues)}"
