"""fleet.prod.yaml over fleet.yaml: what is merged, what is replaced, and where a problem is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.errors import FileProblems
from airfleet.fleet.config import overlays, reader
from airfleet.yaml import nodes


def merged(below: str, over: str) -> object:
    (first,), _ = nodes.load(below, "fleet.yaml")
    (second,), _ = nodes.load(over, "fleet.prod.yaml")
    return nodes.plain(overlays.merged(first, second))


@pytest.mark.parametrize(
    ("below", "over", "expected"),
    [
        ("{a: 1, b: 2}", "{b: 3, c: 4}", {"a": 1, "b": 3, "c": 4}),
        ("{a: {b: 1, c: 2}}", "{a: {c: 3}}", {"a": {"b": 1, "c": 3}}),
        ("{a: {b: 1}}", "{a: 2}", {"a": 2}),
        ("{a: 1}", "{a: {b: 2}}", {"a": {"b": 2}}),
        ("{a: 1, b: {c: 2, d: 3}}", "{a: null, b: {c: ~}, e: null}", {"b": {"d": 3}}),
        ("{}", "{a: {b: null, c: {d: ~, e: 1}}}", {"a": {"c": {"e": 1}}}),
        ("{a: 1}", "{a: {b: null}}", {"a": {}}),
        ("{a: [{name: x}]}", "{a: [{name: y, b: null}]}", {"a": [{"name": "x"}, {"name": "y"}]}),
        ("{}", "{a: [{name: y, b: null}, null]}", {"a": [{"name": "y"}, None]}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        (
            "{a: [{name: x, n: 1}, {name: y, n: 2}]}",
            "{a: [{name: y, n: 3}, {name: z}]}",
            {"a": [{"name": "x", "n": 1}, {"name": "y", "n": 3}, {"name": "z"}]},
        ),
        ("{a: [{name: x, b: [1, 2]}]}", "{a: [{name: x, b: [3]}]}", {"a": [{"name": "x", "b": [3]}]}),
        ("{a: [{name: x}, {name: x}]}", "{a: [{name: y}]}", {"a": [{"name": "y"}]}),
        ("{a: [{n: 1}]}", "{a: [{name: y}]}", {"a": [{"name": "y"}]}),
        ("{a: [{name: x}]}", "{a: [{n: 1}]}", {"a": [{"n": 1}]}),
        ("{a: [{name: x}]}", "{a: []}", {"a": []}),
        ("{a: [1]}", "{a: []}", {"a": []}),
        ("{a: []}", "{a: [{name: x, b: null}]}", {"a": [{"name": "x"}]}),
    ],
)
def test_what_becomes_of_two_files(below: str, over: str, expected: object) -> None:
    assert merged(below, over) == expected


def test_a_list_is_taken_away_with_null_and_emptied_with_an_empty_one() -> None:
    assert merged("{workers: [{name: x}]}", "{workers: null}") == {}
    assert merged("{hosts: [{name: a, workers: [{name: x}]}]}", "{hosts: [{name: a, workers: []}]}") == {
        "hosts": [{"name": "a", "workers": []}]
    }


def test_no_workers_in_an_overlay_are_none(project: Path) -> None:
    project.with_name("fleet.prod.yaml").write_text("workers: []\n")
    with pytest.raises(FileProblems) as refused:
        reader.read_file(project, {"AIRFLEET_ENV": "prod"})
    assert [(problem.path, problem.sentence) for problem in refused.value.problems] == [
        ("workers", "no worker runs anywhere: every task would wait for ever")
    ]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text("name: shop\nworkers:\n  - {name: a, slots: 0}\n  - {name: b}\n")
    (tmp_path / "fleet.prod.yaml").write_text("workers:\n  - {name: b, slots: 0, queue: [x]}\n")
    return tmp_path / "fleet.yaml"


def test_a_problem_is_said_at_its_place_in_the_file_that_has_it(project: Path) -> None:
    with pytest.raises(FileProblems) as refused:
        reader.read_file(project, {"AIRFLEET_ENV": "prod"})
    folder = project.parent
    assert [str(problem) for problem in refused.value.problems] == [
        f"{folder}/fleet.prod.yaml:2:22: workers[1].slots: must be a whole number from 1 to 1000",
        f"{folder}/fleet.prod.yaml:2:25: workers[1].queue: unknown key 'queue'\nhint: did you mean 'queues'?",
        f"{folder}/fleet.yaml:3:22: workers[0].slots: must be a whole number from 1 to 1000",
    ]


def test_both_files_say_at_once_that_they_are_no_yaml(project: Path) -> None:
    project.write_text("name: [\n")
    project.with_name("fleet.prod.yaml").write_text("a: 1\na: 2\n")
    with pytest.raises(FileProblems) as refused:
        reader.read_file(project, {"AIRFLEET_ENV": "prod"})
    assert [Path(problem.place.file).name for problem in refused.value.problems] == ["fleet.prod.yaml", "fleet.yaml"]


def test_an_empty_overlay_changes_nothing(project: Path) -> None:
    project.write_text("name: shop\nuser: ada\n")
    project.with_name("fleet.prod.yaml").write_text("# nothing yet\n")
    assert reader.read_file(project, {"AIRFLEET_ENV": "prod"}).user == "ada"


def test_an_overlay_may_add_what_it_takes_a_part_of_away(project: Path) -> None:
    project.write_text("name: shop\n")
    project.with_name("fleet.prod.yaml").write_text("proxy: {name: shop, tls: null}\n")
    proxy = reader.read_file(project, {"AIRFLEET_ENV": "prod"}).proxy
    assert proxy is not None
    assert proxy.tls is None


def test_no_environment_is_no_overlay(project: Path) -> None:
    project.write_text("name: shop\n")
    for environ in ({}, {"AIRFLEET_ENV": ""}):
        assert [worker.name for worker in reader.read_file(project, environ).workers] == ["worker"]


@pytest.mark.parametrize(("name", "hint"), [("pord", "did you mean 'prod'?"), ("staging", "there is: prod")])
def test_an_environment_without_a_file(name: str, hint: str, project: Path) -> None:
    with pytest.raises(FileProblems) as refused:
        reader.read_file(project, {"AIRFLEET_ENV": name})
    (problem,) = refused.value.problems
    assert (problem.sentence, problem.hint) == (f"there is no such file for the environment '{name}'", hint)


def test_an_environment_is_a_name_and_not_a_path(project: Path) -> None:
    with pytest.raises(FileProblems, match=r"'\.\./prod' cannot be the name of an environment"):
        reader.read_file(project, {"AIRFLEET_ENV": "../prod"})


def test_hosts_in_an_overlay_take_the_place_of_what_this_machine_runs(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text("workers: [{name: a, slots: 2}]\n")
    over = "hosts: [{name: one, address: 10.0.0.1, scheduler: 1, api_server: 1, dag_processor: 1, workers: [{}]}]\n"
    file.with_name("fleet.prod.yaml").write_text(over)
    with pytest.raises(FileProblems, match=r"'workers: null' takes away"):
        reader.read_file(file, {"AIRFLEET_ENV": "prod"})
    file.with_name("fleet.prod.yaml").write_text(over + "workers: null\n")
    assert [host.name for host in reader.read_file(file, {"AIRFLEET_ENV": "prod"}).hosts] == ["one"]


def test_what_both_files_take_from_the_environment_is_known_although_one_hides_the_other(project: Path) -> None:
    project.write_text(
        "database: postgresql://${{ env.USER_NAME }}:${{ env.PASSWORD }}@db/airflow\n"
        "env: {TOKEN: '${{ env.TOKEN }}', BOTH: '${{ env.BOTH }}'}\n"
        "vars: {region: '${{ env.BOTH }}'}\n"
    )
    project.with_name("fleet.prod.yaml").write_text(
        "database: postgresql://${{ env.PROD_URL }}\nenv: null\nworkers: [{name: '${{ env.WORKER }}'}]\n"
    )
    assert reader.referenced_variables(project, {}) == reader.ReferencedVariables(
        for_tasks=frozenset({"TOKEN", "BOTH"}), for_the_fleet=frozenset({"USER_NAME", "PASSWORD", "BOTH"})
    )
    prod = reader.referenced_variables(project, {"AIRFLEET_ENV": "prod"})
    assert prod.for_the_fleet == {"USER_NAME", "PASSWORD", "BOTH", "PROD_URL", "WORKER"}
