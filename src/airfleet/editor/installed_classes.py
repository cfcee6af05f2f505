"""Operators, notifiers and timetables that are installed: what ``uses`` calls them, and what each takes.

All is read from their sources, as ``airfleet check`` does; nothing is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from airfleet.editor import documentation
from airfleet.pipelines.analysis import catalog, provider_classes, short_names
from airfleet.pipelines.analysis.catalog import Operator
from airfleet.pipelines.analysis.constructors import Maker, maker


@dataclass(frozen=True)
class Parameter:
    """An argument of a class: its annotation as it is written, and the words about it in a docstring."""

    annotation: str = ""
    says: str = ""


@dataclass(frozen=True)
class InstalledClass:
    """A class that ``uses`` may name."""

    #: what ``uses`` takes for it; the shortest first, the import path last
    names: tuple[str, ...]
    says: str
    parameters: Mapping[str, Parameter]
    required: tuple[str, ...] = ()
    #: whether it takes, or may take, other arguments too
    open: bool = False


def operators() -> tuple[InstalledClass, ...]:
    """List the operators and sensors of all installed providers, each class once."""
    return tuple(_operators())


def _operators() -> Iterator[InstalledClass]:
    for path, names in _names_by_path().items():
        found = catalog.operator(path)
        if isinstance(found, Operator) and found.is_operator:
            takes = found.signature
            annotations = {name: takes.annotations.get(name, "") for name in takes.parameters}
            yield _documented((*names, path), annotations, takes.required, takes.open)


def _names_by_path() -> dict[str, list[str]]:
    """Give the short names of each class: those that need no provider in front, then those with it."""
    found: dict[str, list[str]] = {}
    every, alone = short_names.all_names(), short_names.unprefixed()
    for short in every:
        is_plain = short.name in alone and short_names.resolve(short.name) == short.path
        found.setdefault(short.path, []).extend([short.name] if is_plain else [])
    for short in every:
        found[short.path].append(short.whole)
    return found


def notifiers() -> tuple[InstalledClass, ...]:
    """List the notifiers of all installed providers."""
    return tuple(_made(provider_classes.notifiers()))


def timetables() -> tuple[InstalledClass, ...]:
    """List Airflow's timetables."""
    return tuple(_made(provider_classes.timetables()))


def _made(paths: Iterable[str]) -> Iterator[InstalledClass]:
    for path in paths:
        found = maker(path)
        takes = found.takes if isinstance(found, Maker) else None
        if takes is None:
            yield _documented((path,), {}, (), True)
        else:
            yield _documented((path,), takes.annotations, takes.required, takes.open)


def _documented(
    names: tuple[str, ...], annotations: Mapping[str, str], required: tuple[str, ...], is_open: bool
) -> InstalledClass:
    """Add the words of docstrings: of the class, the first paragraph."""
    source = documentation.source_of(names[-1], ())
    words = documentation.of_arguments(source) if source else {}
    says = documentation.summary(source.docstring).partition("\n\n")[0] if source else ""
    parameters = {name: Parameter(written, words.get(name, "")) for name, written in annotations.items()}
    return InstalledClass(names, says, parameters, required, is_open)
