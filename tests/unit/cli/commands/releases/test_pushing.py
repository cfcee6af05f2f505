"""The parts of a push that need no fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.cli.commands.releases import pushing
from airfleet.errors import FleetError


def test_a_file_of_the_project_that_went_away_is_named_below_it(tmp_path: Path) -> None:
    sentence = "nothing was pushed: envs/ml.txt cannot be read: No such file or directory"
    with pytest.raises(FleetError) as raised, pushing.named_files(tmp_path):
        (tmp_path / "envs" / "ml.txt").read_bytes()
    assert (raised.value.sentence, raised.value.hint) == (sentence, "push again when nobody writes to the folder")


def test_a_file_that_is_not_of_the_project_is_no_fault_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), pushing.named_files(tmp_path / "project"):
        (tmp_path / "other").read_bytes()
