"""Files in Python that have dag-factory load YAML files, which airfleet reads itself: each Dag would be made twice.

The YAML wins. A loader is left out where the files that it loads are read anyway, and does its work everywhere else.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airfleet.errors import Place, Problem
from airfleet.file_stamps import Stamp, stamp
from airfleet.pipelines.files import listing
from airfleet.pipelines.files.dag_factory_files import is_dag_factory
from airfleet.pipelines.files.project_files import SUFFIXES, read_bytes, read_python, read_text
from airfleet.problem_codes import Code
from airfleet.yaml import nodes

_PACKAGE: Final = "dagfactory"
_LOADS: Final = ("load_yaml_dags", "DagFactory")
#: arguments by which Dags come from Python, and not from a file
_FROM_PYTHON: Final = ("config", "config_dict")
_MAKES_DAGS: Final = ("DAG", "dag")


@dataclass(frozen=True)
class Loader:
    """A file in Python that does nothing but load YAML files."""

    place: Place
    #: names of YAML files that are written in it; none when it loads whole folders
    names: frozenset[str]


def loader_in(file: Path) -> Loader | None:
    """Find out whether a file in Python is a loader of YAML files alone."""
    content = read_bytes(file)
    if isinstance(content, Problem) or _PACKAGE.encode() not in content:
        return None
    text = read_python(file)
    try:
        tree = ast.parse(text) if isinstance(text, str) else ast.Module([], [])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    loads = [call for call in calls if _name(call.func) in _LOADS]
    if not loads or any(keyword.arg in _FROM_PYTHON for call in loads for keyword in call.keywords):
        return None
    if any(_name(call.func) in _MAKES_DAGS for call in calls) or _has_decorated_dags(tree):
        return None
    return Loader(Place(str(file), loads[0].lineno, loads[0].col_offset + 1), _yaml_names(tree))


def loaded_files(loader: Loader, read: Iterable[Path]) -> tuple[Path, ...]:
    """List those of the files that airfleet reads which the loader loads; none unless all it names are among them."""
    folder = Path(loader.place.file).absolute().parent
    candidates = [file for file in read if not loader.names or file.name in loader.names]
    if not loader.names:
        candidates = [file for file in candidates if file.absolute().is_relative_to(folder)]
    found = tuple(file for file in candidates if _is_of_dag_factory(file))
    return found if loader.names <= {file.name for file in found} else ()


def is_left_out(file: Path, root: Path | None, rules: listing.Rules) -> bool:
    """Tell whether a file in Python is a loader of files that are read without it."""
    loader = loader_in(file)
    return loader is not None and bool(loaded_files(loader, listing.of(root or file.parent, rules).pipelines))


def remark(file: Path, read: Iterable[Path]) -> Problem | None:
    """Remark on a loader of files that are read without it; None for every other file."""
    loader = loader_in(file)
    files = loaded_files(loader, read) if loader is not None else ()
    if loader is None or not files:
        return None
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    sentence = f"this loader is not run: airfleet itself reads what it loads, {files[0].name}{more}"
    return Problem(loader.place, "", sentence, "delete it; the Dags stay", Code.FILE_NOT_READ)


def _is_of_dag_factory(file: Path) -> bool:
    return _is_of_dag_factory_as_it_is(str(file), stamp(str(file)))


@functools.lru_cache(maxsize=4096)
def _is_of_dag_factory_as_it_is(file: str, seen: Stamp | None) -> bool:
    """Tell it of a file as it was ``seen``: several loaders may load it."""
    text = read_text(Path(file)) if seen is not None else ""
    return isinstance(text, str) and any(map(is_dag_factory, nodes.load(text, file)[0]))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _has_decorated_dags(tree: ast.Module) -> bool:
    return any(
        _name(decorator) in _MAKES_DAGS
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
    )


def _yaml_names(tree: ast.Module) -> frozenset[str]:
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return frozenset(
        Path(text).name for text in texts if text.endswith(SUFFIXES) and not Path(text).name.startswith(".")
    )
