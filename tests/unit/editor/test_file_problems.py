"""Problems of an open file: of pipelines, of their tests, and of parts that they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.editor import file_problems
from airfleet.editor.file_problems import Workspace

HTTP = "templates:\n  get: {uses: bash, with: {bash_comand: ls}}\n  put: {uses: bash, retries: many}\n"
ORDERS = "dag_id: {}\ninclude: _http.yaml\ntasks:\n- {{id: a, extends: get}}\n"


@pytest.fixture
def pipelines(tmp_path: Path) -> Path:
    """A project with two pipelines that take in one file, and one that takes in none."""
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "_http.yaml").write_text(HTTP)
    (folder / "orders.yaml").write_text(ORDERS.format("orders"))
    (folder / "stock.yaml").write_text(ORDERS.format("stock"))
    (folder / "alone.yaml").write_text("dag_id: alone\ntasks: [{id: a}]\n")
    return folder


def said(file: Path, edited: dict[Path, str] | None = None) -> list[str]:
    """The problems of a file as they are said, without its folder."""
    workspace = Workspace({}, edited={str(path): text for path, text in (edited or {}).items()})
    takers = file_problems.takers_of(file, workspace)
    found = file_problems.problems(file, workspace, takers)
    return [str(problem).replace(f"{file.parent}/", "") for problem in found]


def test_a_file_is_taken_in_by_the_pipelines_that_include_it(pipelines: Path) -> None:
    takers = file_problems.takers_of(pipelines / "_http.yaml", Workspace({}))
    assert takers == (pipelines / "orders.yaml", pipelines / "stock.yaml")


def test_the_defaults_of_a_folder_are_taken_in_by_all_of_its_pipelines(pipelines: Path) -> None:
    (pipelines / "defaults.yaml").write_text("defaults: {retries: 2}\n")
    takers = file_problems.takers_of(pipelines / "defaults.yaml", Workspace({}))
    assert [one.name for one in takers] == ["alone.yaml", "orders.yaml", "stock.yaml"]


@pytest.mark.parametrize("name", ["orders.yaml", "orders.test.yaml"])
def test_a_pipeline_and_a_file_with_tests_are_taken_in_by_none(pipelines: Path, name: str) -> None:
    (pipelines / "orders.test.yaml").write_text("cases: [{name: a}]\n")
    assert file_problems.takers_of(pipelines / name, Workspace({})) == ()


def test_a_shared_file_has_its_own_problems_and_those_that_pipelines_meet_in_it(pipelines: Path) -> None:
    assert said(pipelines / "_http.yaml") == [
        "_http.yaml:2:41: templates.get.with.bash_comand: bash takes no argument 'bash_comand'\n"
        "hint: did you mean 'bash_command'?",
        "_http.yaml:3:30: templates.put.retries: must be a whole number, not the text 'many'",
    ]


def test_a_problem_that_only_a_pipeline_has_names_it(pipelines: Path) -> None:
    (pipelines / "_http.yaml").write_text("templates:\n  get: {needs: [first]}\n")
    assert said(pipelines / "_http.yaml") == [
        "_http.yaml:2:17: tasks.a.needs[0]: there is no task 'first'\n"
        "hint: met in pipelines/orders.yaml and pipelines/stock.yaml",
    ]


def test_a_problem_of_a_shared_file_is_not_one_of_the_pipeline(pipelines: Path) -> None:
    assert said(pipelines / "orders.yaml") == []


def test_the_texts_of_the_editor_count_not_those_of_the_disk(pipelines: Path) -> None:
    shared, orders = pipelines / "_http.yaml", pipelines / "orders.yaml"
    edited = {shared: HTTP.replace("comand", "command").replace("many", "3")}
    assert said(shared, edited) == []
    edited[shared] = "templates: {fetch: {uses: bash, with: {bash_command: ls}}}\n"
    [problem] = said(orders, edited)
    assert problem.startswith("orders.yaml:4:20: tasks.a.extends: there is no template 'get'")


def test_a_file_with_tests_has_problems_of_its_own_and_names_that_its_pipeline_does_not_have(pipelines: Path) -> None:
    tests = pipelines / "alone.test.yaml"
    tests.write_text("cases:\n- {name: a, mocks: {b: {returns: 1}}}\n- {name: c, expcet: {}}\n")
    assert said(tests) == [
        "alone.test.yaml:2:24: cases[0].mocks.b: 'alone' has no task 'b'\nhint: it has a",
        "alone.test.yaml:3:13: cases[1].expcet: unknown key 'expcet'\nhint: did you mean 'expect'?",
    ]
    renamed = {pipelines / "alone.yaml": "dag_id: alone\ntasks: [{id: b}]\n"}
    assert [one.partition(":")[2] for one in said(tests, renamed)] == [
        "3:13: cases[1].expcet: unknown key 'expcet'\nhint: did you mean 'expect'?"
    ]
