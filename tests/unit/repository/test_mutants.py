"""The command of the mutation tests names what is there, and judges survivors as it says."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from documents import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "mutants.py"


@pytest.fixture(scope="module")
def mutants() -> Any:
    """``scripts/mutants.py`` as a module."""
    spec = importlib.util.spec_from_file_location("mutants", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module
    spec.loader.exec_module(module)
    return module


def test_every_module_and_every_test_of_it_exists(mutants: Any) -> None:
    named = [Path(name) for module in mutants.modules() for name in (module.file, *module.tests)]
    assert len(named) > 20
    assert [str(name) for name in named if not (REPOSITORY / name).is_file()] == []


def test_every_reason_is_of_a_module_whose_line_is_still_there(mutants: Any) -> None:
    sources = {module.name: (REPOSITORY / module.file).read_text() for module in mutants.modules()}
    reasons = mutants.explained()
    assert all(why for why in reasons.values())
    assert [key for key in reasons if key[1].split()[0] not in sources[key[0]]] == []


@pytest.mark.parametrize(
    ("survived", "reasons", "good"),
    [
        (False, {}, True),
        (True, {}, False),
        (True, {("m", "a < b", "a <= b"): "they are never equal"}, True),
        (False, {("m", "a < b", "a <= b"): "they are never equal"}, False),
    ],
)
def test_a_survivor_needs_a_reason_and_a_reason_a_survivor(
    mutants: Any, survived: bool, reasons: dict[tuple[str, str, str], str], good: bool
) -> None:
    found = [mutants.Mutant("m", "core/x", 7, "a < b", "a <= b", survived)]
    assert mutants.judge(mutants.Module("m", "m.py", ()), found, reasons, 0) is good


def test_the_changed_line_is_read_from_a_diff(mutants: Any) -> None:
    diff = ["--- a", "+++ b", "@@ -1,2 +1,2 @@", " x = 1", "-    if a < b:", "+    if a <= b:"]
    assert mutants.changed(diff) == ("if a < b:", "if a <= b:")


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT 1 FROM a WHERE b = 1 AND c = 2", ["AND c = 2"]),
        ("UPDATE a SET b = 1 WHERE c = 2 AND NOT d\n  AND e IS NULL RETURNING f", ["AND NOT d", "AND e IS NULL"]),
        ("SELECT 1 WHERE a AND (b OR c) AND d", ["AND (b OR c)", "AND d"]),
        ("a sentence AND more", []),
    ],
)
def test_conditions_of_sql_are_found(statement: str, found: list[str]) -> None:
    text = (REPOSITORY / "tests/mutation/plugin/sql_conditions.py").read_text()
    names: dict[str, Any] = {}
    exec(text.replace("from cosmic_ray.operators.operator import Example, Operator", "Operator = object"), names)

    class Leaf:
        type = "string"
        value = f'"""{statement}"""'

    assert [match[0] for match in names["conditions"](Leaf())] == found
