"""The place where something that a pipeline names is defined: a function, a class, a task, a template, a file."""

from __future__ import annotations

from pathlib import Path

from airfleet.editor import documentation, entries
from airfleet.editor.spots import Written
from airfleet.errors import Place
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.yaml.nodes import Mapping

_OF_FILES = ("$f", "$file", "include")
_OF_ENTRIES = ("needs", "setups", "$x", "$xcom", "task")


def definition(written: Written, file: Path, roots: Roots) -> Place | None:
    """Find the definition of the value that is written there; None when it names nothing, or nothing that is there."""
    if written.is_key:
        return None
    name = written.scalar.text
    key = next((step for step in reversed(written.path) if isinstance(step, str)), "")
    if key in _OF_ENTRIES:
        entry = entries.called(written.document, written.path, name)
        return Place(str(file), entry.node.place.line, entry.node.place.column) if entry else None
    if key == "extends":
        return _template(written, name, file)
    if key in _OF_FILES:
        target = file.parent / name
        return Place(str(target)) if target.is_file() else None
    if key == "uses" or ":" in name:
        source = documentation.source_of(name, roots)
        return Place(str(source.file), source.line) if source and source.file else None
    return None


def _template(written: Written, name: str, file: Path) -> Place | None:
    templates = written.document.get("templates")
    for key, _ in templates.entries if isinstance(templates, Mapping) else ():
        if key.text == name:
            return Place(str(file), key.place.line, key.place.column)
    return None
