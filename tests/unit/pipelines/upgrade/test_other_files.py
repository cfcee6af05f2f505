"""Files beside the pipelines that a fleet does not read are said, each with the way out."""

from __future__ import annotations

import zipfile
from pathlib import Path

from airfleet.pipelines.upgrade import other_files

PIPELINE = "dag_id: a\ntasks: [{id: t}]\n"


def test_a_name_in_another_case_is_to_be_written_in_lower_case() -> None:
    said = other_files.in_other_case(Path("P.YAML"))
    assert said.sentence == "the fleet does not read this pipeline: its name has to end in .yaml or .yml"
    assert said.hint == "call it P.yaml"


def archive(file: Path, **members: str) -> Path:
    with zipfile.ZipFile(file, "w") as made:
        for name, text in members.items():
            made.writestr(name.replace("__", "."), text)
    return file


def test_pipelines_in_an_archive_are_not_read_and_dags_in_python_are_no_matter(tmp_path: Path) -> None:
    file = archive(tmp_path / "dags.zip", a__yaml=PIPELINE, values__yaml="x: 1\n", dag__py="from airflow import DAG\n")
    problem, remarks = other_files.of_archive(file)
    assert problem is None
    assert [one.sentence for one in remarks] == [
        "the pipeline a.yaml in this archive is not read: Airflow takes Dags in Python from archives"
    ]


def test_a_file_that_is_no_archive_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("no archive")
    problem, remarks = other_files.of_archive(tmp_path / "a.zip")
    assert problem is not None
    assert problem.sentence == "this is not a zip archive, and Airflow does not read it"
    assert remarks == ()


def test_an_archive_that_is_not_there_or_is_damaged_is_a_problem(tmp_path: Path) -> None:
    missing, _ = other_files.of_archive(tmp_path / "gone.zip")
    assert missing is not None
    file = archive(tmp_path / "a.zip", a__yaml=PIPELINE)
    data = bytearray(file.read_bytes())
    data[30 + len("a.yaml") + 2] ^= 0xFF  # in the content of its first file
    file.write_bytes(data)
    damaged, _ = other_files.of_archive(file)
    assert damaged is not None
    assert damaged.sentence.startswith("this zip archive cannot be read: ")
