"""A file with Dags in Python as a pipeline file: a process with Airflow reads it, and its functions get a module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from airfleet.errors import FleetError, Place, Problem
from airfleet.pipelines.conversion import airflow_process
from airfleet.pipelines.conversion.moved_functions import moved
from airfleet.pipelines.dialects.node_building import literal, mapping, sequence
from airfleet.pipelines.files.project_files import read_python
from airfleet.problem_codes import Code
from airfleet.yaml.nodes import Node, Scalar

_PROGRAM: Final = "airfleet.pipelines.airflow.conversion.python_dags"


@dataclass(frozen=True)
class PythonFile:
    """The documents of a file, a module with its functions, and what could not be carried over."""

    documents: tuple[Node, ...]
    problems: tuple[Problem, ...]
    #: text of the module; empty when no task uses a function of the file
    module: str = ""


def read(file: Path, environ: Mapping[str, str]) -> PythonFile:
    """Read a file with Dags. Raises FleetError when Airflow cannot."""
    found = airflow_process.answer(_PROGRAM, [str(file)], file, environ)
    place = Place(str(file))
    problems = [Problem(place, path, sentence, code=Code.NOT_CARRIED_OVER) for path, sentence in found["notes"]]
    problems += [Problem(place, "", f"Airflow cannot read it: {error}") for error in found["errors"]]
    if not found["documents"] and not problems:
        problems.append(Problem(place, "", "there is no Dag in this file", code=Code.NOT_CARRIED_OVER))
    module, missing = _module(file, found["functions"])
    for name in missing:
        sentence = f"'{name}' is made when the file is read, and is not moved with the functions that use it"
        problems.append(Problem(place, name, sentence, code=Code.NOT_CARRIED_OVER))
    documents = tuple(node(document, place) for document in found["documents"])
    return PythonFile(documents, tuple(problems), module)


def _module(file: Path, functions: list[str]) -> tuple[str, tuple[str, ...]]:
    text = read_python(file)
    if not functions or not isinstance(text, str):
        return "", ()
    return moved(text, functions)


def node(value: Any, place: Place) -> Node:
    """Give a node for a value of JSON."""
    if isinstance(value, dict):
        return mapping(((Scalar(key, key, place), node(one, place)) for key, one in value.items()), place)
    if isinstance(value, list):
        return sequence((node(one, place) for one in value), place)
    if value is None or isinstance(value, (str, int, float)):
        return literal(value, place)
    raise FleetError(f"{type(value).__name__} is no value of JSON")
