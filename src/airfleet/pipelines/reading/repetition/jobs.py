"""The ``jobs`` of a document: what differs from Dag to Dag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from airfleet.errors import Place
from airfleet.pipelines.language.expressions.functions import shape, written_out
from airfleet.pipelines.language.expressions.scope import Scope
from airfleet.pipelines.language.interpolation import resolve
from airfleet.pipelines.reading.repetition.job_entries import JobEntry, listed, named
from airfleet.pipelines.reading.repetition.job_files import JobFiles
from airfleet.pipelines.reading.repetition.matrix import combinations
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Mapping, Node, Scalar, is_null
from airfleet.yaml.problems import Report, joined

_NO_JOBS: Final = "leave 'jobs' out for a single Dag"
#: characters of a name that an id can have
_NOT_OF_AN_ID: Final = re.compile(r"[^\w.-]+")


def read_jobs(
    node: Node, scope: Scope, report: Report, files: JobFiles, defaults: Mapping | None = None
) -> Iterator[JobEntry]:
    """Read the jobs of a document: a list of mappings with ``name``, or a mapping from name to values.

    Each is read when it is asked for, and its problems are noted then: who wants one job need not read a thousand.
    """
    report.places["jobs"] = node.place
    inside = replace(scope, no_job="a job cannot be named inside 'jobs'")
    seen: dict[str, Place] = {}
    for job in _Written(inside, report, files).jobs(node):
        before = len(report.wrong), len(report.problems)
        values = resolve(job.values, f"jobs.{job.name}", inside, report)
        assert isinstance(values, Mapping)  # a mapping is never resolved to something else
        name = values.get("name")
        if not isinstance(name, Scalar) or name.value is None:
            at = job.values.get("name") or job.values
            report.problem(at, f"jobs.{job.name}.name", "the name of a job must be text", code=Code.JOB)
            continue
        if not name.text and (len(report.wrong), len(report.problems)) == before:
            report.problem(name, f"jobs.{job.name}.name", "the name of a job must not be empty", code=Code.JOB)
        if name.text in seen:
            first = seen[name.text]
            hint = f"{f'line {first.line}' if first.file == name.place.file else first} already has this name"
            report.problem(name, f"jobs.{name.text}", "two jobs have this name", hint, code=Code.JOB)
            continue
        seen[name.text] = name.place
        if defaults is not None:
            values = _with_defaults(values, defaults, inside, report)
        yield JobEntry(name.text, values, wrong=(len(report.wrong), len(report.problems)) != before)


@dataclass(frozen=True)
class _Written:
    """The jobs that have the shape of one."""

    scope: Scope
    report: Report
    files: JobFiles

    def jobs(self, node: Node) -> Iterator[JobEntry]:
        if isinstance(node, Scalar):
            self.problem(node, "must be a list of jobs, each with a 'name'")
        elif isinstance(node, Mapping):
            if not node.entries:
                self.problem(node, "is empty", _NO_JOBS)
            for key, value in node.entries:
                yield from self.at_key(key, value)
        else:
            if not node.items:
                self.problem(node, "is empty", _NO_JOBS)
            for index, item in enumerate(node.items):
                yield from self.at_index(item, f"jobs[{index}]")

    def at_key(self, key: Scalar, value: Node) -> Iterator[JobEntry]:
        """Yield the job of this name; 'from' names files, and 'matrix' has lists."""
        if key.text == "from" and not isinstance(value, Mapping) and not is_null(value):
            yield from self.files.jobs(value, "jobs.from", self.scope, self.report)
        elif key.text == "matrix":
            yield from self.of_matrix(value, "jobs.matrix")
        else:
            yield from named(key, value, self.report)

    def at_index(self, item: Node, path: str) -> Iterator[JobEntry]:
        """Yield the job at one place of a list, which may also name files."""
        source = item.get("from") if isinstance(item, Mapping) else None
        if isinstance(item, Mapping) and source is not None and len(item.entries) == 1:
            yield from self.files.jobs(source, joined(path, "from"), self.scope, self.report)
        else:
            yield from listed(item, path, self.report)

    def of_matrix(self, node: Node, path: str) -> Iterator[JobEntry]:
        """Yield a job for each combination of a matrix; its values make its name."""
        before = len(self.report.problems)
        found = resolve(node, path, self.scope, self.report)
        if len(self.report.problems) > before:
            return
        if not isinstance(found, Mapping):
            sentence = f"must be a mapping from names to lists, not {shape(found)}"
            self.report.problem(node, path, sentence, "write matrix: {region: [eu, us]}", Code.JOB)
            return
        items = combinations(found, path, self.report)
        if items is not None and not items:
            self.report.problem(node, path, "has no combination", _NO_JOBS, Code.JOB)
        for item in items or ():
            name = "_".join(filter(None, (_as_name(value) for _, value in item.entries)))
            key = Scalar("name", "name", item.place)
            own = item if item.get("name") is not None else None
            pair = (key, Scalar(name, name, item.place, quoted=True))
            values = own or Mapping((pair, *item.entries), item.place)
            yield from listed(values, path, self.report)

    def problem(self, node: Node, sentence: str, hint: str | None = None) -> None:
        self.report.problem(node, "jobs", sentence, hint, code=Code.JOB)


def _as_name(value: Node) -> str:
    """Write a value of a matrix as a part of a name; of a mapping, its own name."""
    inner = value.get("name") if isinstance(value, Mapping) else None
    return _NOT_OF_AN_ID.sub("_", written_out(inner or value) or "").strip("_")


# --- job_defaults


def defaults_of(node: Node | None, report: Report) -> Mapping | None:
    """Read ``job_defaults``."""
    if node is None or is_null(node):
        return None
    report.places["job_defaults"] = node.place
    if not isinstance(node, Mapping):
        sentence = f"must be a mapping of values that jobs have, not {shape(node)}"
        report.problem(node, "job_defaults", sentence, code=Code.JOB)
        return None
    if (name := node.get("name")) is not None:
        report.problem(name, "job_defaults.name", "each job has a name of its own", "leave 'name' out", Code.JOB)
        return None
    return node


def _with_defaults(values: Mapping, defaults: Mapping, scope: Scope, report: Report) -> Mapping:
    """Put the defaults below the values of a job, at any depth of mappings; they may name the job's own values."""
    resolved = resolve(defaults, "job_defaults", scope.of_job(values), report)
    assert isinstance(resolved, Mapping)  # a mapping is never resolved to something else
    return _merged(resolved, values)


def _merged(weak: Mapping, strong: Mapping) -> Mapping:
    below = {key.text: value for key, value in weak.entries}
    own = {key.text for key, _ in strong.entries}
    entries: list[tuple[Scalar, Node]] = []
    for key, value in strong.entries:
        other = below.get(key.text)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            value = _merged(other, value)
        entries.append((key, value))
    return Mapping((*entries, *(pair for pair in weak.entries if pair[0].text not in own)), strong.place)
