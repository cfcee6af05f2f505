"""The load: a year is replaced as a whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loaded import loaded

from conftest import Runner
from lightning import database, duck, results, sample
from lightning.errors import CloudError, LoadError
from lightning.tiles import BIGQUERY

YEAR = 2011


@pytest.fixture
def made(tmp_path: Path, local: Runner, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whole results of a year."""
    monkeypatch.setenv("AIRFLOW_CONN_LIGHTNING_DB", local.database)
    raw = sample.write(tmp_path, YEAR, 1000, 4, BIGQUERY)
    duck.aggregate(raw, tmp_path / "results", BIGQUERY, YEAR)
    results.seal(tmp_path / "results", YEAR)
    return tmp_path / "results"


def test_loading_twice_is_loading_once(made: Path, local: Runner) -> None:
    manifest = results.checked(made, YEAR)
    database.replace_year("lightning_db", manifest, made)
    once = loaded(local, YEAR)
    assert once.year == (1000, manifest.strikes)
    database.replace_year("lightning_db", manifest, made)
    assert loaded(local, YEAR) == once


def test_rows_that_do_not_add_up_change_nothing(made: Path, local: Runner) -> None:
    database.replace_year("lightning_db", results.checked(made, YEAR), made)
    before = loaded(local, YEAR)
    daily = next((made / "daily").glob("*.csv"))
    lines = daily.read_text().splitlines()
    daily.write_text("\n".join(lines[:-1]) + "\n")
    (made / "summary.json").write_text(json.dumps({"rows": 1000, "strikes": before.year[1]}))
    results.seal(made, YEAR)
    with pytest.raises(LoadError, match=r"is not loaded: daily has"):
        database.replace_year("lightning_db", results.checked(made, YEAR), made)
    assert loaded(local, YEAR) == before


def test_text_that_the_database_refuses_changes_nothing(made: Path, local: Runner) -> None:
    database.replace_year("lightning_db", results.checked(made, YEAR), made)
    before = loaded(local, YEAR)
    tiles = next((made / "tiles").glob("*.csv"))
    tiles.write_text(tiles.read_text() + "north,27.5,1,1\n")
    results.seal(made, YEAR)
    with pytest.raises(LoadError, match="the database is as it was"):
        database.replace_year("lightning_db", results.checked(made, YEAR), made)
    assert loaded(local, YEAR) == before


def test_a_missing_connection_is_named(made: Path) -> None:
    with pytest.raises(CloudError, match="there is no connection 'not_there'"):
        database.replace_year("not_there", results.checked(made, YEAR), made)
