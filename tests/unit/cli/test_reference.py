"""The reference page of the command line is what the commands say."""

from __future__ import annotations

from pathlib import Path

from airfleet.cli import reference
from airfleet.cli.main import COMMANDS

DOCS = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_in_the_repository_is_true() -> None:
    assert (DOCS / reference.FILE_NAME).read_text(encoding="utf-8") == reference.page()


def test_the_page_has_every_command_with_an_example() -> None:
    parts = reference.page().split("\n### airfleet ")[1:]
    assert [part.split()[0] for part in parts] == list(COMMANDS)
    assert all(f"$ airfleet {name}" in part for name, part in zip(COMMANDS, parts, strict=True))
