"""Documents of a file, of whatever format, as documents of ours."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from typing import Final

from airfleet.errors import Problem
from airfleet.pipelines.dialects import airflow_yaml
from airfleet.pipelines.dialects.dag_factory import documents, outer_defaults
from airfleet.pipelines.dialects.environment_names import Environment
from airfleet.pipelines.dialects.translation import Translation
from airfleet.pipelines.dialects.written_paths import WrittenPaths
from airfleet.pipelines.files.dag_factory_files import is_dag_factory
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Mapping, Node


def load(text: str, file: str) -> tuple[tuple[Node, ...], tuple[Problem, ...]]:
    """Read every document of a file; lists with a tag of dag-factory 0.x are those of its 1.x in a file of it."""
    documents, problems = nodes.load(text, file)
    if problems and "!" in text and any(map(is_dag_factory, documents)):
        return nodes.load(text, file, _TAGS)
    return documents, problems


_TAGS: Final = {f"!{name}": f"__{name}__" for name in ("and", "or", "join")}


class Translator:
    """The documents of one file."""

    def __init__(self, file: str, environ: AbstractMapping[str, str] | None, only: str | None = None) -> None:
        self.only = only
        self.paths = WrittenPaths()
        self.translation = Translation(file, Environment(environ), dt.date.today())

    @property
    def problems(self) -> list[Problem]:
        """List what is wrong, so far."""
        return self.translation.report.problems

    @property
    def remarks(self) -> list[Problem]:
        """List what was left out, so far."""
        return self.translation.remarks

    def documents(self, document: Node) -> Iterator[tuple[Node, bool]]:
        """Yield the documents of ours that a document stands for, and whether something is wrong with each."""
        if isinstance(document, Mapping) and airflow_yaml.is_airflow_yaml(document):
            yield airflow_yaml.document(document, self.translation), False
            return
        if not (isinstance(document, Mapping) and is_dag_factory(document)):
            yield document, False
            return
        self.paths.add(document)
        outer = outer_defaults.of(self.translation)
        before = self.translation.faults
        for ours in documents.documents(document, self.translation, outer, self.only):
            yield ours, self.translation.faults > before
            before = self.translation.faults
