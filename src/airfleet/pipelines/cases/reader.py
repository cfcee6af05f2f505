"""A test file's text becomes :class:`~airfleet.pipelines.cases.spec.Case` values and problems, all at once."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airfleet.errors import Place, Problem
from airfleet.pipelines.cases import keys
from airfleet.pipelines.cases.keys import Table
from airfleet.pipelines.cases.spec import UNSET, Case, Expected, ExpectedTask, Mock
from airfleet.pipelines.files.project_files import TEST_SUFFIXES, read_text
from airfleet.problem_codes import Code
from airfleet.yaml import nodes
from airfleet.yaml.durations import seconds
from airfleet.yaml.nodes import Node, Scalar
from airfleet.yaml.problems import Report, in_order, joined


@dataclass(frozen=True)
class CaseFile:
    """Cases and problems of one test file; cases with a problem are left out."""

    cases: tuple[Case, ...]
    problems: tuple[Problem, ...] = ()


def read_file(path: Path) -> CaseFile:
    """Read a test file."""
    text = read_text(path)
    return CaseFile((), (text,)) if isinstance(text, Problem) else read(text, str(path))


def read(text: str, file: str) -> CaseFile:
    """Read the text of a test file. Never raises for any text."""
    documents, problems = nodes.load(text, file)
    report = Report(problems=list(problems), settled={problem.place for problem in problems})
    cases: list[Case] = []
    for document in documents[:1]:
        report.note_places(document, "")
        cases += _FileReader(file, report).read(document)
    if len(documents) > 1:
        hint = "write another file, or one list of cases"
        report.problem(documents[1], "", "a test file is one document", hint, Code.WRONG_SHAPE)
    if not documents and not problems:
        report.problem(_Start(Place(file)), "", "there are no cases in this file", None, Code.EMPTY_VALUE)
    return CaseFile(tuple(cases), in_order(report.problems))


def pipeline_of(file: str, named: str | None) -> Path:
    """Find the pipeline of a case: the one that it names, or that of the test file's own name, beside or above it."""
    path = Path(file)
    if named:
        return path.parent / named
    suffix = next((suffix for suffix in TEST_SUFFIXES if path.name.endswith(suffix)), path.suffix)
    name = path.name.removesuffix(suffix) + path.suffix
    beside = path.with_name(name)
    above = path.parent.parent / name
    return above if not beside.is_file() and above.is_file() else beside


@dataclass(frozen=True)
class _Start:
    """The beginning of a file."""

    place: Place


