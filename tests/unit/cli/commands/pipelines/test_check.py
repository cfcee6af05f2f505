"""``init`` and ``check``, and how problems look on a terminal."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines import scaffold
from airfleet.cli.output import problem_view
from airfleet.client.project import Project
from airfleet.errors import Place, Problem
from airfleet.fleet.config import reader
from support.command_line import Airfleet


def test_init_writes_a_project_that_checks_clean(
    tmp_path: Path, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = airfleet("init", tmp_path / "My Shop")
    assert (made.code, made.out) == (0, "")
    assert sorted(
        str(p.relative_to(tmp_path / "My Shop")) for p in (tmp_path / "My Shop").rglob("*") if p.is_file()
    ) == [
        ".gitignore",
        "README.md",
        "fleet.yaml",
        "my_shop/__init__.py",
        "my_shop/steps.py",
        "pipelines/hello.yaml",
    ]
    assert made.err.split("next:\n")[1].splitlines() == [
        f"  cd '{tmp_path / 'My Shop'}'",
        "  airfleet run pipelines/hello.yaml   one pipeline here and now, without a fleet",
        "  airfleet up                         start the fleet of this machine",
        "  airfleet trigger hello --wait       run it on the fleet (in another terminal)",
    ]
    monkeypatch.chdir(tmp_path / "My Shop")
    checked = airfleet("check")
    assert (checked.code, checked.out, checked.err) == (0, "", "1 pipeline is fine\n")


def test_init_overwrites_nothing_and_lists_what_is_in_the_way(tmp_path: Path, airfleet: Airfleet) -> None:
    (tmp_path / "fleet.yaml").write_text("name: mine\n")
    (tmp_path / "README.md").write_text("mine\n")
    result = airfleet("init", tmp_path)
    assert result.code == 1
    assert result.err == (
        f"error: {tmp_path} already has fleet.yaml, README.md; nothing was written\n"
        "hint: name another folder: airfleet init DIR\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "fleet.yaml"]


def test_init_refuses_a_name_that_is_none(tmp_path: Path, airfleet: Airfleet) -> None:
    result = airfleet("init", tmp_path / "x", "--name", "My Shop")
    assert result.code == 2
    assert result.err == (
        "error: 'My Shop' is not a fleet's name: lower-case letters, digits and dashes\nhint: --name my-shop\n"
    )
    assert not (tmp_path / "x").exists()


def test_init_in_a_folder_that_cannot_be_written(tmp_path: Path, airfleet: Airfleet) -> None:
    (tmp_path / "file").write_text("")
    result = airfleet("init", tmp_path / "file" / "shop")
    assert result.code == 1
    assert result.err.startswith(f"error: cannot write {tmp_path}/file/shop/fleet.yaml: ")


def test_every_commented_setting_of_the_new_fleet_yaml_is_valid(tmp_path: Path) -> None:
    """Whoever takes a # away gets a fleet.yaml that is read."""
    text = scaffold.files("shop")["fleet.yaml"]
    opened = re.sub(r"^# (?=[a-z_]+:|  )", "", text, flags=re.MULTILINE)
    assert opened.count("\n# ") < text.count("\n# ")
    (tmp_path / "fleet.yaml").write_text(opened)
    (tmp_path / "pipelines").mkdir()
    fleet = reader.read_file(tmp_path / "fleet.yaml", os.environ)
    assert (fleet.name, fleet.workers[0].slots, fleet.vars) == ("shop", 4, {"bucket": "s3://orders"})


BROKEN = """\
dag_id: broken
tasks:
  - {id: load, uses: bash, needs: [extrct], with: {bash_command: ls}}
  - {id: extract, uses: bash, with: {bash_command: ls}}
"""


@pytest.fixture
def broken(project: Project) -> Path:
    path = project.root / "pipelines" / "broken.yaml"
    path.write_text(BROKEN)
    (project.root / "pipelines" / "good.yaml").write_text("dag_id: good\ntasks: [{id: one}]\n")
    return path


