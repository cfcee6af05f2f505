"""The texts of files that a pipeline takes in, in place of their names: a change of such a file changes the Dag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from airfleet.errors import FleetError, Problem
from airfleet.pipelines.files.named_files import located
from airfleet.pipelines.files.project_files import project_root, read_text
from airfleet.pipelines.language.function_options import is_file
from airfleet.pipelines.language.spec import FileText, Isolation, Pipeline


def with_file_texts(pipeline: Pipeline) -> Pipeline:
    """Read each file that a checked pipeline names by ``$f``, and its files of requirements, in their places.

    Raises FleetError when a file cannot be read any more.
    """
    found: Pipeline = _Texts(Path(pipeline.file)).filled(pipeline)
    return found


class _Texts:
    """The texts of the files that one pipeline file names, each read once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.root = project_root(file)
        self._read: dict[Path, str] = {}

    def filled(self, value: Any) -> Any:
        """Give a value of the language with texts for the names of files, at any depth."""
        if isinstance(value, FileText):
            return self.text(located(value.path, value.said_in or str(self.file), self.root), value.path)
        if isinstance(value, Isolation):
            value = self.with_requirements(value)
        if isinstance(value, Mapping):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, tuple):
            return tuple(map(self.filled, value))
        if not is_dataclass(value) or isinstance(value, type):
            return value
        names = [one.name for one in fields(value) if one.compare and one.init]
        return replace(value, **{name: self.filled(getattr(value, name)) for name in names})

    def with_requirements(self, isolation: Isolation) -> Isolation:
        """List what is in a requirements file."""
        written = isolation.options.get("requirements")
        if not isinstance(written, str) or not is_file(written):
            return isolation
        beside = self.file.parent / written
        text = self.text(beside if beside.is_file() else self.root / written, written)
        return replace(isolation, options={**isolation.options, "requirements": tuple(text.splitlines())})

    def text(self, path: Path | None, written: str) -> str:
        """Read a file. Raises FleetError."""
        text = self._read.get(path) if path is not None else None
        if text is None:
            read = read_text(path) if path is not None else None
            if path is None or not isinstance(read, str):
                reason = read.sentence if isinstance(read, Problem) else "it lies outside the project"
                raise FleetError(f"'{written}' cannot be read: {reason}")
            text = self._read[path] = read
        return text
