"""Rows of Dags whose files a release left as they were, and the release of a callback's run, in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.callbacks.callback_requests import DagCallbackRequest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from airfleet.dag_processor import release_rows
from support.databases import NewDatabase

TABLES = """
CREATE TABLE dag (dag_id text, bundle_name text, bundle_version text, relative_fileloc text, fileloc text);
CREATE TABLE dag_version (dag_id text, version_number int, bundle_version text);
CREATE TABLE dag_run (dag_id text, run_id text, bundle_version text);
INSERT INTO dag SELECT name, bundle, 'one', name || '.yaml', '/one/' || name || '.yaml'
FROM (VALUES ('same', 'b'), ('changed', 'b'), ('elsewhere', 'other')) AS row (name, bundle);
INSERT INTO dag_version SELECT dag_id, number, 'of ' || number FROM dag, generate_series(1, 2) AS number;
INSERT INTO dag_run VALUES ('same', 'pinned', 'one'), ('same', 'free', NULL);
"""


@pytest.fixture(scope="module")
def url(new_database: NewDatabase) -> str:
    made = new_database("release_rows")
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(TABLES)
    return made.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def session(url: str) -> Iterator[Session]:
    engine = create_engine(url)
    with Session(engine) as opened:
        yield opened
        opened.rollback()
    engine.dispose()


def rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in session.connection().exec_driver_sql(query)]


def test_dags_of_the_same_files_and_their_newest_versions_move_and_all_else_stays(session: Session) -> None:
    release_rows.move(session, "b", "two", "/two", ["same.yaml", "elsewhere.yaml"])
    assert rows(session, "SELECT dag_id, bundle_version, fileloc FROM dag ORDER BY 1") == [
        ("changed", "one", "/one/changed.yaml"),
        ("elsewhere", "one", "/one/elsewhere.yaml"),
        ("same", "two", "/two/same.yaml"),
    ]
    moved = rows(session, "SELECT dag_id, version_number FROM dag_version WHERE bundle_version = 'two'")
    assert moved == [("same", 2)]
    assert rows(session, "SELECT count(*) FROM dag_version WHERE bundle_version <> 'two'") == [(5,)]


@pytest.mark.parametrize(("run", "release"), [("pinned", "one"), ("free", None), ("gone", "moved")])
def test_a_callback_is_of_the_release_of_its_run(session: Session, run: str, release: str | None) -> None:
    asked = {"filepath": "same.yaml", "bundle_name": "b", "bundle_version": "moved"}
    assert release_rows.of_run(session, DagCallbackRequest(dag_id="same", run_id=run, **asked)) == release
    of_task: Any = SimpleNamespace(ti=SimpleNamespace(dag_id="same", run_id=run), **asked)
    assert release_rows.of_run(session, of_task) == release
