"""The ``jobs`` of a document: what differs from Dag to Dag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from airfleet.pipelines.language.expressions.scope import Scope
from airfleet.pipelines.language.interpolation import resolve
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, is_null
from airfleet.yaml.problems import Report


@dataclass(frozen=True)
class JobEntry:
    """One entry of ``jobs``."""

    name: str
    values: Mapping
    #: whether something is wrong with it: then it has a problem, and no Dag
    wrong: bool = False


def read_jobs(node: Node, scope: Scope, report: Report) -> Iterator[JobEntry]:
    """Read the jobs of a document: a list of mappings with ``name``, or a mapping from name to values.

    Each is read when it is asked for, and its problems are noted then: who wants one job need not read a thousand.
    """
    report.places["jobs"] = node.place
    inside = replace(scope, no_job="a job cannot be named inside 'jobs'")
    seen: dict[str, int] = {}
    for job in _written(node, report):
        before = len(report.wrong)
        values = resolve(job.values, f"jobs.{job.name}", inside, report)
        assert isinstance(values, Mapping)  # a mapping is never resolved to something else
        name = _name_of(values)
        if not name.text and len(report.wrong) == before:
            report.problem(name, f"jobs.{job.name}.name", "the name of a job must not be empty", code=Code.JOB)
        if name.text in seen:
            hint = f"line {seen[name.text]} already has this name"
            report.problem(name, f"jobs.{name.text}", "two jobs have this name", hint, Code.JOB)
            continue
        seen[name.text] = name.place.line
        yield JobEntry(name.text, values, wrong=len(report.wrong) > before)


def _written(node: Node, report: Report) -> Iterator[JobEntry]:
    """List the jobs that have the shape of one."""
    if isinstance(node, Scalar):
        report.problem(node, "jobs", "must be a list of jobs, each with a 'name'", code=Code.JOB)
    elif isinstance(node, Mapping):
        if not node.entries:
            report.problem(node, "jobs", "is empty", _NO_JOBS, Code.JOB)
        for key, value in node.entries:
            yield from _named(key, value, report)
    else:
        if not node.items:
            report.problem(node, "jobs", "is empty", _NO_JOBS, Code.JOB)
        for index, item in enumerate(node.items):
            yield from _listed(item, f"jobs[{index}]", report)


_NO_JOBS = "leave 'jobs' out for a single Dag"


def _named(key: Scalar, value: Node, report: Report) -> Iterator[JobEntry]:
    path = f"jobs.{key.text}"
    if not key.text:
        report.problem(key, "jobs", "the name of a job must not be empty", code=Code.JOB)
        return
    if is_null(value):
        value = Mapping((), key.place)
    if not isinstance(value, Mapping):
        report.problem(value, path, "a job must be a mapping of its values", code=Code.JOB)
        return
    own = value.get("name")
    if own is not None and not (isinstance(own, Scalar) and own.text == key.text):
        sentence = f"the job is already named '{key.text}' by its key"
        report.problem(own, f"{path}.name", sentence, "leave 'name' out", Code.JOB)
        return
    if own is None:
        name = Scalar("name", "name", key.place)
        value = Mapping(((name, Scalar(key.text, key.text, key.place)), *value.entries), value.place)
    yield JobEntry(key.text, value)


def _listed(item: Node, path: str, report: Report) -> Iterator[JobEntry]:
    if not isinstance(item, Mapping):
        report.problem(item, path, "a job must be a mapping of its values, with a 'name'", code=Code.JOB)
        return
    name = item.get("name")
    if name is None:
        report.problem(item, path, "the job has no 'name'", code=Code.JOB)
        return
    if not isinstance(name, Scalar) or name.value is None:
        report.problem(name, f"{path}.name", "the name of a job must be text", code=Code.JOB)
        return
    if not name.text:
        report.problem(name, f"{path}.name", "the name of a job must not be empty", code=Code.JOB)
        return
    yield JobEntry(name.text, item)


def _name_of(values: Mapping) -> Scalar:
    name = values.get("name")
    assert isinstance(name, Scalar)  # each job has one, and it is never resolved to something else
    return name
