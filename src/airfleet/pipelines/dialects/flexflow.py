"""A file of jobs of Flexflow as a document of ours: its template in Python is a fixed line of seven tasks."""

from __future__ import annotations

from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.dialects.node_building import literal, mapping, sequence, text
from airfleet.yaml.nodes import Mapping, Node, Sequence

_STEPS: Final = ("fetch", "clean", "sort", "chunk", "store")
#: keys that every job of Flexflow has
_OF_A_JOB: Final = frozenset({"name", "schedule", "queue"})


def is_flexflow(node: Node) -> bool:
    """Tell whether a document is a list of jobs, and nothing else."""
    if not isinstance(node, Mapping) or [key.text for key, _ in node.entries] != ["jobs"]:
        return False
    jobs = node.entries[0][1]
    return isinstance(jobs, Sequence) and bool(jobs.items) and all(map(_is_job, jobs.items))


def _is_job(node: Node) -> bool:
    return isinstance(node, Mapping) and {key.text for key, _ in node.entries} >= _OF_A_JOB


def document(node: Mapping) -> Mapping:
    """Give the document: a Dag for each job, whose functions get the whole job."""
    key, jobs = node.entries[0]
    place = node.place
    defaults = [
        ("queue", text("${{ job.queue }}", place)),
        ("retries", literal(1, place)),
        ("retry_delay", text("5m", place)),
    ]
    return mapping(
        [
            ("dag_id", text("${{ job.name }}_job", place)),
            ("schedule", text("${{ job.schedule }}", place)),
            ("catchup", literal(False, place)),
            ("defaults", mapping(defaults, place)),
            ("tasks", sequence(_tasks(place), place)),
            (key, jobs),
        ],
        place,
    )


def _tasks(place: Place) -> list[Node]:
    found: list[Node] = [mapping([("id", text("start", place))], place)]
    before = "start"
    for step in _STEPS:
        function = text(f"gourdnet.airflow.{step}:{step}_main_airflow", place)
        job = mapping([("arg", text("${{ job }}", place))], place)
        found.append(_task(step, before, [("uses", function), ("with", job)], place))
        before = step
    return [*found, _task("end", before, [], place)]


def _task(name: str, before: str, more: list[tuple[str, Node]], place: Place) -> Node:
    return mapping([("id", text(name, place)), ("needs", sequence([text(before, place)], place)), *more], place)
