"""``python`` names a file of requirements of the project, and all pipelines of a file name the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check
from airfleet.pipelines.checks.requirements import requirements_of

TASKS = "tasks:\n  - {id: load, uses: empty}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    for folder in ("pipelines", "envs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "envs/ml.txt").write_text("six\n")
    return tmp_path


def checked(project: Path, text: str, name: str = "orders.yaml") -> CheckedFile:
    file = project / "pipelines" / name
    file.write_text(text)
    return read_and_check(file, environ={})


def of(dag_id: str, python: str | None) -> str:
    return f"dag_id: {dag_id}\n{TASKS}" + ("" if python is None else f"python: {python}\n")


@pytest.mark.parametrize("python", ["/envs/ml.txt", "../envs/ml.txt"])
def test_a_file_of_the_project_is_found_from_the_pipeline_or_from_the_project(project: Path, python: str) -> None:
    found = checked(project, of("orders", python))
    assert found.problems == ()
    assert requirements_of(found.pipelines, project) == {"pipelines/orders.yaml": "envs/ml.txt"}


def test_a_shared_part_says_it_for_many_and_its_path_is_its_own(project: Path) -> None:
    (project / "defaults.yaml").write_text("python: envs/ml.txt\n")
    found = checked(project, of("orders", None))
    assert requirements_of(found.pipelines, project) == {"pipelines/orders.yaml": "envs/ml.txt"}
    assert str(project / "envs/ml.txt") in found.taken_in


def test_a_pipeline_that_names_none_has_none(project: Path) -> None:
    for python in (None, "null"):
        assert requirements_of(checked(project, of("orders", python)).pipelines, project) == {}


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("/envs/lm.txt", "python: there is no file '/envs/lm.txt'\nhint: did you mean '/envs/ml.txt'?"),
        ("/envs", "python: '/envs' is not a regular file"),
        ("../../x.txt", "python: '../../x.txt' lies outside the project"),
        ("[a]", "python: must be text, not a list"),
    ],
)
def test_a_file_that_a_release_cannot_have_is_a_problem(project: Path, python: str, said: str) -> None:
    (problem,) = checked(project, of("orders", python)).problems
    assert str(problem).endswith(said)


def test_pipelines_of_one_file_have_one_python(project: Path) -> None:
    text = "---\n".join([of("a", "/envs/ml.txt"), of("b", "/envs/ml.txt"), of("c", None)])
    (problem,) = checked(project, text).problems
    assert str(problem).endswith(
        "python: differs from that of 'a' in this file, which is '/envs/ml.txt'\n"
        "hint: put pipelines with another Python into a file of their own"
    )
