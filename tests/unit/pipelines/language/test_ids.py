"""Ids are what addresses and folders can carry."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.language import ids


@pytest.mark.parametrize(
    ("written", "what", "said"),
    [
        ("a", "Dag", None),
        ("a.b-c_d", "Dag", None),
        ("...", "Dag", None),
        ("été", "task", None),
        ("x" * 248, "Dag", None),
        ("x" * 247, "task", None),
        (".", "task", "the id of a task cannot be '.', which means a folder in addresses and paths"),
        ("..", "Dag", "the id of a Dag cannot be '..', which means a folder in addresses and paths"),
        ("a/b", "Dag", "the id of a Dag cannot contain '/'"),
        ("a ", "Dag", "the id of a Dag cannot contain ' '"),
        ("a\n", "Dag", "the id of a Dag cannot contain '\\n'"),
        ("x" * 251, "Dag", "the id is 251 characters long; Airflow takes 250"),
        ("x" * 249, "Dag", "the id is 249 bytes long; in the name of the log's folder there is room for 248"),
        ("é" * 124, "task", "the id is 248 bytes long; in the name of the log's folder there is room for 247"),
    ],
)
def test_ids_are_what_addresses_and_folders_can_carry(written: str, what: ids.What, said: str | None) -> None:
    found = ids.problem_of(written, what)
    assert (found and found[0]) == said


def test_a_folder_of_logs_can_have_the_longest_ids(tmp_path: Path) -> None:
    for name, what in (("dag_id", "Dag"), ("task_id", "task")):
        longest = max(n for n in range(251) if ids.problem_of("x" * n, what) is None)  # type: ignore[arg-type]
        (tmp_path / f"{name}={'x' * longest}").mkdir()
        with pytest.raises(OSError, match="too long"):
            (tmp_path / f"{name}={'x' * (longest + 1)}").mkdir()
