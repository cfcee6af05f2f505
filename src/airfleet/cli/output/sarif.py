"""Problems as SARIF 2.1.0, which GitHub, GitLab, Azure DevOps and editors show beside the code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from airfleet import __version__
from airfleet.errors import Problem, shown, visible
from airfleet.pipelines.problems import pages
from airfleet.problem_codes import Code

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
#: the base of paths that are relative
_ROOT: Final = "%SRCROOT%"


def log(problems: Sequence[Problem]) -> dict[str, Any]:
    """Write a whole log with one run."""
    codes = sorted({problem.code for problem in problems})
    numbers = {code: number for number, code in enumerate(codes)}
    run = {
        "tool": {"driver": {"name": "airfleet", "version": __version__, "rules": list(map(_rule, codes))}},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "the folder in which airfleet was started"}}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, numbers[problem.code]) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    page = pages.of(code)
    return {
        "id": code.value,
        "name": "".join(word.capitalize() for word in code.name.split("_")),
        "shortDescription": {"text": page.title},
        "fullDescription": {"text": page.why},
        "help": {"text": pages.as_text(code), "markdown": pages.as_markdown(code)},
        "defaultConfiguration": {"level": code.severity.value},
    }


def _result(problem: Problem, rule: int) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": _artifact(problem.place.file),
            "region": {"startLine": problem.place.line, "startColumn": problem.place.column},
        }
    }
    if problem.path:
        location["logicalLocations"] = [{"fullyQualifiedName": shown(problem.path)}]
    return {
        "ruleId": problem.code.value,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": one_text(problem)},
        "locations": [location],
    }


def one_text(problem: Problem) -> str:
    """Write path, sentence and hint of a problem, without its place."""
    path = f"{shown(problem.path)}: " if problem.path else ""
    return f"{path}{shown(problem.sentence)}" + (f"\nhint: {shown(problem.hint)}" if problem.hint else "")


def _artifact(file: str) -> dict[str, str]:
    path = Path(visible(file))
    if path.is_absolute():
        return {"uri": path.as_uri()}
    return {"uri": quote(path.as_posix()), "uriBaseId": _ROOT}
