"""``check``: which files of a project it reads, what it says of the others, and files that are no pipelines."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

PIPELINE = "dag_id: {}\ntasks: [{{id: one}}]\n"
HINT = "hint: to keep it here unread without this line, begin its name with '_' or name it in .airflowignore\n"
NO_PIPELINE = (
    "remark: this is not a pipeline, and is not read: it has none of the keys dag_id, tasks, jobs and templates"
)


@pytest.fixture
def folder(project: Project) -> Path:
    return project.root / "pipelines"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


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
    assert "remark: the fleet does not read this file: an .airflowignore names it\n" in named.out


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
        "pipelines/p.yaml:1:1: this is a named pipe, not a file",
        "pipelines/loop1:1:1: remark: this is the same folder as pipelines itself, whose files count once",
        "pipelines/loop2:1:1: remark: this is the same folder as pipelines itself, whose files count once",
    ]
    for command in ("check", "show", "run"):
        named = airfleet(command, "pipelines/p.yaml")
        assert named.code == 1
        assert "pipelines/p.yaml:1:1: this is a named pipe, not a file\n" in named.out + named.err


def test_a_pipeline_whose_name_ends_in_another_case_is_said(folder: Path, airfleet: Airfleet) -> None:
    write(folder, P__YAML=PIPELINE.format("p"), data__YML="rows: 1\n")
    result = airfleet("check")
    assert result.code == 0
    assert result.out == (
        "pipelines/P.YAML:1:1: remark: the fleet does not read this pipeline: its name has to end in .yaml or .yml\n"
        "hint: call it P.yaml\n"
    )


def test_a_name_that_is_no_text_is_a_problem(folder: Path, airfleet: Airfleet) -> None:
    (folder / os.fsdecode(b"caf\xe9.yaml")).write_text(PIPELINE.format("a"))
    assert airfleet("check").out == "pipelines/caf\\udce9.yaml:1:1: the path of this file is not UTF-8 text\n"


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
        " in a file with Dags\nhint: a comment with both words is enough, if it makes Dags\n"
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
        "pipelines/twice.py:2:10: Dag 'one' is already defined in pipelines/one.yaml\n"
        "pipelines/twice.py:4:31: Dag 'two' is already defined in pipelines/two.yaml\n"
        "pipelines/twice.py:6:1: Dag 'three' is already defined in pipelines/three.yaml\n"
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
        "pipelines/broken.zip:1:1: this is not a zip archive, and Airflow does not read it\n"
        "pipelines/packed.zip:1:1: remark: the pipeline team/orders.yaml in this archive is not read:"
        " Airflow takes Dags in Python from archives\nhint: put it beside the archive\n",
    )
    named = airfleet("check", "pipelines/packed.zip")
    assert named.code == 0
    assert "remark: Airflow reads the Dags in Python in this archive; check does not look into them\n" in named.out


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
        "a.yaml": f"pipelines/a.yaml:1:1: this is a dbt file, not a pipeline; airfleet does not read it\n{HINT}",
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