@dataclass
class _FileReader:
    file: str
    report: Report

    def read(self, document: Node) -> Iterator[Case]:
        found = self.keys_of(document, "", keys.FILE)
        shared = self.shared(found, "")
        names: dict[str, Place] = {}
        node = found.get("cases")
        if isinstance(node, nodes.Mapping):
            hint = "each case begins with '- name: …'"
            self.report.problem(node, "cases", "must be a list", hint, Code.WRONG_SHAPE)
            return
        for index, item in enumerate(self.items(node, "cases")):
            made = self.case(item, f"cases[{index}]", shared)
            if made is None:
                continue
            if made.name in names:
                hint = f"line {names[made.name].line} already has it"
                self.report.problem(item, f"cases[{index}].name", f"two cases are named '{made.name}'", hint)
            names.setdefault(made.name, item.place)
            if not any(path.startswith(f"cases[{index}]") for path in self.report.wrong):
                yield made

    def case(self, node: Node, path: str, shared: Mapping[str, Any]) -> Case | None:
        found = self.keys_of(node, path, keys.CASE)
        own = self.shared(found, path)
        name = self.text(found.get("name"), f"{path}.name")
        expected = self.expected(found.get("expect"), path)
        if not name:
            return None
        merged = _merged(shared, own)
        named = merged.pop("pipeline", None)
        pipeline = pipeline_of(self.file, named)
        places = self.report.places
        return Case(name, self.file, path, pipeline, expected=expected, places=places, **merged)

    def shared(self, found: Mapping[str, Node], path: str) -> dict[str, Any]:
        """Read the keys that a file and its cases have alike; only those that are there."""
        readers = {
            "pipeline": self.text,
            "job": self.text,
            "date": self.date,
            "now": self.date,
            "params": self.values,
            "variables": self.variables,
            "connections": self.connections,
            "mocks": self.mocks,
            "timeout": self.duration,
        }
        read = {key: reader(found[key], joined(path, key)) for key, reader in readers.items() if key in found}
        return {key: value for key, value in read.items() if value is not None}

    def expected(self, node: Node | None, path: str) -> Expected:
        if node is None:
            return Expected()
        found = self.keys_of(node, f"{path}.expect", keys.EXPECT)
        tasks = {
            key: self.expected_task(value, f"expect.tasks.{key}", path)
            for key, value in self.entries(found.get("tasks"), f"{path}.expect.tasks")
        }
        order = tuple(
            self.text(item, f"{path}.expect.order[{index}]") or ""
            for index, item in enumerate(self.items(found.get("order"), f"{path}.expect.order"))
        )
        run = self.choice(found.get("run"), f"{path}.expect.run", keys.RUN_STATES)
        return Expected(run, tasks, order)

    def expected_task(self, node: Node, path: str, case: str) -> ExpectedTask:
        whole = f"{case}.{path}"
        if isinstance(node, Scalar):
            return ExpectedTask(path, self.choice(node, whole, keys.TASK_STATES))
        found = self.keys_of(node, whole, keys.EXPECTED_TASK)
        return ExpectedTask(
            path,
            state=self.choice(found.get("state"), f"{whole}.state", keys.TASK_STATES),
            returns=nodes.plain(found["returns"]) if "returns" in found else UNSET,
            contains=nodes.plain(found["contains"]) if "contains" in found else UNSET,
            outputs=self.values(found.get("outputs"), f"{whole}.outputs"),
            rendered=self.values(found.get("rendered"), f"{whole}.rendered"),
            error=self.text(found.get("error"), f"{whole}.error"),
            tries=self.count(found.get("tries"), f"{whole}.tries", "tries"),
            copies=self.count(found.get("copies"), f"{whole}.copies", "copies"),
        )

    def mocks(self, node: Node | None, path: str) -> dict[str, Mock]:
        return {key: self.mock(value, f"{path}.{key}") for key, value in self.entries(node, path)}

    def mock(self, node: Node, path: str) -> Mock:
        if not isinstance(node, nodes.Mapping) or not {key.text for key, _ in node.entries} & set(keys.MOCK):
            hint = "write {returns: VALUE}, {fails: text} or {skips: true}"
            self.report.problem(node, path, "says nothing of returns, fails or skips", hint, Code.WRONG_SHAPE)
            return Mock()
        found = self.keys_of(node, path, keys.MOCK)
        ends = [key for key in ("returns", "fails", "skips") if key in found]
        if len(ends) > 1:
            self.report.problem(
                node, path, f"has {' and '.join(ends)}; a task ends in one way", None, Code.CONTRADICTION
            )
        return Mock(
            returns=nodes.plain(found["returns"]) if "returns" in found else None,
            fails=self.text(found.get("fails"), f"{path}.fails"),
            skips=self.boolean(found.get("skips"), f"{path}.skips"),
            outputs=self.values(found.get("outputs"), f"{path}.outputs"),
        )

    # --- connections and variables as Airflow's environment has them

    def variables(self, node: Node | None, path: str) -> dict[str, str]:
        return {name: _as_text(value) for name, value in self.values(node, path).items()}

    def connections(self, node: Node | None, path: str) -> dict[str, str]:
        made = {}
        for name, value in self.entries(node, path):
            if "=" in name or "\0" in name:
                sentence = "the environment cannot have a connection of this name"
                self.report.problem(value, f"{path}.{name}", sentence)
                continue
            if isinstance(value, Scalar):
                made[name] = self.text(value, f"{path}.{name}") or ""
                continue
            found = self.keys_of(value, f"{path}.{name}", keys.CONNECTION)
            plain = {key: nodes.plain(inner) for key, inner in found.items()}
            made[name] = json.dumps({"conn_type": plain.pop("type", ""), **plain}, default=str)
        return made

    # --- single values

    def keys_of(self, node: Node | None, path: str, table: Table) -> dict[str, Node]:
        """Read the keys of a mapping that ``table`` knows; others, and missing ones, are problems."""
        if not isinstance(node, nodes.Mapping):
            if node is not None:
                self.report.problem(node, path, "must be a mapping of keys to values", None, Code.WRONG_SHAPE)
            return {}
        found = {}
        for key, value in node.entries:
            if key.text in table:
                found[key.text] = value
                continue
            hint = self.report.hints.did_you_mean(key.text, table) or f"known keys: {', '.join(table)}"
            self.report.problem(key, joined(path, key.text), f"unknown key '{key.text}'", hint, Code.UNKNOWN_KEY)
        for name, known in table.items():
            if known.required and name not in found:
                self.report.problem(node, path, f"'{name}' is missing: {known.says}", None, Code.MISSING_KEY)
        return found

    def entries(self, node: Node | None, path: str) -> Iterator[tuple[str, Node]]:
        if isinstance(node, nodes.Mapping):
            yield from ((key.text, value) for key, value in node.entries)
        elif node is not None and not nodes.is_null(node):
            self.report.problem(node, path, "must be a mapping of names to values", None, Code.WRONG_SHAPE)

    def items(self, node: Node | None, path: str) -> Iterator[Node]:
        if isinstance(node, nodes.Sequence):
            yield from node.items
        elif node is not None:
            self.report.problem(node, path, "must be a list", None, Code.WRONG_SHAPE)

    def values(self, node: Node | None, path: str) -> dict[str, Any]:
        return {key: nodes.plain(value) for key, value in self.entries(node, path)}

    def text(self, node: Node | None, path: str) -> str | None:
        if node is None:
            return None
        if isinstance(node, Scalar) and node.value is not None and node.text:
            return node.text
        self.report.problem(node, path, "must be text", None, Code.WRONG_TYPE)
        return None

    def choice(self, node: Node | None, path: str, known: tuple[str, ...]) -> str | None:
        if node is None:
            return None
        text = node.text if isinstance(node, Scalar) else ""
        if text in known:
            return text
        hint = self.report.hints.did_you_mean(text, known)
        self.report.problem(node, path, f"must be one of {', '.join(known)}", hint, Code.NOT_A_CHOICE)
        return None

    def boolean(self, node: Node | None, path: str) -> bool:
        if node is None:
            return False
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.report.problem(node, path, "must be true or false", None, Code.WRONG_TYPE)
        return False

    def count(self, node: Node | None, path: str, key: str) -> int | None:
        if node is None:
            return None
        value = node.value if isinstance(node, Scalar) else None
        if type(value) is int and keys.EXPECTED_TASK[key].takes(value):
            return value
        self.report.problem(node, path, "must be a whole number, 0 or more", None, Code.WRONG_TYPE)
        return None

    def date(self, node: Node | None, path: str) -> dt.datetime | None:
        try:
            made = dt.datetime.fromisoformat(node.text if isinstance(node, Scalar) else "")
        except ValueError:
            if node is not None:
                self.report.problem(node, path, "must be a date, as in 2026-01-31 or 2026-01-31T06:00", None, Code.DATE)
            return None
        return made if made.tzinfo else made.replace(tzinfo=dt.UTC)

    def duration(self, node: Node | None, path: str) -> float | None:
        found = seconds(node.text) if isinstance(node, Scalar) else None
        if found is None and node is not None:
            self.report.problem(node, path, "must be a duration, as in 90s or 5m", None, Code.DURATION)
        return found


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the keys of a case over those of its file; mappings are merged."""
    merged = {**shared, **own}
    for key in shared.keys() & own.keys():
        if isinstance(own[key], Mapping):
            merged[key] = {**shared[key], **own[key]}
    return merged


def _as_text(value: Any) -> str:
    """Write a variable as Airflow keeps it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)
