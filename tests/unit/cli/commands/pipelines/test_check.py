"""``init`` and ``check``, and how problems look on a terminal."""

from __future__ import annotations

import json
import os
import textwrap
import zipfile
from pathlib import Path

import pytest

from airfleet.client.project import Project
from airfleet.pipelines.upgrade import linter
from support.command_line import Airfleet

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
        "pipelines/broken.yaml:3:36: tasks.load.needs[0]: there is no task 'extrct' [AF120]\n"
        "hint: did you mean 'extract'?\n"
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
                "code": "AF120",
                "severity": "error",
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
    assert result.out == "pipelines/b.yaml:1:9: dag_id: Dag 'same' is already defined in pipelines/a.yaml [AF018]\n"


def test_check_of_a_path_that_is_not_there(broken: Path, airfleet: Airfleet) -> None:
    result = airfleet("check", "pipelines/brokn.yaml")
    assert result.code == 1
    assert result.err == "error: no such file or folder: pipelines/brokn.yaml\nhint: did you mean 'broken.yaml'?\n"


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
        "pipelines/two.yaml:1:22: dag_id",
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
        "pipelines/queues.yaml:2:19: defaults.queue: no worker takes tasks from the queue 'reprots' [AF140]\n"
        "hint: did you mean 'reports'?\n"
        "pipelines/queues.yaml:7:35: tasks.four.queue: no worker takes tasks from the queue 'heavy' [AF140]\n"
        "hint: workers in fleet.yaml take: light, reports\n"
    )


def test_a_default_queue_without_a_worker_is_said_once_for_a_file(project: Project, airfleet: Airfleet) -> None:
    (project.root / "fleet.yaml").write_text("workers: [{queues: [light]}]\n")
    text = QUEUES.replace("defaults: {queue: reprots}\n", "").replace("heavy", "light")
    (project.root / "pipelines" / "queues.yaml").write_text(text)
    assert airfleet("check").out == (
        "pipelines/queues.yaml:3:5: tasks.one: no worker takes tasks from the queue 'default' [AF140]\n"
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
        "fleet.pord.yaml:1:1: there is no such file for the environment 'pord' [AF001]\nhint: did you mean 'prod'?\n"
    )


PIPELINE = "dag_id: {}\ntasks: [{{id: one}}]\n"


HINT = "hint: to keep it here unread without this line, begin its name with '_' or name it in .airflowignore\n"


NO_PIPELINE = (
    "remark: this is not a pipeline, and is not read: it has none of the keys dag_id, tasks, jobs and templates [AF210]"
)


@pytest.fixture
def folder(project: Project) -> Path:
    return project.root / "pipelines"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_no_remark_is_made_on_a_file_of_jobs_that_a_pipeline_names(folder: Path, airfleet: Airfleet) -> None:
    jobs = "dag_id: '${{ job.name }}'\njobs: {from: a_jobs.yaml}\ntasks: [{id: one}]\n"
    write(folder, a_jobs__yaml="- {name: north}\n", p__yaml=jobs, other__yaml="- {name: south}\n")
    assert airfleet("check", "pipelines").out == f"pipelines/other.yaml:1:1: {NO_PIPELINE}\n{HINT}"


def test_what_airflowignore_names_is_not_checked(folder: Path, airfleet: Airfleet) -> None:
    (folder / "archived").mkdir()
    write(folder / "archived", old__yaml="dag_id: [\n", old__py="import airflow.contrib # dag\n")
    write(folder, good__yaml=PIPELINE.format("good"))
    assert airfleet("check").code == 1
    (folder / ".airflowignore").write_text("archived/\n")
    for words in (("check",), ("check", "."), ("check", "pipelines"), ("check", folder)):
        result = airfleet(*words)
        assert (result.code, result.out) == (0, "")
    assert airfleet("check", "pipelines/archived").err == "2 problems in 2 files\n"  # who names it means it
    named = airfleet("check", "pipelines/archived/old.yaml")
    assert named.code == 1
    assert "remark: the fleet does not read this file: an .airflowignore names it [AF211]\n" in named.out


def test_the_syntax_of_airflowignore_is_that_of_the_fleet(project: Project, folder: Path, airfleet: Airfleet) -> None:
    write(folder, old_a__yaml="dag_id: [\n", good__yaml=PIPELINE.format("good"))
    (folder / ".airflowignore").write_text("^old_.\\.yaml$\n")
    assert airfleet("check").code == 1
    project.fleet_file.write_text("airflow: {core: {dag_ignore_file_syntax: regexp}}\n")
    assert airfleet("check").code == 0


