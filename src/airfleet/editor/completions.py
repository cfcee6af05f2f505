"""Completions at a place of a pipeline file: keys, operators, arguments, ids, values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path as FilePath
from typing import Final

from airfleet.editor import documentation, entries, spots
from airfleet.editor.known_keys import known_keys
from airfleet.editor.spots import Spot
from airfleet.pipelines.analysis import provider_classes, short_names
from airfleet.pipelines.analysis.module_files import Roots
from airfleet.pipelines.language.arguments import (
    CONTEXT_NAMES,
    DAG_ARGUMENTS,
    GROUP_ARGUMENTS,
    TASK_ARGUMENTS,
)
from airfleet.pipelines.language.cron import PRESETS
from airfleet.pipelines.language.expressions.functions import FUNCTIONS
from airfleet.pipelines.language.values import MARKERS
from airfleet.yaml import nodes
from airfleet.yaml.nodes import Sequence


class Kind(Enum):
    """The sign that an editor shows beside a completion."""

    KEY = "key"
    VALUE = "value"
    CLASS = "class"
    FUNCTION = "function"
    REFERENCE = "reference"
    FILE = "file"


@dataclass(frozen=True)
class Completion:
    """One thing that may be written at the cursor."""

    label: str
    kind: Kind
    detail: str = ""
    #: the text to write, where it is more than the label
    text: str = ""


@dataclass(frozen=True)
class Project:
    """The folder of the file under edit, and the folders in which its modules are looked for."""

    folder: FilePath
    roots: Roots


def completions(spot: Spot, project: Project) -> list[Completion]:
    """List everything that may be written at the cursor; the editor picks by the word that is typed."""
    if "{{" in spot.before:
        return list(_in_expression(spot))
    found = _keys(spot, project) if spot.is_key else _values(spot, project)
    return list(dict.fromkeys(found))


# --- keys


def _keys(spot: Spot, project: Project) -> Iterator[Completion]:
    present = {key.text for key, _ in spot.beside.entries}
    for name, says in _known_keys(spot, project):
        if name not in present:
            yield Completion(name, Kind.KEY, says, f"{name}: ")


def _known_keys(spot: Spot, project: Project) -> Iterable[tuple[str, str]]:
    if known := known_keys(spot.path, spot.beside):
        return known.items()
    if spot.path[-1] in ("with", "expand") and len(spot.around) > 1:
        return _arguments(spot, project)
    return [(marker, "") for marker in MARKERS if len(marker) > 1]


def _arguments(spot: Spot, project: Project) -> Iterator[tuple[str, str]]:
    uses = documentation.named_by(spot.around[-2])
    if uses is None:
        return
    source = documentation.source_of(uses, project.roots)
    for name, is_needed in documentation.arguments_of(uses, project.roots).items():
        words = documentation.of_argument(source, name, project.roots) if source else ""
        yield name, " ".join(filter(None, ["(needed)" if is_needed else "", words]))


# --- values


def _values(spot: Spot, project: Project) -> Iterator[Completion]:
    key = spots.key_of(spot.path)
    if key in spots.OF_ENTRIES:
        yield from (Completion(name, Kind.REFERENCE) for name in entries.names_for(spot.document, spot.path))
    elif key == "extends":
        templates = spot.document.get("templates")
        names = [one.text for one, _ in templates.entries] if isinstance(templates, nodes.Mapping) else []
        yield from (Completion(name, Kind.REFERENCE) for name in names)
    elif key == "uses":
        yield from _uses(spot, project)
    elif key == "schedule":
        yield from (Completion(name, Kind.VALUE, says, f'"{name}"') for name, says in PRESETS.items())
    elif key in spots.OF_FILES:
        yield from _files(project.folder)
    else:
        yield from _choices(key)


def _choices(key: str) -> Iterator[Completion]:
    known = TASK_ARGUMENTS.get(key) or DAG_ARGUMENTS.get(key) or GROUP_ARGUMENTS.get(key)
    if known is not None and known.kind == "boolean":
        yield from (Completion(word, Kind.VALUE) for word in ("true", "false"))
    for choice in known.choices if known is not None else ():
        yield Completion(choice, Kind.VALUE)


def _uses(spot: Spot, project: Project) -> Iterator[Completion]:
    if ":" in spot.typed:
        module, _, _ = spot.typed.partition(":")
        yield from _functions(module, project)
        return
    yield from _classes(spots.key_of(spot.path[:-1]))
    yield from (Completion(f"{module}:", Kind.FILE) for module in _own_modules(project))


def _classes(key: str) -> Iterator[Completion]:
    """Complete the classes that ``uses`` takes in the value of a key: timetables, notifiers or operators."""
    if key in ("schedule", "or"):
        yield from (Completion(path, Kind.CLASS) for path in provider_classes.timetables())
    elif key.endswith("callback"):
        yield from (Completion(path, Kind.CLASS) for path in provider_classes.notifiers())
    else:
        for short in short_names.all_names():
            is_standard = short.provider == short_names.STANDARD
            yield Completion(short.name if is_standard else short.whole, Kind.CLASS, short.path)


def _functions(module: str, project: Project) -> Iterator[Completion]:
    from airfleet.pipelines.analysis import modules

    outline = modules.read(module, project.roots)
    names = outline.callables if isinstance(outline, modules.Outline) else ()
    yield from (Completion(f"{module}:{name}", Kind.FUNCTION) for name in names if not name.startswith("_"))


#: of a project, so many modules are offered
_MOST_MODULES: Final = 200


def _own_modules(project: Project) -> Iterator[str]:
    """List the modules of the project's folder and of its packages."""
    root = FilePath(project.roots[0])
    files = [*root.glob("*.py"), *root.glob("*/*.py"), *root.glob("*/*/*.py")][:_MOST_MODULES]
    for file in sorted(files):
        parts = file.relative_to(root).with_suffix("").parts
        if all(part.isidentifier() for part in parts) and parts[-1] != "__init__":
            yield ".".join(parts)


def _files(folder: FilePath) -> Iterator[Completion]:
    for file in sorted(folder.rglob("*"))[:_MOST_MODULES]:
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts):
            yield Completion(str(file.relative_to(folder)), Kind.FILE)


# --- ${{ }} and {{ }}


def _in_expression(spot: Spot) -> Iterator[Completion]:
    opened = spot.before.rpartition("{{")[0]
    if not opened.endswith("$"):
        yield from (Completion(name, Kind.VALUE) for name in sorted(CONTEXT_NAMES))
        return
    jobs = spot.document.get("jobs")
    first = jobs.items[0] if isinstance(jobs, Sequence) and jobs.items else None
    names = [key.text for key, _ in first.entries] if isinstance(first, nodes.Mapping) else ["name"]
    yield from (Completion(f"job.{name}", Kind.REFERENCE) for name in names)
    yield from (Completion(name, Kind.KEY) for name in ("env.", "vars.", "each"))
    for name, function in FUNCTIONS.items():
        yield Completion(name, Kind.FUNCTION, function.says, f"{name}(")
