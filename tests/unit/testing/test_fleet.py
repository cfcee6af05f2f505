"""A fleet for tests before it starts: its project, its environment, and its end without a trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.testing.fleet import FleetUnderTest, clean_environment

HELLO = """\
dag_id: hello
schedule: null
start_date: 2026-01-01
tasks: [{id: say, uses: bash, with: {bash_command: "true"}}]
"""


def test_a_project_has_its_files_and_is_gone_after_the_block() -> None:
    with FleetUnderTest.make("name: shop\n", {"pipelines/hello.yaml": HELLO}) as fleet:
        assert (fleet.root / "fleet.yaml").read_text() == "name: shop\n"
        assert (fleet.root / "pipelines/hello.yaml").read_text() == HELLO
        assert not fleet.is_running()
        folder = fleet.temporary
    assert folder is not None
    assert not folder.exists()


def test_a_copy_takes_everything_but_what_the_other_fleet_wrote(tmp_path: Path) -> None:
    for path in ("pipelines/one.yaml", ".airfleet/state", "lib/shop.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(path)
    with FleetUnderTest.make("name: shop\n", copy_of=tmp_path) as fleet:
        names = {path.relative_to(fleet.root).as_posix() for path in fleet.root.rglob("*") if path.is_file()}
    assert names == {"fleet.yaml", "pipelines/one.yaml", "lib/shop.py"}


def test_settings_of_the_person_do_not_reach_the_fleet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLEET_ENV", "AIRFLOW__CORE__FERNET_KEY", "_AIRFLOW_X", "SHOP_REGION"):
        monkeypatch.setenv(name, "mine")
    found = clean_environment()
    assert {name for name, value in found.items() if value == "mine"} == {"SHOP_REGION"}


def test_a_command_gets_more_variables_and_the_project_stays_the_same() -> None:
    with FleetUnderTest.make("name: shop\n") as fleet:
        other = fleet.with_environment(SHOP_REGION="eu")
        assert other.root == fleet.root
        assert other.environ == {**fleet.environ, "SHOP_REGION": "eu"}
        assert other.temporary is None  # its end does not remove the project


def test_the_command_line_runs_in_the_project() -> None:
    with FleetUnderTest.make("name: shop\n", {"pipelines/hello.yaml": HELLO}) as fleet:
        done = fleet.airfleet("check", seconds=60)
    assert done.returncode == 0, done.stderr
