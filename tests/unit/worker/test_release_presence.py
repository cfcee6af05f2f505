"""An attempt whose release is not on its worker's host is given back, and fails nothing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.executors.workloads import BundleInfo, ExecuteTask
from celery import Celery
from celery.backends.base import KeyValueStoreBackend

from airfleet.releases.environments import layout, lock
from airfleet.releases.places import Places
from airfleet.worker import celery_task, release_presence
from airfleet.worker.celery_task import Start
from airfleet.worker.result_backend import NotBegun, ReleaseAway, had_begun, release_that_was_away, release_was_away
from support import release_trees

OURS = "airfleet.pipelines.airflow.bundle.PipelineBundle"
THEIRS = "airflow.dag_processing.bundles.local.LocalDagBundle"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    bundles = [
        {"name": "ours", "classpath": OURS, "kwargs": {"path": "/nowhere", "releases": str(tmp_path)}},
        {"name": "theirs", "classpath": THEIRS, "kwargs": {"path": "/nowhere"}},
    ]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
    release_presence._bundles.cache_clear()
    yield Places(tmp_path)
    release_presence._bundles.cache_clear()


def bundle(name: str, version: str | None) -> Any:
    return BundleInfo(name=name, version=version)


def test_a_release_that_is_not_here_yet_is_missed_until_it_comes(places: Places) -> None:
    made = release_trees.make(places, {"pipelines/a.yaml": "a"})
    places.tree(made).rename(places.root / "aside")
    with pytest.raises(ReleaseAway, match=f"^release {made} is not on this host yet$"):
        release_presence.require(bundle("ours", made), 0.0)
    (places.root / "aside").rename(places.tree(made))
    release_presence.require(bundle("ours", made), 0.0)


def test_a_release_that_comes_while_a_slot_waits_is_taken_at_once(places: Places) -> None:
    made = release_trees.make(places, {"pipelines/a.yaml": "a"})
    places.tree(made).rename(places.root / "aside")
    arrival = threading.Timer(0.1, (places.root / "aside").rename, (places.tree(made),))
    arrival.start()
    began = time.monotonic()
    release_presence.require(bundle("ours", made), 60.0)
    assert time.monotonic() - began < 30.0
    arrival.join()


def test_a_release_without_its_python_is_missed_until_that_is_built(places: Places) -> None:
    made = release_trees.make(places, {"pipelines/a.yaml": "a", layout.TABLE: json.dumps({layout.OTHERS: "e" * 64})})
    with pytest.raises(ReleaseAway):
        release_presence.require(bundle("ours", made), 0.0)
    places.environment("e" * 64).mkdir(parents=True)
    (places.environment("e" * 64) / layout.MARKER).write_text(lock.here())
    release_presence.require(bundle("ours", made), 0.0)


@pytest.mark.parametrize("asked", [("ours", None), ("theirs", "a" * 40), ("unknown", "a" * 40)])
def test_what_has_no_version_or_fetches_its_own_is_not_asked_for(places: Places, asked: tuple[str, str | None]) -> None:
    release_presence.require(bundle(*asked), 0.0)


def test_a_message_is_given_back_with_the_name_of_the_release(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_task, "AWAY_SECONDS", 0.0)
    monkeypatch.setattr(celery_task, "setproctitle", lambda _: None)
    workload = ExecuteTask.model_construct(ti=SimpleNamespace(id="an attempt"), bundle_info=bundle("ours", "f" * 64))  # type: ignore[arg-type]
    monkeypatch.setattr(celery_task, "_read", lambda _: workload)
    with pytest.raises(ReleaseAway) as raised:
        celery_task.execute("")
    told = KeyValueStoreBackend(Celery(), serializer="json")
    back = told.exception_to_python(json.loads(json.dumps(told.prepare_exception(raised.value, "json"))))
    assert release_that_was_away(back) == "f" * 64
    assert release_was_away(back)
    assert not had_begun(back)
    assert release_that_was_away(NotBegun("no room")) is None
    assert not Start().told
