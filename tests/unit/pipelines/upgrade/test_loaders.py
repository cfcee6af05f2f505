"""Loaders of dag-factory beside the YAML files that airfleet reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.files import listing
from airfleet.pipelines.upgrade import loaders, other_files

ORDERS = "orders:\n  schedule: '@daily'\n  tasks: [{task_id: a, operator: x.A}]\n"
FOLDER = "from dagfactory import load_yaml_dags  # an airflow dag\nload_yaml_dags(globals_dict=globals())\n"
FILE = "import dagfactory  # an airflow dag\nf = dagfactory.DagFactory(HERE + '/{}')\nf.generate_dags(globals())\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.yml").write_text(ORDERS)
    (tmp_path / "settings.yml").write_text("table: orders\n")
    return tmp_path


@pytest.mark.parametrize(
    ("python", "left_out"),
    [
        (FOLDER, True),
        (FILE.format("orders.yml"), True),
        (FILE.format("settings.yml"), False),
        (FILE.format("gone.yml"), False),
        ("load_yaml_dags(globals())  # no import of it\n", False),
        ("from dagfactory import load_yaml_dags\nload_yaml_dags(globals(), config_dict={'a': 1})\n", False),
        (f"from airflow.sdk import DAG\n{FOLDER}DAG('mine')\n", False),
        (f"from airflow.sdk import dag\n{FOLDER}@dag\ndef mine(): ...\n", False),
        ("import dagfactory\n", False),
        ("import dagfactory (\n", False),
    ],
)
def test_a_loader_of_files_that_are_read_is_left_out(folder: Path, python: str, left_out: bool) -> None:
    file = folder / "load.py"
    file.write_text(python)
    assert loaders.is_left_out(file, folder, listing.Rules()) == left_out


def test_a_loader_of_files_that_are_not_read_does_its_work(folder: Path) -> None:
    (folder / "load.py").write_text(FOLDER)
    (folder / ".airflowignore").write_text("orders.yml\n")
    assert not loaders.is_left_out(folder / "load.py", folder, listing.Rules())


def test_both_are_named(folder: Path) -> None:
    (folder / "load.py").write_text(FOLDER)
    (folder / "stock.yml").write_text(ORDERS.replace("orders", "stock"))
    assert [str(said) for said in other_files.remarks(listing.of(folder))] == [
        f"{folder}/load.py:2:1: this loader is not run: airfleet itself reads what it loads, orders.yml and 1 more\n"
        "hint: delete it; the Dags stay"
    ]
