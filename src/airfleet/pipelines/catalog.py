"""What is installed, found by reading files: no Airflow and no user code is imported.

Operators and functions are found by walking ``sys.path`` as an import would, and by reading the
source with patterns and :mod:`ast`. What cannot be known this way (a compiled module, a class made
at run time) is answered with "unknown", never with "missing".
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

_PROVIDERS: Final = "airflow/providers"
_OPERATOR_CLASS = re.compile(r"^class ([A-Z]\w*?)(Operator|Sensor)\b", re.MULTILINE)
_OPERATOR_MODULE = re.compile(r"""["'](airflow\.providers\.[\w.]+\.(?:operators|sensors|transfers)\.[\w.]+)["']""")
_WORD_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def resolve(written: str) -> str | None:
    """The import path behind a short name (``bash``, ``http.http``), or None when there is none.

    An import path is given back as it is: its last part begins with a capital.
    """
    last = written.rpartition(".")[2]
    if "." in written and last[:1].isupper():
        return written
    provider, _, name = written.rpartition(".")
    return short_names(provider or "standard").get(name)


@functools.cache
def short_names(provider: str = "standard") -> Mapping[str, str]:
    """Short name → import path of every operator and sensor of an installed provider.

    The name is the class in snake case without ``Operator``; sensors keep ``_sensor``.
    """
    names: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for module, file in _operator_modules(provider):
        found = _operator_classes(file)
        for class_name, short in found.items():
            names.setdefault(short, f"{module}.{class_name}")
        stem = file.stem
        for class_name, short in found.items():
            if short.replace("_", "") == stem.replace("_", ""):
                aliases[stem] = f"{module}.{class_name}"
    return MappingProxyType({**aliases, **names})


def _operator_classes(file: Path) -> dict[str, str]:
    text = _source(file)
    found = {}
    for name, suffix in _OPERATOR_CLASS.findall(text):
        if not name.startswith("Base"):
            found[name + suffix] = snake_case(name) + ("_sensor" if suffix == "Sensor" else "")
    return found


def snake_case(name: str) -> str:
    """``BranchPython`` → ``branch_python``, ``S3Key`` → ``s3_key``, ``HITLEntry`` → ``hitl_entry``."""
    return _WORD_BOUNDARY.sub("_", name).lower()


def _operator_modules(provider: str) -> tuple[tuple[str, Path], ...]:
    """The modules in which a provider says it has operators and sensors."""
    folder = provider.replace(".", "/")
    info = _find(f"{_PROVIDERS}/{folder}/get_provider_info.py")
    if info is None or not re.fullmatch(r"\w+(\.\w+)*", provider):
        return ()
    found = []
    for module in dict.fromkeys(_OPERATOR_MODULE.findall(_source(info))):
        file = module_file(module)
        if file is not None:
            found.append((module, file))
    return tuple(found)


def module_file(module: str, roots: tuple[str, ...] = ()) -> Path | None:
    """The source file that importing ``module`` would read, looked for in ``roots`` and then ``sys.path``."""
    path = module.replace(".", "/")
    return _find(f"{path}.py", roots) or _find(f"{path}/__init__.py", roots)


def _find(relative: str, roots: tuple[str, ...] = ()) -> Path | None:
    for root in (*roots, *sys.path):
        file = Path(root or ".", relative)
        if file.is_file():
            return file
    return None


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
