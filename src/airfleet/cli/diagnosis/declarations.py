"""Where pipelines and fleet meet: pools and connections that tasks name and that nobody declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from airfleet.cli.diagnosis import queue_checks
from airfleet.errors import Place, Problem, did_you_mean
from airfleet.problem_codes import Code

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet
    from airfleet.pipelines.language.spec import Pipeline, Task

#: Airflow makes this pool itself
USUAL_POOL: Final = "default_pool"
#: how the environment gives Airflow a connection, its id in capitals
_OF_CONNECTIONS: Final = "AIRFLOW_CONN_"


def undeclared(pipelines: Iterable[Pipeline], fleet: Fleet, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a remark for each place that names a pool, and for the first one that names a connection, of nobody."""
    pipelines = tuple(pipelines)
    yield from _pools(pipelines, frozenset(pool.name for pool in fleet.objects.pools))
    if not fleet.airflow.get("secrets", {}).get("backend"):  # there may be others then
        yield from _connections(pipelines, frozenset(one.id for one in fleet.objects.connections), environ)


def _pools(pipelines: Iterable[Pipeline], declared: frozenset[str]) -> Iterator[Problem]:
    said: set[tuple[Place, str]] = set()
    for pipeline, task in _tasks(pipelines):
        pool = task.options.get("pool")
        if not isinstance(pool, str) or pool in declared or pool in ("", USUAL_POOL):
            continue
        at_task = f"{task.path}.pool"
        path = at_task if at_task in pipeline.places else "defaults.pool"
        place = queue_checks.as_shown(pipeline.place(path), pipeline)
        if (place, pool) not in said:
            said.add((place, pool))
            hint = did_you_mean(pool, declared) or "write it under 'pools' in fleet.yaml"
            sentence = f"no pool '{pool}' is declared: without it the tasks wait for ever"
            yield Problem(place, path, sentence, hint, Code.UNDECLARED_POOL)


def _connections(
    pipelines: Iterable[Pipeline], declared: frozenset[str], environ: Mapping[str, str]
) -> Iterator[Problem]:
    said: set[str] = set()
    for pipeline, task in _tasks(pipelines):
        for name, value in task.args.items():
            if not (name == "conn_id" or name.endswith("_conn_id")) or not isinstance(value, str):
                continue
            if not value or value in said or value in declared or f"{_OF_CONNECTIONS}{value.upper()}" in environ:
                continue
            said.add(value)
            path = f"{task.path}.with.{name}"
            hint = did_you_mean(value, declared) or "write it under 'connections' in fleet.yaml"
            sentence = f"no connection '{value}' is declared"
            yield Problem(
                queue_checks.as_shown(pipeline.place(path), pipeline), path, sentence, hint, Code.UNDECLARED_CONNECTION
            )


def _tasks(pipelines: Iterable[Pipeline]) -> Iterator[tuple[Pipeline, Task]]:
    return ((pipeline, task) for pipeline in pipelines for task in pipeline.tasks)
