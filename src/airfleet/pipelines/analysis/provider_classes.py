"""Notifiers and timetables that are installed, by their import paths; found by reading files, nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from airfleet.pipelines.analysis import modules, short_names
from airfleet.pipelines.analysis.module_files import module_file, modules_in
from airfleet.pipelines.analysis.modules import Definition, Outline
from airfleet.pipelines.analysis.signatures import class_facts
from airfleet.pipelines.language.schedules import is_storable

_NOTIFIER: Final = re.compile(r"""["'](airflow\.providers\.[\w.]+\.notifications(?:\.\w+)*\.[A-Z]\w*)["']""")
_TIMETABLES: Final = "airflow.timetables"
_SDK: Final = "airflow.sdk"
_BASES: Final = frozenset({"Timetable", "BaseTimetable"})


def notifiers() -> tuple[str, ...]:
    """List the notifiers of the installed providers."""
    infos = (short_names.info_of(provider) for provider in short_names.providers())
    return tuple(sorted({path for info in infos for path in _NOTIFIER.findall(info)}))


def timetables() -> tuple[str, ...]:
    """List Airflow's timetables that a Dag can have, by their names in ``airflow.sdk`` and ``airflow.timetables``."""
    file = module_file(_TIMETABLES)
    names = [name for name in modules_in(file.parent) if not name.startswith("_")] if file is not None else []
    found = (_timetables_in(module) for module in (_SDK, *(f"{_TIMETABLES}.{name}" for name in names)))
    return tuple(path for some in found for path in some if is_storable(path))


def _timetables_in(module: str) -> Iterator[str]:
    outline = modules.read(module)
    for name in sorted(outline.names) if isinstance(outline, Outline) else ():
        if name.lstrip("_")[:1].isupper() and not name.startswith("_") and _is_timetable(module, name):
            yield f"{module}.{name}"


def _is_timetable(module: str, name: str) -> bool:
    """Tell whether a name is a class under the base of all timetables, defined in this module or given by the SDK."""
    found = modules.find(module, name)
    if not isinstance(found, Definition) or "timetables" not in found.module or name in _BASES:
        return False
    is_own = found.module == module or module == _SDK
    return is_own and not _BASES.isdisjoint(class_facts(found.module, name, ()).lineage)
