"""The ``jobs`` of a document: what differs from Dag to Dag."""

from __future__ import annotations

from dataclasses import dataclass

from airfleet.pipelines.expand import Scope, entry, resolve
from airfleet.pipelines.report import Report
from airfleet.source import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True)
class Job:
    """One entry of ``jobs``."""

    name: str
    values: Mapping


def read_jobs(node: Node, scope: Scope, report: Report) -> tuple[Job, ...]:
    """The jobs of a document: a list of mappings with ``name``, or a mapping from name to values."""
    report.places["jobs"] = node.place
    inside = Scope(scope.variables, scope.environ, None, "a job cannot be named inside 'jobs'")
    if isinstance(node, Mapping):
        found = [_named(key, value, report) for key, value in node.entries]
    elif isinstance(node, Sequence):
        found = [_listed(item, f"jobs[{i}]", report) for i, item in enumerate(node.items)]
    else:
        report.problem(node, "jobs", "must be a list of jobs, each with a 'name'")
        return ()
    if not found:
        report.problem(node, "jobs", "is empty", "leave 'jobs' out for a single Dag")
    seen: dict[str, int] = {}
    result = []
    for job in found:
        if job is None:
            continue
        if job.name in seen:
            hint = f"line {seen[job.name]} already has this name"
            report.problem(_name_node(job), f"jobs.{job.name}", "two jobs have this name", hint)
            continue
        seen[job.name] = _name_node(job).place.line
        values = resolve(job.values, f"jobs.{job.name}", inside, report)
        if isinstance(values, Mapping):
            result.append(Job(job.name, values))
    return tuple(result)


def _named(key: Scalar, value: Node, report: Report) -> Job | None:
    path = f"jobs.{key.text}"
    if isinstance(value, Scalar) and value.value is None:
        value = Mapping((), key.place)
    if not isinstance(value, Mapping):
        report.problem(value, path, "a job must be a mapping of its values")
        return None
    own = entry(value, "name")
    if own is not None and not (isinstance(own, Scalar) and own.text == key.text):
        report.problem(own, f"{path}.name", f"the job is already named '{key.text}' by its key", "leave 'name' out")
        return None
    if own is None:
        name = Scalar("name", "name", key.place)
        value = Mapping(((name, Scalar(key.text, key.text, key.place)), *value.entries), value.place)
    return Job(key.text, value)


def _listed(item: Node, path: str, report: Report) -> Job | None:
    if not isinstance(item, Mapping):
        report.problem(item, path, "a job must be a mapping of its values, with a 'name'")
        return None
    name = entry(item, "name")
    if name is None:
        report.problem(item, path, "the job has no 'name'")
        return None
    if not isinstance(name, Scalar) or name.value is None or not name.text:
        report.problem(name, f"{path}.name", "the name of a job must be text")
        return None
    return Job(name.text, item)


def _name_node(job: Job) -> Node:
    return entry(job.values, "name") or job.values
