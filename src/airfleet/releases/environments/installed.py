"""The distributions of this host: they bound what a release may require, and serve its environments."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from airfleet.releases.environments.lock import normal

AIRFLEET: Final = "airfleet"
_AIRFLOW: Final = "apache-airflow"


def versions() -> dict[str, str]:
    """Give the version of every distribution that is installed here."""
    return {normal(found.name): found.version for found in metadata.distributions()}


def write_project(folder: Path) -> None:
    """Write airfleet as a project of which uv reads the requirements, without building it.

    Each distribution of Airflow that it brings is bound to the version that is installed.
    """
    extras = metadata.metadata(AIRFLEET).get_all("Provides-Extra") or []
    lines = ["[project]", f"name = {json.dumps(AIRFLEET)}", f"version = {json.dumps(metadata.version(AIRFLEET))}"]
    lines.append(f"dependencies = {json.dumps([*_requirements(AIRFLEET), *_airflow_pins()])}")
    lines.append("[project.optional-dependencies]")
    lines += [f"{extra} = {json.dumps(list(_of_extra(AIRFLEET, extra)))}" for extra in extras]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _airflow_pins() -> list[str]:
    return [f"{name}=={metadata.version(name)}" for name in sorted(needed()) if name.startswith(_AIRFLOW)]


def needed() -> frozenset[str]:
    """Give the names of airfleet and of all that it brings."""
    return frozenset(_closure(AIRFLEET, set()))


def _closure(name: str, seen: set[str]) -> set[str]:
    """Give the names of a distribution and of all that it brings, of those that are installed."""
    if name not in seen:
        seen.add(name)
        for text in _requirements(name):
            found = normal(Requirement(text).name)
            if _is_installed(found):
                _closure(found, seen)
    return seen


def _requirements(name: str) -> Iterator[str]:
    """Give what a distribution needs here, without its extras."""
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            yield str(requirement)


def _of_extra(name: str, extra: str) -> Iterator[str]:
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        marker = requirement.marker
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            requirement.marker = None
            yield str(requirement)


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def link(name: str, site: Path) -> None:
    """Link the files of an installed distribution, and their bytecode, into another environment's packages.

    Programs are left out: their first line names the Python of this installation.
    """
    distribution = metadata.distribution(name)
    for path in distribution.files or ():
        source = str(distribution.locate_file(path))
        if not path.parts[0].startswith("..") and not path.is_absolute() and os.path.isfile(source):
            for one, place in _with_bytecode(source, os.fspath(path)):
                _link(one, os.path.join(site, place))


def _with_bytecode(source: str, place: str) -> Iterable[tuple[str, str]]:
    yield source, place
    if source.endswith(".py"):
        compiled = importlib.util.cache_from_source(source)
        if os.path.isfile(compiled):
            yield compiled, importlib.util.cache_from_source(place)


def _link(source: str, target: str) -> None:
    """Link a file; where the kernel refuses (another file system, a file of root), by its name, or copy it."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        pass  # two distributions have it, or a record names its bytecode, too
    except OSError:
        try:
            os.symlink(source, target)
        except OSError:
            shutil.copy2(source, target)
