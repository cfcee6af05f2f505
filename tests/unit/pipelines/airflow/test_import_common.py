"""What modules and classes of users raise is a sentence at the place that names them; the other Dags are there."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from airfleet.pipelines.airflow.import_common import NAMED_MODULES, TAKEN_IN, dags_and_problems, import_pipelines
from airfleet.pipelines.checks.pipeline_checks import read_and_check

OPERATOR = """
import sys
from airflow.sdk import BaseOperator
class A(BaseOperator):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        {}
"""
ODD_ERROR = """class Odd(Exception):
            def __str__(self): raise RuntimeError("no words")
        raise Odd()"""

#: the module, and what the importer says of `uses: users_code.A`
RAISING = [
    (OPERATOR.format("sys.exit(3)"), "tasks.t: A refuses its arguments: it ends the process (SystemExit: 3)"),
    (OPERATOR.format("sys.exit()"), "tasks.t: A refuses its arguments: it ends the process (SystemExit)"),
    (OPERATOR.format(ODD_ERROR), "tasks.t: A refuses its arguments: Odd"),
    (OPERATOR.format(r"raise ValueError('\ud800\0x')"), r"tasks.t: A refuses its arguments: \ud800\x00x"),
    (OPERATOR.format("raise KeyError()"), "tasks.t: A refuses its arguments: KeyError"),
    ("def __getattr__(name): raise RuntimeError(name)\n",
     "tasks.t.uses: 'users_code' cannot be imported: RuntimeError: A"),
    ("def __getattr__(name): raise SystemExit(name)\n",
     "tasks.t.uses: 'users_code' cannot be imported: it ends the process (SystemExit: A)"),
    (OPERATOR.format("pass") + "sys.exit('done')\n",
     "tasks.t.uses: 'users_code' cannot be imported: it ends the process (SystemExit: done)"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "users_code", raising=False)
    return tmp_path


def imported(folder: Path, module: str, text: str) -> tuple[list[str], list[str]]:
    """The Dags of a file with a good one beside it, and what is said."""
    (folder / "users_code.py").write_text(module)
    file = folder / "p.yaml"
    file.write_text(f"dag_id: good\ntasks: [{{id: a}}]\n---\ndag_id: d\n{text}\n")
    dags, problems = dags_and_problems(file)
    return [dag.dag_id for dag in dags], [str(one).partition(": ")[2] for one in problems]


@pytest.mark.parametrize(("module", "said"), RAISING)
def test_what_a_class_or_module_raises_is_a_problem_of_its_dag_alone(folder: Path, module: str, said: str) -> None:
    assert imported(folder, module, "tasks: [{id: t, uses: users_code.A}]") == (["good"], [said])


TIMETABLE = "import sys\nfrom airflow.timetables.base import Timetable\n"


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("class A: pass\n", "schedule.uses: 'users_code.A' makes no timetable and no asset"),
        ("def A(): return 3\n", "schedule.uses: 'users_code.A' makes no timetable and no asset"),
        (f"{TIMETABLE}class A(Timetable):\n    def __init__(self): sys.exit(2)\n",
         "schedule: A refuses its arguments: it ends the process (SystemExit: 2)"),
    ],
)  # fmt: skip
def test_a_schedule_that_is_none_is_said_at_its_place(folder: Path, module: str, said: str) -> None:
    assert imported(folder, module, "schedule: {uses: users_code.A}\ntasks: [{id: t}]") == (["good"], [said])


@pytest.mark.parametrize("uses", ["users_code.A", "'users_code:f'"])
@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("x = 1\nclass A(:\n", "line 2: invalid syntax"),
        ("def f():\nx\n", "line 2: expected an indented block after function definition on line 1"),
        ("x = 1\n\0", "source code string cannot contain null bytes"),
        ("x = " + "(" * 500 + ")" * 500, "line 1: too many nested parentheses"),
    ],
)
def test_check_says_which_module_is_not_python(folder: Path, uses: str, module: str, said: str) -> None:
    (folder / "users_code.py").write_text(module)
    (folder / "p.yaml").write_text(f"dag_id: d\ntasks: [{{id: t, uses: {uses}}}]\n")
    problems = read_and_check(folder / "p.yaml", environ={}).problems
    assert [f"{one.path}: {one.sentence}" for one in problems] == [f"tasks.t.uses: 'users_code' is not Python: {said}"]


def test_a_name_that_comes_from_a_broken_module_is_not_said_to_be_missing(folder: Path) -> None:
    (folder / "users_code.py").write_text("from users_other_code import *\n")
    (folder / "users_other_code.py").write_text("def (\n")
    (folder / "p.yaml").write_text("dag_id: d\ntasks: [{id: t, uses: 'users_code:f'}]\n")
    assert read_and_check(folder / "p.yaml", environ={}).problems == ()


def test_problems_name_each_file_as_it_is_called_in_the_bundle(folder: Path) -> None:
    (folder / "fleet.yaml").write_text("")
    (folder / "defaults.yaml").write_text("default: {}\n")
    (folder / "pipelines" / "team").mkdir(parents=True)
    (folder / "pipelines" / "_t.yaml").write_text("templates: {t: {retris: 1}}\n")
    file = folder / "pipelines" / "team" / "p.yaml"
    file.write_text("dag_id: d\ninclude: ../_t.yaml\ntasks: [{id: a, extends: t, retires: 1}]\n")
    said = import_pipelines(file, folder / "pipelines").message or ""
    assert [line.partition(": ")[0] for line in said.splitlines() if not line.startswith("hint")] == [
        f"{folder}/defaults.yaml:1:1",
        "_t.yaml:1:17",
        "team/p.yaml:3:29",
    ]
    assert {Path(name).name for name, stamp in TAKEN_IN.items() if stamp} >= {"defaults.yaml", "_t.yaml"}


def test_the_modules_that_a_pipeline_names_are_known_after_its_import(folder: Path) -> None:
    (folder / "users_code.py").write_text("def f(): pass\ndef g(context): pass\n")
    file = folder / "p.yaml"
    file.write_text(
        "dag_id: d\non_failure_callback: users_code:g\ntasks: [{id: a, uses: bash, with: {bash_command: ls}}]\n"
    )
    assert "users_code" in read_and_check(file, environ={}).modules
    NAMED_MODULES.clear()
    assert import_pipelines(file).message is None
    assert {"users_code", "airflow.providers.standard.operators.bash"} <= NAMED_MODULES