def test_settings_of_a_loader_are_a_remark_and_no_problem(folder: Path, airfleet: Airfleet) -> None:
    (folder / "configs").mkdir()
    write(folder / "configs", a__yaml="table: a\n", b__yaml="table: [\n")
    write(folder, loader__py="from airflow.sdk import DAG\nfor name in 'ab':\n    DAG(name)\n")
    result = airfleet("check")
    assert (result.code, result.err) == (0, "1 Python file is fine; 2 remarks\n")
    assert result.out == "".join(f"pipelines/configs/{name}.yaml:1:1: {NO_PIPELINE}\n{HINT}" for name in "ab")
    assert json.loads(airfleet("check", "-o", "json").out)["remarks"][0]["file"] == "pipelines/configs/a.yaml"
    write(folder / "configs", c__yaml="table: c\n", d__yaml="table: d\n", e__yaml="table: e\n")
    assert airfleet("check").out == (
        "pipelines/configs:1:1: remark: a.yaml, b.yaml, c.yaml and 2 more files: "
        + NO_PIPELINE.removeprefix("remark: ")
        + f"\n{HINT}"
    )
    named = airfleet("check", "pipelines/configs/a.yaml")
    assert (named.code, named.err) == (1, "1 problem in 1 file\n")


def test_a_pipe_and_loops_of_links_are_said_and_the_rest_is_checked(folder: Path, airfleet: Airfleet) -> None:
    write(folder, good__yaml=PIPELINE.format("good"))
    os.mkfifo(folder / "p.yaml")
    for loop in ("loop1", "loop2"):
        (folder / loop).symlink_to(".")
    result = airfleet("check")
    assert (result.code, result.err) == (1, "1 problem in 1 file; 1 pipeline is fine; 2 remarks\n")
    assert result.out.splitlines() == [
        "pipelines/p.yaml:1:1: this is a named pipe, not a file [AF001]",
        "pipelines/loop1:1:1: remark: this is the same folder as pipelines itself, whose files count once [AF212]",
        "pipelines/loop2:1:1: remark: this is the same folder as pipelines itself, whose files count once [AF212]",
    ]
    for command in ("check", "show", "run"):
        named = airfleet(command, "pipelines/p.yaml")
        assert named.code == 1
        assert "pipelines/p.yaml:1:1: this is a named pipe, not a file [AF001]\n" in named.out + named.err


def test_a_pipeline_whose_name_ends_in_another_case_is_said(folder: Path, airfleet: Airfleet) -> None:
    write(folder, P__YAML=PIPELINE.format("p"), data__YML="rows: 1\n")
    result = airfleet("check")
    assert result.code == 0
    assert result.out == (
        "pipelines/P.YAML:1:1: remark: the fleet does not read this pipeline: its name has to end in .yaml or .yml"
        " [AF211]\n"
        "hint: call it P.yaml\n"
    )


def test_a_name_that_is_no_text_is_a_problem(folder: Path, airfleet: Airfleet) -> None:
    (folder / os.fsdecode(b"caf\xe9.yaml")).write_text(PIPELINE.format("a"))
    assert airfleet("check").out == "pipelines/caf\\udce9.yaml:1:1: the path of this file is not UTF-8 text [AF001]\n"


def test_a_file_in_python_that_airflow_does_not_read_is_said(folder: Path, airfleet: Airfleet) -> None:
    write(
        folder,
        made__py="from factory import make\nmake('orders')\n",
        helper__py="import logging\nlog = logging.getLogger(__name__)\ndef f(): ...\n",
        dag__py="from airflow.sdk import DAG\nDAG('a')\n",
    )
    (folder / "_draft.py").write_text("from airflow.sdk import DAG\nDAG('draft')\n")
    result = airfleet("check")
    assert (result.code, result.err) == (0, "2 Python files are fine; 1 remark\n")
    assert result.out == (
        "pipelines/made.py:1:1: remark: not read by Airflow: the word 'airflow', and 'dag' or 'asset', have to stand"
        " in a file with Dags [AF211]\nhint: a comment with both words is enough, if it makes Dags\n"
    )
    assert "remark: not read by Airflow" in airfleet("check", "pipelines/helper.py").out


def test_an_id_in_python_and_in_yaml_is_said_at_the_one_in_python(folder: Path, airfleet: Airfleet) -> None:
    write(
        folder,
        **{f"{name}__yaml": PIPELINE.format(name) for name in ("one", "two", "three", "four")},
        twice__py=(
            "from airflow.sdk import DAG, dag as make\nwith DAG('one'):\n    pass\n"
            "x = DAG(schedule=None, dag_id='two')\n@make\ndef three(): ...\nif x:\n    three()\n"
            "def later():\n    DAG('four')\n@make(dag_id='four')\ndef five(): ...\n"
        ),
    )
    result = airfleet("check")
    assert result.code == 1
    assert result.out == (
        "pipelines/twice.py:2:10: Dag 'one' is already defined in pipelines/one.yaml [AF018]\n"
        "pipelines/twice.py:4:31: Dag 'two' is already defined in pipelines/two.yaml [AF018]\n"
        "pipelines/twice.py:6:1: Dag 'three' is already defined in pipelines/three.yaml [AF018]\n"
    )


