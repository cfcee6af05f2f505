"""``jobs: {from: jobs.csv}``: jobs in files of their own. Problems in them name the file and the place in it.

======================  =============================================================
``jobs.csv``            a row for each job, see ``csv_table``
``jobs.yaml, .json``    a list of jobs, or a mapping from their names to their values
``jobs/*.yaml``         a file for each job; its name is the file's, unless it says one
======================  =============================================================
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from airfleet.errors import Problem
from airfleet.pipelines.files.shared_files import Library, NamedText, NotTaken
from airfleet.pipelines.language.expressions.functions import shape
from airfleet.pipelines.language.expressions.scope import Scope
from airfleet.pipelines.language.interpolation import resolve
from airfleet.pipelines.reading.repetition import csv_table
from airfleet.pipelines.reading.repetition.job_entries import JobEntry, listed, named
from airfleet.problem_codes import Code
from airfleet.yaml import nodes
from airfleet.yaml.nodes import MAX_NODES, Mapping, Node, Scalar, Sequence, is_null
from airfleet.yaml.problems import Report

_TABLES: Final = (".csv", ".tsv")
_TREES: Final = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class JobFiles:
    """Where the files of jobs of one pipeline file are found."""

    library: Library
    file: str

    def jobs(self, node: Node, path: str, scope: Scope, report: Report) -> Iterator[JobEntry]:
        """Yield the jobs of the files that ``node`` names: a path, a pattern, or a list of them."""
        before = len(report.problems)
        found = resolve(node, path, scope, report)
        if len(report.problems) > before:
            return
        items = found.items if isinstance(found, Sequence) else (found,)
        if not items:
            report.problem(node, path, "names no file", code=Code.JOB)
        for item in items:
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value:
                yield from self._named_by(item, path, scope, report)
            else:
                report.problem(node, path, f"must be the path of a file, not {shape(item)}", code=Code.JOB)

    def _named_by(self, item: Scalar, path: str, scope: Scope, report: Report) -> Iterator[JobEntry]:
        said_in = item.place.file or self.file
        if set(item.text).isdisjoint("*?["):
            yield from _Source(item, path, scope, report).jobs(self.library.text(item.text, said_in, self.file))
            return
        names = self.library.matching(item.text, said_in, self.file)
        if isinstance(names, NotTaken):
            report.problem(item, path, names.sentence, names.hint, Code.JOB)
            return
        source = _Source(item, path, scope, report, is_one=True)
        found = [name for name in names if os.path.basename(name) != os.path.basename(self.file)]
        if not found:
            report.problem(item, path, f"no file fits '{item.text}'", code=Code.JOB)
        for name in found:
            yield from source.jobs(self.library.text(name, said_in, self.file))


@dataclass(frozen=True)
class _Source:
    """One value that names files of jobs."""

    node: Scalar
    path: str
    scope: Scope
    report: Report
    #: whether each file is one job
    is_one: bool = False

    def jobs(self, found: NamedText | NotTaken) -> Iterator[JobEntry]:
        """Yield the jobs of one file."""
        if isinstance(found, NotTaken):
            self.problem(found.sentence, found.hint)
            return
        self.scope.sources.add(found.name, found.text)
        documents, problems = self.read(found)
        self.report.problems.extend(problems)
        if problems:
            self.report.note_slip(self.path)
        elif not any(map(self.has_jobs, documents)):
            self.problem(f"'{found.name}' has no jobs")
        for document in documents:
            if not self.report.budget.take(document):
                sentence = f"with '{found.name}', the jobs come to more than {MAX_NODES:,} values"
                self.report.problem(self.node, self.path, sentence, code=Code.FILE_LIMIT)
                return
            yield from self.of_document(document, found.name)

    def has_jobs(self, document: Node) -> bool:
        """Tell whether a document is more than an empty list or mapping; of a file for each job, a mapping may be."""
        if isinstance(document, Mapping):
            return self.is_one or bool(document.entries)
        return not isinstance(document, Sequence) or bool(document.items)

    def read(self, found: NamedText) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
        """Read a file as its name says."""
        suffix = os.path.splitext(found.name)[1].lower()
        if suffix in _TABLES:
            rows, problems = csv_table.read(found.text, found.name)
            return ((Sequence(rows, rows[0].place),) if rows else ()), problems
        if suffix in _TREES:
            return nodes.load(found.text, found.name)
        sentence = f"'{found.name}' is no file of jobs: its name has to end in .csv, .json, .yaml or .yml"
        hint = f"write {self.node.text}.yaml" if self.is_one and self.node.text.endswith("*") else None
        return (), (Problem(self.node.place, self.path, sentence, hint, Code.JOB),)

    def of_document(self, document: Node, name: str) -> Iterator[JobEntry]:
        """Yield the jobs of one document."""
        if isinstance(document, Sequence):
            for index, item in enumerate(document.items):
                yield from listed(item, f"jobs[{index}]", self.report)
        elif isinstance(document, Mapping) and (self.is_one or isinstance(document.get("name"), Scalar)):
            yield from listed(_with_name(document, name), "jobs[0]", self.report)
        elif isinstance(document, Mapping) and all(isinstance(v, Mapping) or is_null(v) for _, v in document.entries):
            for key, value in document.entries:
                yield from named(key, value, self.report)
        else:
            sentence = "a file of jobs is a list of them, or a mapping from their names to mappings"
            hint = "a file for each job is found by a pattern: from: 'jobs/*.yaml'"
            self.report.problem(document, self.path, sentence, hint, Code.JOB)

    def problem(self, sentence: str, hint: str | None = None) -> None:
        self.report.problem(self.node, self.path, sentence, hint, Code.JOB)


def _with_name(job: Mapping, file: str) -> Mapping:
    """Give a job the name of its file, unless it says one."""
    if job.get("name") is not None:
        return job
    stem = os.path.splitext(os.path.basename(file))[0]
    key = Scalar("name", "name", job.place)
    return Mapping(((key, Scalar(stem, stem, job.place, quoted=True)), *job.entries), job.place)
