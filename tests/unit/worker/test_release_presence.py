"""An attempt whose release is not on its worker's host is given back, and fails nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.executors.workloads import BundleInfo, ExecuteTask

from airfleet.releases.places import Places
from airfleet.worker import celery_task, release_presence
from airfleet.worker.celery_task import Start
from airfleet.worker.result_backend import ReleaseAway, had_begun, release_was_away
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
        release_presence.require(bundle("ours", made))
    (places.root / "aside").rename(places.tree(made))
    release_presence.require(bundle("ours", made))


@pytest.mark.parametrize("asked", [("ours", None), ("theirs", "a" * 40), ("unknown", "a" * 40)])
def test_what_has_no_version_or_fetches_its_own_is_not_asked_for(places: Places, asked: tuple[str, str | None]) -> None:
    release_presence.require(bundle(*asked))


def test_the_slot_rests_for_a_moment_only_and_the_message_is_given_back(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    rested: list[float] = []
    monkeypatch.setattr(celery_task.time, "sleep", rested.append)
    monkeypatch.setattr(celery_task, "setproctitle", lambda _: None)
    workload = ExecuteTask.model_construct(ti=SimpleNamespace(id="an attempt"), bundle_info=bundle("ours", "f" * 64))  # type: ignore[arg-type]
    monkeypatch.setattr(celery_task, "_read", lambda _: workload)
    for _ in range(3):
        with pytest.raises(ReleaseAway) as raised:
            celery_task.execute("")
    assert rested == [celery_task.AWAY_SECONDS] * 3
    assert not had_begun(raised.value)
    assert release_was_away(raised.value)
    assert not Start().told