def test_an_asset_with_other_addresses_in_other_files_is_said_once(folder: Path, airfleet: Airfleet) -> None:
    task = "dag_id: {}\ntasks: [{{id: t, outlets: {}}}]\n"
    write(
        folder,
        a__yaml=task.format("a", "{name: orders, uri: s3://lake/orders}"),
        b__yaml=task.format("b", "orders"),
        c__yaml=task.format("c", "{ref: orders}"),
        d__yaml=task.format("d", "[s3://lake/x, s3://lake/x/]"),
    )
    result = airfleet("check")
    assert result.code == 1
    assert result.out == (
        "pipelines/b.yaml:2:26: tasks.t.outlets: the asset 'orders' has two addresses: 'orders' here, and"
        " 's3://lake/orders' [AF134]\nhint: pipelines/a.yaml:2 has it first; for that one, write {ref: orders}\n"
        "pipelines/d.yaml:2:40: tasks.t.outlets[1]: the address 's3://lake/x/' has two names: 's3://lake/x/' here, and"
        " 's3://lake/x' [AF134]\nhint: line 2 has it first; for that one, write {ref: s3://lake/x}\n"
    )


def test_a_pipeline_in_an_archive_is_said(folder: Path, airfleet: Airfleet) -> None:
    with zipfile.ZipFile(folder / "packed.zip", "w") as archive:
        archive.writestr("dag.py", "from airflow.sdk import DAG")
        archive.writestr("team/orders.yaml", PIPELINE.format("orders"))
        archive.writestr("settings.yaml", "rows: 3\n")
    (folder / "broken.zip").write_text("no archive")
    result = airfleet("check")
    assert (result.code, result.out) == (
        1,
        "pipelines/broken.zip:1:1: this is not a zip archive, and Airflow does not read it [AF304]\n"
        "pipelines/packed.zip:1:1: remark: the pipeline team/orders.yaml in this archive is not read:"
        " Airflow takes Dags in Python from archives [AF211]\nhint: put it beside the archive\n",
    )
    named = airfleet("check", "pipelines/packed.zip")
    assert named.code == 0
    sentence = "remark: Airflow reads the Dags in Python in this archive; check does not look into them [AF211]\n"
    assert sentence in named.out


@pytest.mark.parametrize("command", ["run", "show"])
def test_what_is_no_pipeline_file_is_refused_by_its_kind(command: str, folder: Path, airfleet: Airfleet) -> None:
    write(folder, x__py="import airflow # dag\n", a__yaml="models: []\nversion: 2\n")
    with zipfile.ZipFile(folder / "x.zip", "w"):
        pass
    hint = "hint: airfleet check says what Airflow 3 does not understand; airfleet trigger runs it on the fleet\n"
    for name, said in {
        "x.py": f"error: pipelines/x.py: airfleet {command} takes a pipeline in YAML, not Dags in Python\n{hint}",
        "x.zip": f"error: pipelines/x.zip: airfleet {command} takes a pipeline in YAML, not Dags in an archive\n{hint}",
        "": f"error: pipelines is a folder; airfleet {command} takes one pipeline file\n",
        "a.yaml": f"pipelines/a.yaml:1:1: this is a dbt file, not a pipeline; airfleet does not read it"
        f" [AF008]\n{HINT}",
    }.items():
        result = airfleet(command, f"pipelines/{name}")
        assert (result.code, result.err) == (1, said)


def test_remarks_about_values_are_named_one_by_one_and_count_when_check_is_strict(
    folder: Path, airfleet: Airfleet
) -> None:
    tasks = "".join(f"- {{id: t{i}, uses: bash, with: {{bash_command: 'echo {{{{ ds }}}}'}}}}\n" for i in range(5))
    (folder / "plain.yaml").write_text(f"dag_id: plain\ntasks:\n{tasks}")
    result = airfleet("check")
    assert result.code == 0
    assert result.out.count("remark: '{{ ds }}' is not rendered") == 5
    assert result.err.endswith("; 5 remarks\n")
    assert airfleet("check", "--strict").code == 1


def said(folder: Path, text: str) -> list[str]:
    """Line, column, sentence and hint of every problem."""
    file = folder / "old_dag.py"
    file.write_text(textwrap.dedent(text))
    return [
        f"{p.place.line}:{p.place.column} {p.sentence}{f' | {p.hint}' if p.hint else ''}" for p in linter.check(file)
    ]


def test_check_of_a_project_reads_pipelines_and_dags_in_python(
    tmp_path: Path, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "one.yaml").write_text("dag_id: one\ntasks: [{id: a}]\n")
    (folder / "two.py").write_text("from airflow.sdk import DAG\nDAG('two')\n")
    fine = airfleet("check")
    assert (fine.code, fine.out, fine.err) == (0, "", "1 pipeline and 1 Python file are fine\n")
    (folder / "three.py").write_text("from airflow import DAG\nDAG('three', schedule_interval=None)\n")
    wrong = airfleet("check")
    assert (wrong.code, wrong.err) == (1, "1 problem in 1 file; 1 pipeline and 1 Python file are fine\n")
    assert wrong.out == (
        "pipelines/three.py:2:14: DAG takes no 'schedule_interval' in Airflow 3 [AF302]\nhint: write schedule=None\n"
    )
    said = json.loads(airfleet("check", "pipelines/three.py", "-o", "json").out)
    assert [said[key] for key in ("files", "pipelines", "python_files", "fine")] == [1, 0, 1, 0]
