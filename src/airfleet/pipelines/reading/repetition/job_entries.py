"""The shapes in which a job is written: an item of a list with its name, or a value under its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


def named(key: Scalar, value: Node, report: Report) -> Iterator[JobEntry]:
    """Yield the job under its name, unless it has no shape of one."""
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


def listed(item: Node, path: str, report: Report) -> Iterator[JobEntry]:
    """Yield the job in a list, unless it has no shape of one."""
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
