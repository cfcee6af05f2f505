"""``init``: a new project, and nothing of it in the way of what is there."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from airfleet.cli.commands.pipelines import scaffold
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
