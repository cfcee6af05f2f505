"""The release of a trigger."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airfleet.releases.places import Places
from airfleet.triggerer.trigger_releases import TriggerReleases, with_release
from support import release_trees

CLASS = "shop.triggers.Arrival"


def instance(version: str | None, bundle: str = "pipelines") -> Any:
    return SimpleNamespace(
        dag_run=SimpleNamespace(bundle_version=version), dag_version=SimpleNamespace(bundle_name=bundle)
    )


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (instance("9f2c"), f"9f2c:{CLASS}"),
        (instance(None), CLASS),
        (instance("9f2c", "another"), CLASS),
        (None, CLASS),
    ],
    ids=["a release", "a folder", "a bundle of somebody else", "an asset"],
)
def test_the_path_of_a_class_names_the_release_of_its_run(of: Any, expected: str) -> None:
    assert with_release(CLASS, of) == expected


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "releases")


def test_a_trigger_waits_for_a_release_that_is_not_here(places: Places, tmp_path: Path) -> None:
    releases = TriggerReleases(places, tmp_path)
    digest = release_trees.make(places, {"pipelines/a.yaml": "a"})
    assert [releases.has(path) for path in (CLASS, f"{digest}:{CLASS}", f"{'0' * 64}:{CLASS}")] == [True, True, False]


def test_a_trigger_of_no_run_takes_the_live_release(places: Places, tmp_path: Path) -> None:
    releases = TriggerReleases(places, tmp_path)
    assert releases.qualified(CLASS) == CLASS
    digest = release_trees.make(places, {"pipelines/a.yaml": "a"})
    release_trees.go_live(places, digest)
    assert releases.qualified(CLASS) == f"{digest}:{CLASS}"
    assert releases.qualified(f"9f2c:{CLASS}") == f"9f2c:{CLASS}"


@pytest.mark.parametrize(("given", "is_there"), [({"releases": "/srv/releases"}, True), ({}, False)])
def test_the_settings_name_the_place_of_releases(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], is_there: bool
) -> None:
    bundle = {"name": "pipelines", "classpath": "a.B", "kwargs": {"path": "/srv/shop/pipelines", **given}}
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([bundle]))
    assert (TriggerReleases.of_settings() is not None) == is_there
