"""The place where something that a pipeline names is defined: a function, a class, a task, a template, a file."""

from __future__ import annotations

import os
from pathlib import Path

from airfleet.editor import documentation, entries, spots
from airfleet.editor.spots import Written
from airfleet.errors import Place
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.yaml.nodes import Mapping


def definition(written: Written, file: Path, roots: Roots) -> Place | None:
    """Find the definition of the value that is written there; None when it names nothing, or nothing that is there."""
    if written.is_key:
        return None
    name = written.scalar.text
    key = spots.key_of(written.path)
    if key in spots.OF_ENTRIES:
        entry = entries.called(written.document, written.path, name)
        return Place(str(file), entry.node.place.line, entry.node.place.column) if entry else None
    if key == "extends":
        return _template(written, name, file)
    if key in spots.OF_FILES:
        target = file.parent / name
        return Place(str(target)) if os.path.isfile(target) else None  # a Path refuses long names
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
