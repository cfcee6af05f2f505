"""The dag-processor's rest: when it may end, what its agent looks at, and where the next process goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.bundles.local import LocalDagBundle
from airflow.dag_processing.manager import DagFileInfo, DagFileProcessorManager, DagFileStat

from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from airfleet.file_stamps import stamp
from airfleet.pipelines.airflow.bundle import PipelineBundle


def manager(
    folder: Path, *, sleep_after_seconds: float | None = 0.0, notes: Any = None
) -> PipelineFileProcessorManager:
    """Make one that has parsed every file of a folder a minute ago, and found nothing to do since."""
    made = PipelineFileProcessorManager(max_runs=-1, sleep_after_seconds=sleep_after_seconds)
    bundle = PipelineBundle(name="b", path=str(folder / "pipelines"), releases=str(folder / "releases"))
    made._dag_bundles = [bundle]
    made._find_files_in_bundle(bundle)
    a_minute_ago = datetime.now(UTC) - timedelta(seconds=60)
    for file in made._known["b"]:
        made._file_stats[file] = DagFileStat(num_dags=1, last_finish_time=a_minute_ago, run_count=1)
    made._asked_to_parse = made._asked_to_call = False
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pipelines" / "more").mkdir(parents=True)
    (tmp_path / "pipelines" / "a.yaml").write_text("dag_id: a")
    (tmp_path / "shared.sql").write_text("SELECT 1")
    return tmp_path


def file_of(made: PipelineFileProcessorManager) -> DagFileInfo:
    return next(iter(made._known["b"]))


def test_one_without_work_ends_and_one_that_never_sleeps_does_not(folder: Path) -> None:
    resting = manager(folder)
    assert resting.max_runs_reached()
    assert resting.watched is not None
    awake = manager(folder, sleep_after_seconds=None)
    assert not awake.max_runs_reached()
    assert not manager(folder, sleep_after_seconds=60.0).max_runs_reached(), "it has just begun"


@pytest.mark.parametrize(
    "give",
    [
        lambda made: made._file_queue.update({file_of(made): None}),
        lambda made: made._processors.update({file_of(made): object()}),
        lambda made: made._awaiting.append((0.0, object())),
        lambda made: made._calling.update({file_of(made): []}),
        lambda made: made._claims.update({1: object()}),
        lambda made: made._again.update({file_of(made): (time.monotonic() + 60, 1)}),
        lambda made: made._left_to.update({("a", ("b", "a.yaml")): {("b", "c.yaml")}}),
        lambda made: made.request_bundle_refresh("b"),
        lambda made: setattr(made, "_asked_to_call", True),
        lambda made: made._known.clear(),
        lambda made: made._dag_bundles.append(LocalDagBundle(name="theirs", path="/tmp")),
    ],
    ids=[
        "queued",
        "parsed",
        "awaits",
        "called",
        "claimed",
        "again",
        "left",
        "refresh",
        "asked",
        "unlisted",
        "other bundle",
    ],
)
def test_one_that_has_work_goes_on(folder: Path, give: Callable[[Any], object]) -> None:
    made = manager(folder)
    give(made)
    assert not made.max_runs_reached()
    assert made.watched is None


def changes(made: PipelineFileProcessorManager) -> bool:
    """Tell what the agent would see."""
    assert made.watched is not None
    return any(stamp(path) != seen for path, seen in made.watched.items())


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "pipelines/a.yaml").write_text("dag_id: b"),
        lambda folder: (folder / "pipelines/a.yaml").unlink(),
        lambda folder: (folder / "pipelines/b.yaml").write_text("dag_id: b"),
        lambda folder: (folder / "pipelines/more/c.yaml").write_text("dag_id: c"),
        lambda folder: (folder / "pipelines/more/deeper").mkdir(),
        lambda folder: (folder / "pipelines/.airflowignore").write_text("a.yaml"),
        lambda folder: (folder / "shared.sql").write_text("SELECT 2"),
        lambda folder: _release_goes_live(folder),
    ],
    ids=["edit", "removal", "new file", "in a folder", "new folder", "left out", "taken in", "release"],
)
def test_the_agent_sees_whatever_has_to_be_parsed(folder: Path, change: Callable[[Path], object]) -> None:
    made = manager(folder)
    shared = str(folder / "shared.sql")
    made._taken_in[file_of(made)] = {shared: stamp(shared)}
    assert made.max_runs_reached()
    assert not changes(made)
    change(folder)
    assert changes(made)


def _release_goes_live(folder: Path) -> None:
    (folder / "releases" / "trees" / "x").mkdir(parents=True)
    os.symlink("trees/x", folder / "releases" / "live")


def test_an_edit_after_the_last_parse_is_seen_although_the_process_has_not_seen_it(folder: Path) -> None:
    made = manager(folder)
    (folder / "pipelines" / "a.yaml").write_text("dag_id: late")
    assert made.max_runs_reached()
    assert changes(made)


def test_a_file_that_came_since_the_last_look_keeps_it_running(folder: Path) -> None:
    made = manager(folder)
    (folder / "pipelines" / "late.yaml").write_text("dag_id: late")
    assert not made.max_runs_reached()


def test_it_is_due_when_the_oldest_parse_is(folder: Path) -> None:
    made = manager(folder)
    made._file_process_interval = 600
    assert 500 < made.due_seconds() <= 540


def test_the_next_process_knows_what_was_parsed_and_parses_what_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DagFileProcessorManager, "prepare_bundles", lambda _: None)
    (folder / "pipelines" / "b.yaml").write_text("dag_id: b")
    before = manager(folder)
    assert before.max_runs_reached()
    notes = json.loads(json.dumps(before.noted()))
    (folder / "pipelines" / "b.yaml").write_text("dag_id: other")
    after = PipelineFileProcessorManager(max_runs=-1, sleep_after_seconds=300.0, notes=notes)
    after._dag_bundles = before._dag_bundles
    after.prepare_bundles()
    assert {str(file.rel_path) for file in after._file_stats} == {"a.yaml", "b.yaml"}
    after._find_files_in_bundle(after._dag_bundles[0])
    assert [str(file.rel_path) for file in after._changed()] == ["b.yaml"]
    assert not after._may_end()


def test_a_file_that_was_not_parsed_voids_no_note_of_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DagFileProcessorManager, "prepare_bundles", lambda _: None)
    (folder / "pipelines" / "b.yaml").write_text("dag_id: b")
    before = manager(folder)
    [first, *_] = (file for file in before._known["b"] if file.rel_path.name == "a.yaml")
    before._file_stats[first] = DagFileStat(last_duration=0.1)
    after = PipelineFileProcessorManager(
        max_runs=-1, sleep_after_seconds=300.0, notes=json.loads(json.dumps(before.noted()))
    )
    after.prepare_bundles()
    assert [str(file.rel_path) for file in after._file_stats] == ["b.yaml"]


@pytest.mark.parametrize("notes", [None, {}, {"files": [{}], "trees": {}}, {"files": 3, "trees": {}}, []])
def test_without_notes_it_begins_anew(folder: Path, notes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DagFileProcessorManager, "prepare_bundles", lambda _: None)
    made = PipelineFileProcessorManager(max_runs=-1, sleep_after_seconds=300.0, notes=notes)
    made.prepare_bundles()
    assert made._file_stats == {}
