"""The command of the mutation tests names what is there, and judges survivors as it says."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.system.procfs import is_alive
from support.documents import REPOSITORY

SCRIPTS = REPOSITORY / "scripts"


@pytest.fixture(scope="module")
def mutants() -> Iterator[Any]:
    """``scripts/mutants.py`` as a module."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module("mutants")
    sys.path.remove(str(SCRIPTS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a test that does as a file says, and another one that nobody asks for."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "ours.py").write_text("right = True\n")
    (tmp_path / "test_ours.py").write_text("import ours\n\ndef test_it():\n    assert ours.right\n")
    return tmp_path


def test_each_run_sees_our_modules_as_they_are_then_and_ends_in_time_with_what_it_started(
    mutants: Any, folder: Path
) -> None:
    module = mutants.Module("ours", "ours.py", ("test_ours.py",))
    with mutants.runs(module, folder, dict(os.environ)) as socket:
        assert mutants.patience(module, socket) > mutants.PATIENCE_SECONDS
        for text, code in (("right = False\n", 1), ("right = True\n", 0), ("import os; os.abort()\n", 1)):
            (folder / "ours.py").write_text(text)
            assert asked(mutants, socket, 60.0).returncode == code
        with pytest.raises(SystemExit, match="ours: the tests fail without any mutant"):
            mutants.patience(module, socket)
        (folder / "ours.py").write_text(
            "import pathlib, subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n"
            "pathlib.Path('pid').write_text(str(child.pid))\nchild.wait()\n"
        )
        done = asked(mutants, socket, 5.0)
        assert (done.returncode, done.stdout) == (124, "the tests took too long\n")
    wait_until(lambda: not is_alive(int((folder / "pid").read_text())), 20, "the child has ended")


def test_tests_that_cannot_be_collected_end_it(mutants: Any, folder: Path) -> None:
    (folder / "test_ours.py").write_text("import no_such_module\n")
    runs = mutants.runs(mutants.Module("ours", "ours.py", ("test_ours.py",)), folder, dict(os.environ))
    with pytest.raises(SystemExit) as ended, runs:
        pass
    said = str(ended.value)
    assert said.startswith("ours: the tests cannot be run: ")
    assert "No module named 'no_such_module'" in said
    assert said.endswith("the tests cannot be collected\n")


def asked(mutants: Any, socket: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(mutants.asking(socket, seconds), capture_output=True, text=True, check=False)


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
        (
            "SELECT 1 WHERE a AND (b OR c = f(%(d)s))\nAND NOT EXISTS (\n  SELECT 1 WHERE g AND h\n)",
            ["AND (b OR c = f(%(d)s))", "AND NOT EXISTS (\n  SELECT 1 WHERE g AND h\n)", "AND h"],
        ),
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