def test_check_without_a_path_checks_the_project(broken: Path, airfleet: Airfleet) -> None:
    result = airfleet("check")
    assert result.code == 1
    assert result.out == (
        "pipelines/broken.yaml:3:36: tasks.load.needs[0]: there is no task 'extrct'\nhint: did you mean 'extract'?\n"
    )
    assert result.err == "1 problem in 1 file; 1 pipeline is fine\n"


def test_check_of_one_file_leaves_the_others_alone(broken: Path, airfleet: Airfleet) -> None:
    result = airfleet("check", "pipelines/good.yaml")
    assert (result.code, result.out, result.err) == (0, "", "1 pipeline is fine\n")


def test_check_needs_no_project_for_a_named_file(
    tmp_path: Path, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.yaml").write_text("dag_id: one\ntasks: [{id: a}]\n")
    assert airfleet("check", "one.yaml").code == 0


def test_check_as_json(broken: Path, airfleet: Airfleet) -> None:
    result = airfleet("check", "-o", "json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "problems": [
            {
                "file": "pipelines/broken.yaml",
                "line": 3,
                "column": 36,
                "path": "tasks.load.needs[0]",
                "sentence": "there is no task 'extrct'",
                "hint": "did you mean 'extract'?",
            }
        ],
        "remarks": [],
        "files": 3,
        "pipelines": 1,
        "python_files": 0,
        "fine": 1,
        "warnings": [],
    }


def test_check_finds_problems_of_fleet_yaml_and_of_pipelines_in_one_go(broken: Path, airfleet: Airfleet) -> None:
    Path("fleet.yaml").write_text("name: shop\nwokers: []\n")
    result = airfleet("check")
    assert result.code == 1
    assert result.out.startswith("fleet.yaml:2:1: ")
    assert "pipelines/broken.yaml:3:36: " in result.out
    assert result.err == "2 problems in 2 files; 1 pipeline is fine\n"
    assert airfleet("check", "fleet.yaml").err == "1 problem in 1 file\n"


def test_check_finds_a_dag_that_two_files_define(project: Project, airfleet: Airfleet) -> None:
    for name in ("a.yaml", "b.yaml"):
        (project.root / "pipelines" / name).write_text("dag_id: same\ntasks: [{id: one}]\n")
    result = airfleet("check")
    assert result.code == 1
    assert result.out == "pipelines/b.yaml:1:9: dag_id: Dag 'same' is already defined in pipelines/a.yaml\n"


