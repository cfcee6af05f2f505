"""``airfleet render image``: the Containerfile, and the folder that it is built in."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from airfleet.cli.main import cli


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text("name: shop\nproxy: {name: airflow.example.com}\n")
    return tmp_path


def test_the_containerfile_as_text(project: Path) -> None:
    text = CliRunner().invoke(cli, ["-C", str(project), "render", "image"]).stdout
    assert text.startswith("# Written by airfleet")
    assert "--require-hashes" in text
    assert "nginx" in text
    assert "sha256" not in text


def test_the_folder(project: Path) -> None:
    folder = project / "image"
    done = CliRunner().invoke(cli, ["-C", str(project), "render", "image", "--output", str(folder)])
    assert done.exit_code == 0
    assert sorted(file.name for file in folder.iterdir()) == ["Containerfile", "airfleet.lock", "entry.sh"]
