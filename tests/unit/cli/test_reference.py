"""The reference page of the command line is what the commands say."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli import reference
from airfleet.cli.main import COMMANDS

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_in_the_repository_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check", str(DOCS)]) == 0, capsys.readouterr().err


def test_the_page_has_every_command_with_an_example() -> None:
    parts = reference.page().split("\n### airfleet ")[1:]
    assert [part.split()[0] for part in parts] == list(COMMANDS)
    assert all(f"$ airfleet {name}" in part for name, part in zip(COMMANDS, parts, strict=True))


def test_writing_then_checking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check", str(tmp_path)]) == 1
    assert "is not what the commands say" in capsys.readouterr().err
    assert reference.main(["--write", str(tmp_path)]) == 0
    assert reference.main(["--check", str(tmp_path)]) == 0
    assert reference.main([]) == 2