def test_check_of_a_path_that_is_not_there(broken: Path, airfleet: Airfleet) -> None:
    result = airfleet("check", "pipelines/brokn.yaml")
    assert result.code == 1
    assert result.err == "error: no such file or folder: pipelines/brokn.yaml\nhint: did you mean 'broken.yaml'?\n"


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(problem: Problem, line: str | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    text = problem_view.with_source(problem, lambda _: line)
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


@pytest.mark.parametrize(
    ("column", "line", "caret"),
    [
        (13, "    needs: [extrct]", "^^^^^^"),
        (12, '    needs: "a b", c', "^^^^^"),
        (5, "    retires: 3  # so", "^^^^^^^"),
        (3, "\t\tx: 1", "^"),
        (4, "日本: [x]", "^"),
        (20, "short", "^"),
    ],
)
def test_a_problem_stands_under_its_source_line(
    column: int, line: str, caret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = Problem(Place("orders.yaml", 14, column), "tasks", "it is wrong", "do better")
    first, source, under, hint = shown(problem, line, monkeypatch)
    assert first == f"orders.yaml:14:{column}: tasks: it is wrong"
    assert source == "   14 | " + line.replace("\t", " ")
    assert under.strip(" |") == caret
    assert hint == "hint: do better"


def test_the_caret_counts_wide_characters_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    _, source, under = shown(Problem(Place("a.yaml", 1, 5), "", "no"), "日本: x", monkeypatch)
    assert source == "    1 | 日本: x"
    assert under.index("^") == len("    1 | ") + 2 * 2 + 2


def test_without_the_line_a_problem_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Problem(Place("gone.yaml", 9, 9), "x", "no"), None, monkeypatch) == ["gone.yaml:9:9: x: no"]


def test_on_a_terminal_problems_have_their_source(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("tasks: 3\n")
    problem = Problem(Place(str(tmp_path / "a.yaml"), 1, 8), "tasks", "no list")
    assert "tasks: 3" in problem_view.text([problem], Screen())
    assert problem_view.text([problem], io.StringIO()) == f"{tmp_path}/a.yaml:1:8: tasks: no list"


def test_what_fleet_yaml_gives_to_tasks_is_there_when_their_pipelines_are_checked(
    project: Project, airfleet: Airfleet
) -> None:
    project.fleet_file.write_text("name: shop\nenv: {CITY: Oslo}\nvars: {country: norway}\n")
    (project.root / "pipelines" / "a.yaml").write_text(
        "dag_id: ${{ env.CITY }}_${{ vars.country }}\nstart_date: 2026-01-01\ntasks: [{id: a}]\n"
    )
    assert airfleet("check").code == 0
    project.fleet_file.write_text("name: shop\n")
    result = airfleet("check", "-o", "plain")
    assert result.code == 1
    assert "CITY" in result.out
    assert "country" in result.out


def dag_of(project: Project, name: str, reference: str) -> None:
    text = f"dag_id: {name}_${{{{ {reference} }}}}\nstart_date: 2026-01-01\ntasks: [{{id: a}}]\n"
    (project.root / "pipelines" / f"{name}.yaml").write_text(text)


def test_one_wrong_entry_is_not_what_pipelines_miss_that_use_another(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text(
        "vars: {city: oslo, country: [no]}\nenv: {REGION: eu, AIRFLEET_X: a, b.c: null}\nna.me: 1\n"
    )
    dag_of(project, "one", "vars.city")
    dag_of(project, "two", "env.REGION")
    assert airfleet("check", "-o", "plain").out == (
        "fleet.yaml:1:29: vars.country: must be one value, not a list or a mapping\n"
        "fleet.yaml:2:19: env.AIRFLEET_X: 'AIRFLEET_X' is set by airfleet itself\n"
        'fleet.yaml:2:39: env.b.c: has no value\nhint: write "" for an empty text, or leave it out\n'
        "fleet.yaml:3:1: na.me: unknown key 'na.me'\nhint: did you mean 'name'?\n"
    )


def test_what_is_not_known_here_is_no_problem_of_a_pipeline(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("vars: {city: '${{ env.CITY }}'}\n")
    dag_of(project, "one", "vars.city")
    dag_of(project, "two", "vars.ctiy")
    text = "dag_id: three\nschedule: ${{ vars.city }}\nstart_date: 2026-01-01\ntasks: [{id: a, needs: [b]}]\n"
    (project.root / "pipelines" / "three.yaml").write_text(text)
    places = [line.rpartition(": ")[0] for line in airfleet("check", "-o", "plain").out.splitlines()]
    assert [place for place in places if place != "hint"] == [
        "fleet.yaml:1:14: vars.city",
        "pipelines/three.yaml:4:25: tasks.a.needs[0]",
        "pipelines/two.yaml:1:9: dag_id",
    ]


# --- what a fleet.yaml that is named is checked with ---------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "env: {DBPW: '${{ env.DBPW }}'}\n",
            "fleet.yaml:1:13: env.DBPW: the environment has no variable DBPW\n",
        ),
        (
            "env: {REGION: eu}\nvariables: {r: '${{ env.REGION }}'}\n",
            "fleet.yaml:2:16: variables.r: the environment has no variable REGION\n",
        ),
    ],
)
def test_a_fleet_yaml_is_wrong_by_its_name_too_when_up_would_refuse_it(
    text: str, sentence: str, project: Project, airfleet: Airfleet
) -> None:
    project.fleet_file.write_text(text)
    for words in (("check",), ("check", "fleet.yaml"), ("check", "."), ("check", "fleet.yaml", ".")):
        result = airfleet(*words)
        assert (result.code, result.out) == (1, sentence)


def test_a_fleet_yaml_of_another_project_has_nothing_of_this_one(project: Project, airfleet: Airfleet) -> None:
    project.fleet_file.write_text("env: {REGION: eu}\n")
    (project.root / "other").mkdir()
    (project.root / "other" / "fleet.yaml").write_text("variables: {r: '${{ env.REGION }}'}\n")
    for path in ("other/fleet.yaml", "other"):
        result = airfleet("check", path)
        assert result.out == "other/fleet.yaml:1:16: variables.r: the environment has no variable REGION\n"


def test_a_folder_that_is_named_is_checked_with_its_fleet_yaml(broken: Path, airfleet: Airfleet) -> None:
    Path("fleet.yaml").write_text("name: shop\nwokers: []\n")
    assert airfleet("check", ".").err == "2 problems in 2 files; 1 pipeline is fine\n"
    assert airfleet("check", "pipelines").err == "1 problem in 1 file; 1 pipeline is fine\n"


# --- what pipelines and fleet say of one another -----------------------------------------------------


QUEUES = """\
dag_id: queues
defaults: {queue: reprots}
tasks:
  - {id: one, uses: bash, with: {bash_command: ls}}
  - {id: two, uses: bash, with: {bash_command: ls}}
  - {id: three, uses: bash, queue: light, with: {bash_command: ls}}
  - {id: four, uses: bash, queue: heavy, with: {bash_command: ls}}
"""


def test_check_finds_queues_that_no_worker_takes(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text("workers: [{name: a, queues: [light]}, {name: b, queues: [reports]}]\n")
    (project.root / "pipelines" / "queues.yaml").write_text(QUEUES)
    assert airfleet("check").out == (
        "pipelines/queues.yaml:2:19: defaults.queue: no worker takes tasks from the queue 'reprots'\n"
        "hint: did you mean 'reports'?\n"
        "pipelines/queues.yaml:7:35: tasks.four.queue: no worker takes tasks from the queue 'heavy'\n"
        "hint: workers in fleet.yaml take: light, reports\n"
    )


def test_a_default_queue_without_a_worker_is_said_once_for_a_file(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text("workers: [{queues: [light]}]\n")
    text = QUEUES.replace("defaults: {queue: reprots}\n", "").replace("heavy", "light")
    (project.root / "pipelines" / "queues.yaml").write_text(text)
    assert airfleet("check").out == (
        "pipelines/queues.yaml:3:5: tasks.one: no worker takes tasks from the queue 'default'\n"
        "hint: workers in fleet.yaml take: light\n"
    )
    (project.root / "fleet.yaml").write_text(
        "workers: [{queues: [light]}]\nairflow: {operators: {default_queue: light}}\n"
    )
    assert airfleet("check").code == 0


def test_a_default_queue_without_a_worker_is_said_of_each_file(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text("workers: [{queues: [light]}]\n")
    for name in ("one", "two"):
        text = f"dag_id: {name}\ntasks: [{{id: t, uses: bash, with: {{bash_command: ls}}}}]\n"
        (project.root / "pipelines" / f"{name}.yaml").write_text(text)
    said = airfleet("check").out
    assert [line.partition(":")[0] for line in said.splitlines() if "from the queue 'default'" in line] == [
        "pipelines/one.yaml",
        "pipelines/two.yaml",
    ]


def test_tasks_that_no_worker_runs_need_no_queue(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text("workers: [{queues: [light]}]\n")
    (project.root / "pipelines" / "joint.yaml").write_text("dag_id: joint\ntasks: [{id: one}]\n")
    assert airfleet("check").code == 0


# --- fleet.yaml and the folder of pipelines ----------------------------------------------------------


def test_every_problem_of_fleet_yaml_is_said_and_its_own_folder_of_pipelines_is_checked(
    project: Project, airfleet: Airfleet
) -> None:
    (project.root / "pipelines").rmdir()
    (project.root / "flows").mkdir()
    (project.root / "flows" / "a.yaml").write_text("dag_id: ${{ vars.city }}\ntasks: [{id: a, needs: [b]}]\n")
    project.fleet_file.write_text("pipelines: flows\nbogus: 1\nvars: {city: oslo}\nwitness: nowhere\n")
    result = airfleet("check")
    assert result.code == 1
    assert [line.partition(": ")[0] for line in result.out.splitlines() if not line.startswith("hint")] == [
        "fleet.yaml:2:1",
        "fleet.yaml:4:10",
        "flows/a.yaml:2:25",
    ]
    assert result.err == "3 problems in 2 files\n"


@pytest.mark.parametrize(
    ("text", "place"), [("name: [\n", "fleet.yaml:2:1: "), ("- a\n", "fleet.yaml:1:1: must be a mapping")]
)
def test_a_fleet_yaml_that_cannot_be_read_at_all_is_said_without_a_folder_of_pipelines(
    text: str, place: str, project: Project, airfleet: Airfleet
) -> None:
    (project.root / "pipelines").rmdir()
    project.fleet_file.write_text(text)
    result = airfleet("check")
    assert (result.code, result.err) == (1, "1 problem in 1 file\n")
    assert result.out.startswith(place)


def test_a_folder_of_pipelines_that_is_not_there_is_a_problem_among_the_others(
    project: Project, airfleet: Airfleet
) -> None:
    (project.root / "pipelines").rmdir()
    missing = "fleet.yaml:1:1: pipelines: there is no folder 'pipelines' beside fleet.yaml\n"
    result = airfleet("check")
    assert (result.code, result.out) == (1, f"{missing}hint: 'pipelines: FOLDER' names another one\n")
    project.fleet_file.write_text("name: shop\nbogus: 1\n")
    assert airfleet("check").err == "2 problems in 1 file\n"
    project.fleet_file.write_text("pipelines: flosw\n")  # said once
    assert airfleet("check").out == "fleet.yaml:1:12: pipelines: there is no folder 'flosw' beside fleet.yaml\n"


def test_a_fleet_yaml_without_pipelines_is_what_is_fine(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.prod.yaml").write_text("log_retention: 30d\n")
    for words in (("check",), ("check", "fleet.yaml")):
        assert airfleet(*words).err == "fleet.yaml is fine\n"
    assert airfleet("check", "fleet.yaml", "fleet.prod.yaml").err == "fleet.yaml and fleet.prod.yaml are fine\n"


# --- overlays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("check", "--env", "prod"), ("check", "fleet.prod.yaml")])
def test_check_with_an_overlay_names_the_file_that_is_wrong(
    words: tuple[str, ...], project: Project, airfleet: Airfleet
) -> None:
    (project.root / "fleet.yaml").write_text("workers: [{name: a, slots: 2}]\n")
    (project.root / "fleet.prod.yaml").write_text("workers:\n  - {name: a, slots: 0}\n")
    result = airfleet(*words)
    assert result.code == 1
    assert result.out == "fleet.prod.yaml:2:22: workers[0].slots: must be a whole number from 1 to 1000\n"
    assert airfleet("check").code == 0


def test_check_of_an_environment_that_has_no_file(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.prod.yaml").write_text("log_retention: 30d\n")
    assert airfleet("check", "--env", "pord").out == (
        "fleet.pord.yaml:1:1: there is no such file for the environment 'pord'\nhint: did you mean 'prod'?\n"
    )
