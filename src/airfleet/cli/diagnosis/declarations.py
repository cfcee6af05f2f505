"""Where pipelines and fleet meet: pools and connections that tasks name and that nobody declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Declared:
    """The pools and connections that somebody declares, by name: in ``fleet.yaml``, or in an overlay of it."""

    pools: frozenset[str] = frozenset()
    #: None where there may be others: Airflow asks a secrets backend for them
    connections: frozenset[str] | None = frozenset()


def declared(fleet: Fleet, fleet_file: Path) -> Declared:
    """List what ``fleet`` declares, and what the overlays beside its file would add."""
    pools = {pool.name for pool in fleet.objects.pools}
    connections = {one.id for one in fleet.objects.connections}
    for overlay in sorted(fleet_file.parent.glob(f"{fleet_file.stem}.*{fleet_file.suffix}")):
        pools |= _keys(overlay, "pools")
        connections |= _keys(overlay, "connections")
    has_backend = bool(fleet.airflow.get("secrets", {}).get("backend"))
    return Declared(frozenset(pools), None if has_backend else frozenset(connections))


def _keys(overlay: Path, name: str) -> set[str]:
    """Give the keys of a mapping at the top of a file; none of a file that cannot be read, which is said elsewhere."""
    from airfleet.pipelines.files.project_files import read_text
    from airfleet.yaml import nodes

    text = read_text(overlay)
    documents = nodes.load(text, str(overlay))[0] if isinstance(text, str) else ()
    found = documents[0].get(name) if documents and isinstance(documents[0], nodes.Mapping) else None
    return {key.text for key, _ in found.entries} if isinstance(found, nodes.Mapping) else set()


def undeclared(pipelines: Iterable[Pipeline], known: Declared, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a remark for each place that names a pool, and for the first one that names a connection, of nobody."""
    pipelines = tuple(pipelines)
    yield from _pools(pipelines, known.pools)
    if known.connections is not None:
        yield from _connections(pipelines, known.connections, environ)


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
