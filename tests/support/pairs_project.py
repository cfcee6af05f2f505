"""The pairs of ``tests/conformance/pairs`` as one project: each pipeline and its Dag in Python, under ids of their own.

In a pair, both have the same ids, and functions in a module ``steps``. In the project they are ``yaml_groups_pair`` and
``python_groups_pair``, with functions in ``groups_steps``.
"""

from __future__ import annotations

import re
from pathlib import Path

from support.documents import REPOSITORY

PAIRS = REPOSITORY / "tests" / "conformance" / "pairs"
YAML, PYTHON = "yaml", "python"

_STEPS = re.compile(r"\bsteps(?=[.:]\w)")
_IMPORTED = (
    (re.compile(r"^import steps$", re.MULTILINE), "import {pair}_steps as steps"),
    (re.compile(r"^from steps import ", re.MULTILINE), "from {pair}_steps import "),
)
#: of a document of ours, or of a Dag of dag-factory
_OWN_ID = re.compile(r"^( *dag_id: )(?=\w)", re.MULTILINE)
_FACTORY_ID = re.compile(r"^(?!default:)(?=\w+:$)", re.MULTILINE)
#: after the Dags of a module
_RENAMED = """
for _dag in [found for found in globals().values() if isinstance(found, DAG)]:
    _dag.dag_id = f"{prefix}{{_dag.dag_id}}"
"""


def names() -> list[str]:
    """List the pairs."""
    return sorted(folder.name for folder in PAIRS.iterdir() if folder.is_dir())


def prefix(pair: str, language: str) -> str:
    """Give what the ids of a pair's Dags begin with."""
    return f"{language}_{pair}_"


def files(pair: str) -> dict[str, str]:
    """Give the files of a pair by their paths in the project."""
    folder = PAIRS / pair
    found = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {_place(pair, path.relative_to(folder)): _text(pair, path) for path in found}


def _place(pair: str, path: Path) -> str:
    return f"{pair}_steps.py" if path.name == "steps.py" else f"pipelines/{pair}/{path}"


def _text(pair: str, path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.name == "dag.py":
        return _python(pair, text)
    return _yaml(pair, text) if path.suffix == ".yaml" else text


def _python(pair: str, text: str) -> str:
    for pattern, replacement in _IMPORTED:
        text = pattern.sub(replacement.format(pair=pair), text)
    return text + _RENAMED.format(prefix=prefix(pair, PYTHON))


def _yaml(pair: str, text: str) -> str:
    own = prefix(pair, YAML)
    text = _STEPS.sub(f"{pair}_steps", text)
    text = _OWN_ID.sub(rf"\g<1>{own}", text)
    return _FACTORY_ID.sub(own, text) if pair.startswith("factory_") else text
