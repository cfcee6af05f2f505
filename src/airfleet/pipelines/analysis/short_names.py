"""Short names of operators: ``bash``, ``http``, ``amazon.s3_list``; found by reading files, nothing is imported.

A name without a provider is that of the standard provider, or else of the only installed provider that has it. The
files of other providers are read when a name asks for them: most pipelines need none of it.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from airfleet.pipelines.analysis.module_files import find_file, module_file

STANDARD: Final = "standard"

_OPERATOR_CLASS = re.compile(r"^class ([A-Z]\w*)\(([^)]*)", re.MULTILINE)
_OPERATOR_MODULE = re.compile(r"""["'](airflow\.providers\.[\w.]+\.(?:operators|sensors|transfers)\.[\w.]+)["']""")
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FACTS: Final = "get_provider_info.py"


@dataclass(frozen=True)
class ShortName:
    """One name that ``uses`` takes, without its provider, and the class behind it."""

    name: str
    #: the import path of the class
    path: str
    provider: str

    @property
    def whole(self) -> str:
        """The name with its provider, which is never ambiguous."""
        return f"{self.provider}.{self.name}"


def resolve(written: str) -> str | None:
    """Find the import path behind a short name (``bash``, ``http.http``), or None when there is none, or several.

    An import path is given back as it is: its last part begins with a capital.
    """
    provider, _, name = written.rpartition(".")
    if provider and name.lstrip("_")[:1].isupper():
        return written
    if provider:
        return short_names(provider).get(name)
    found = named(name)
    return found[0].path if len(found) == 1 else None


def named(name: str) -> tuple[ShortName, ...]:
    """List the operators that a name without a provider may mean: one, or several of which none is standard's.

    >>> [found.path for found in named("bash")]
    ['airflow.providers.standard.operators.bash.BashOperator']
    """
    standard = short_names().get(name)
    if standard is not None:
        return (ShortName(name, standard, STANDARD),)
    return _by_name().get(name, ())


@functools.cache
def _by_name() -> Mapping[str, tuple[ShortName, ...]]:
    found: dict[str, tuple[ShortName, ...]] = {}
    for short in all_names():
        found[short.name] = (*found.get(short.name, ()), short)
    return found


def all_names() -> tuple[ShortName, ...]:
    """List every short name of every installed provider, with its class: what an editor completes after ``uses:``."""
    return tuple(
        ShortName(name, path, provider) for provider in providers() for name, path in short_names(provider).items()
    )


@functools.cache
def unprefixed() -> frozenset[str]:
    """List the names that need no provider in front of them."""
    return frozenset(name for name, found in _by_name().items() if len(found) == 1) | short_names().keys()


def of_class(class_name: str) -> tuple[str, ...]:
    """List what ``uses`` takes for an installed class of this name: ``bash`` for ``BashOperator``."""
    by_path: dict[str, ShortName] = {}
    for short in all_names():
        if short.path.rpartition(".")[2] == class_name:
            by_path.setdefault(short.path, short)
    return tuple(short.name if len(named(short.name)) == 1 else short.whole for short in by_path.values())


# --- one provider


@functools.cache
def short_names(provider: str = STANDARD) -> Mapping[str, str]:
    """Short name → import path of every operator and sensor of an installed provider.

    The name is the class in snake case without ``Operator``; sensors keep ``_sensor``. Where the module spells
    the same words differently (``trigger_dagrun``), its spelling works too.
    """
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for module, file in _operator_modules(provider):
        for class_name, short in _operator_classes(file).items():
            names.setdefault(short, f"{module}.{class_name}")
            if short.replace("_", "") == file.stem.replace("_", ""):
                aliases[file.stem] = f"{module}.{class_name}"
    return MappingProxyType({**aliases, **names})


def _operator_modules(provider: str) -> tuple[tuple[str, Path], ...]:
    """List the modules in which a provider says it has operators and sensors."""
    if not re.fullmatch(r"\w+(\.\w+)*", provider):
        return ()
    listed = dict.fromkeys(_OPERATOR_MODULE.findall(info_of(provider)))
    files = ((module, module_file(module)) for module in listed)
    return tuple((module, file) for module, file in files if file is not None)


def _operator_classes(file: Path) -> dict[str, str]:
    return {
        name: short
        for name, bases in _OPERATOR_CLASS.findall(_text(file))
        if not name.startswith("Base") and (short := short_of(name, bases))
    }


def short_of(name: str, bases: str = "") -> str | None:
    """Write the short name of a class; None for one that is no operator.

    >>> short_of("S3KeySensor"), short_of("SSHOperator"), short_of("SSHHook")
    ('s3_key_sensor', 'ssh', None)
    """
    if name.endswith("Operator"):
        return snake_case(name.removesuffix("Operator"))
    if name.endswith("Sensor") or re.search(r"\bBaseOperator\b", bases):
        return snake_case(name)
    return None


def snake_case(name: str) -> str:
    """Write a name in lower case: ``BranchPython`` → ``branch_python``, ``HITLEntry`` → ``hitl_entry``."""
    return _WORD_BOUNDARY.sub("_", name).lower()


# --- providers


def is_installed(provider: str) -> bool:
    """Tell whether Airflow's provider of this name (``http``, ``common.sql``) is installed."""
    return _facts_of(provider) is not None


def info_of(provider: str) -> str:
    """Read the text in which an installed provider says what it has; empty for one that is not installed."""
    file = _facts_of(provider)
    return _text(file) if file is not None else ""


def _facts_of(provider: str) -> Path | None:
    return find_file(f"airflow/providers/{provider.replace('.', '/')}/{_FACTS}")


@functools.cache
def providers() -> tuple[str, ...]:
    """List the installed providers, the standard one first."""
    found = {name for folder in sys.path for name in _providers_in(os.path.join(folder or ".", "airflow/providers"))}
    return tuple(sorted(found, key=lambda name: (name != STANDARD, name)))


def _providers_in(folder: str, before: str = "") -> Iterator[str]:
    """Yield the providers in a folder; a family such as ``apache`` or ``common`` has them one folder further in."""
    try:
        entries = os.listdir(folder)
    except OSError:
        return
    for name in entries:
        inner = os.path.join(folder, name)
        if os.path.isfile(os.path.join(inner, _FACTS)):
            yield before + name
        elif not before and name.isidentifier():
            yield from _providers_in(inner, f"{name}.")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
