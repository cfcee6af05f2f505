"""Imports from Airflow that were right once: whether they still are, and what to write instead.

Nothing is imported: Airflow keeps a table of the old modules that it still answers for, and that is read as text.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping

from airfleet.pipelines.analysis import short_names, well_known
from airfleet.pipelines.analysis.module_files import module_file
from airfleet.pipelines.upgrade import names as moved_names
from airfleet.provider_names import of_module, package


def is_airflow(module: str) -> bool:
    """Tell whether this is Airflow, or a module of it."""
    return module == "airflow" or module.startswith("airflow.")


@functools.cache
def is_gone(module: str, name: str) -> bool:
    """Tell whether ``from module import name`` fails in Airflow 3."""
    if name in moved_names.GONE_NAMES.get(module, ()) or module_is_gone(module):
        return True
    if module in moved_names.SHIMMED:  # as in 1.10: from airflow.operators import BashOperator
        return module_is_gone(f"{module}.{name}")
    package, _, last = module.rpartition(".")
    shim = _shims(package).get(last, frozenset()) if package in moved_names.SHIMMED else frozenset()
    return bool(shim) and "*" not in shim and name not in shim and name != "*"


def module_is_gone(module: str) -> bool:
    """Tell whether ``import module`` fails in Airflow 3."""
    if any(module == gone or module.startswith(f"{gone}.") for gone in moved_names.GONE_MODULES):
        return True
    package, _, last = module.rpartition(".")
    if package not in moved_names.SHIMMED or module_file("airflow.sdk") is None:
        return False
    return module_file(module) is None and last not in _shims(package)


@functools.cache
def _shims(package: str) -> Mapping[str, frozenset[str]]:
    """List old modules of a package that Airflow answers for without files, and the names in them.

    They are written in the package itself, as a mapping from modules to names and where those are now.
    """
    file = module_file(package)
    tree = ast.parse(file.read_bytes()) if file is not None else ast.Module([], [])
    found: dict[str, frozenset[str]] = {}
    for node in (inner for inner in ast.walk(tree) if isinstance(inner, ast.Dict)):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(value, ast.Dict):
                names = (name.value for name in value.keys if isinstance(name, ast.Constant))
                found[str(key.value)] = frozenset(map(str, names))
    return found


# --- what to write


def not_there(name: str) -> str:
    """Write the sentence about a name that is gone."""
    return f"'{name}' is not there in Airflow 3"


def instead(name: str, alias: str | None) -> str | None:
    """Write the import to write; under the old name, so that the rest of the file can stay."""
    if name not in moved_names.NOW:
        return moved_names.GONE.get(name)
    module, _, new = moved_names.NOW[name].rpartition(".")
    local = alias or name
    return f"write: from {module} import {new}{'' if local == new else f' as {local}'}" + _and_install(module)


def gone(path: str) -> tuple[str, str | None] | None:
    """Sentence and hint for the import path of a class that Airflow 3 no longer has; None for every other path."""
    module, _, name = path.rpartition(".")
    if not is_airflow(module) or not is_gone(module, name):
        return None
    return not_there(path), uses_instead(name) or moved_names.GONE.get(name)


def now(path: str) -> str:
    """Say where the class of an old path that Airflow still answers for stands now; any other path as it is."""
    module, _, name = path.rpartition(".")
    is_shimmed = module.rpartition(".")[0] in moved_names.SHIMMED and module_file(module) is None
    return moved_names.NOW.get(name, path) if is_shimmed else path


def renamed(path: str) -> str | None:
    """Return the new path of a class of a provider that was renamed; None for every other path."""
    module, _, name = path.rpartition(".")
    has_other_name = moved_names.NOW.get(name, name).rpartition(".")[2] != name
    return uses_instead(name) if is_airflow(module) and has_other_name else None


def uses_instead(name: str) -> str | None:
    """Return what ``uses`` takes for the class of this name, wherever it was once imported from."""
    path = moved_names.NOW.get(name)
    if path is None:
        return None
    module, _, now = path.rpartition(".")
    provider = of_module(module)
    if provider is None or short_names.is_installed(provider):
        return f"write uses: {next(iter(short_names.of_class(now)), path)}"
    return f"write uses: {short_names.short_of(now) or path}, and {well_known.missing(provider)[1]}"


def instead_of_module(module: str) -> str | None:
    """Guess from a module's name, which mostly is that of its class: ``bash_operator`` has ``BashOperator``."""
    wanted = module.rpartition(".")[2].replace("_", "").lower()
    name = next((name for name in moved_names.NOW if name.lower() == wanted), None)
    return instead(name, None) if name else None


def _and_install(module: str) -> str:
    provider = of_module(module)
    return "" if provider is None or short_names.is_installed(provider) else f", and install {package(provider)}"
