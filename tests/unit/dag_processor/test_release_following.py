"""The dag-processor follows the live release: it parses what changed, and moves the rows of the rest."""

from __future__ import annotations

import os
import selectors
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.manager import BundleState, DagFileInfo, DagFileProcessorManager, DagFileStat

from airfleet.dag_processor import release_rows
from airfleet.dag_processor.job_runner import PipelineFileProcessorManager
from airfleet.dag_processor.release_following import DIGEST_KEY
from airfleet.pipelines.airflow.bundle import PipelineBundle
from airfleet.releases.places import Places
from support import release_trees

FILES = {
    "pipelines/a.yaml": "a",
    "pipelines/b.yaml": "b",
    "pipelines/c.yaml": "c",
    "help.py": "",
    "pipelines/z.yaml": "z",
}


class Following:
    """A manager over a folder of releases; the database is a list of what it was asked."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places, self.asked, self.moved = Places(root / "releases"), [], []  # type: ignore[var-annotated]
        (root / "pipelines").mkdir()
        (root / "pipelines" / "a.yaml").write_text("a")
        self.bundle = PipelineBundle(name="b", path=str(root / "pipelines"), releases=str(self.places.root))
        self.manager = PipelineFileProcessorManager(max_runs=-1)
        self.manager.selector = selectors.DefaultSelector()
        self.manager._dag_bundles = [self.bundle]
        self.known: dict[str, set[DagFileInfo]] = {}
        self.state = BundleState(last_refreshed=None, version=None)
        monkeypatch.setattr(DagFileProcessorManager, "_get_team_name", lambda *_, **__: None)
        for name in ("deactivate_deleted_dags", "clear_orphaned_import_errors"):
            monkeypatch.setattr(DagFileProcessorManager, name, lambda _, name=name, **__: self.asked.append(name))
        monkeypatch.setattr(DagFileProcessorManager, "get_bundle_state", lambda *_, **__: self.state)
        monkeypatch.setattr(DagFileProcessorManager, "update_bundle_state", self.update)
        monkeypatch.setattr(DagFileProcessorManager, "_get_team_names", lambda *_, **__: {})
        monkeypatch.setattr(release_rows, "move", self.move)

    def update(self, _: str, *, last_refreshed: Any, version: str | None) -> None:
        self.state = BundleState(last_refreshed=last_refreshed, version=version or self.state.version)
        self.asked.append("update_bundle_state")

    def move(self, _session: Any, bundle: str, release: str, folder: str, files: Any) -> None:
        self.moved.append((bundle, release, folder, sorted(files)))

    def live(self, **changed: str) -> str:
        """Make a release live with some files that changed; its digest."""
        digest = release_trees.make(
            self.places, {**FILES, **{name.replace("__", "/"): t for name, t in changed.items()}}
        )
        release_trees.go_live(self.places, digest)
        return digest

    def turn(self) -> list[str]:
        """Turn once; the files that wait to be parsed then."""
        self.manager._bundles_last_refreshed = float("-inf")
        self.manager._refresh_dag_bundles(self.known)
        return sorted(str(file.rel_path) for file in self.manager._file_queue)

    def parse(self) -> None:
        """Have all files parsed that wait."""
        for file in self.manager._file_queue:
            self.manager._file_stats[file] = DagFileStat(run_count=1)
        self.manager._file_queue.clear()


@pytest.fixture
def following(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Following:
    made = Following(tmp_path, monkeypatch)
    assert made.turn() == ["a.yaml"]
    made.parse()
    return made


def changed(**files: str) -> dict[str, str]:
    return {f"pipelines/{name}.yaml": text for name, text in files.items()}


def test_the_first_release_is_parsed_as_a_whole_and_moves_no_row(following: Following) -> None:
    digest = following.live()
    assert following.turn() == ["a.yaml", "b.yaml", "c.yaml", "z.yaml"]
    assert {file.bundle_path for file in following.manager._file_queue} == {following.places.tree(digest) / "pipelines"}
    assert following.manager._bundle_versions == {"b": digest}
    assert following.moved == []


def test_of_the_next_release_what_changed_is_parsed_and_the_rest_moves_in_one_statement(following: Following) -> None:
    following.live()
    following.turn()
    following.parse()
    digest = following.live(**changed(b="other"))
    assert following.turn() == ["b.yaml"]
    folder = following.places.tree(digest) / "pipelines"
    assert following.moved == [("b", digest, str(folder), ["a.yaml", "c.yaml", "z.yaml"])]
    assert next(iter(following.manager._file_queue)).absolute_path == folder / "b.yaml"


def test_an_idle_turn_asks_the_database_for_nothing(following: Following) -> None:
    following.live()
    following.turn()
    following.parse()
    following.asked.clear()
    for _ in range(3):
        assert following.turn() == []
    assert following.asked == []


def test_a_file_that_takes_in_or_imports_what_changed_is_parsed(following: Following) -> None:
    tree = following.places.tree(following.live())
    following.turn()
    following.parse()
    helper = tree / "help.py"
    stamp = (helper.stat().st_mtime_ns, helper.stat().st_size, helper.stat().st_ino)
    c = DagFileInfo(rel_path=Path("c.yaml"), bundle_name="b")
    following.manager._note_taken_in(c, {str(helper): stamp, str(tree / "defaults.yaml"): None})
    following.live(**{"help.py": "changed"})
    assert following.turn() == ["c.yaml"]
    following.parse()
    following.live(**{"help.py": "changed", "defaults.yaml": "new"})
    assert following.turn() == ["c.yaml"]


def test_a_file_that_waits_for_its_parse_keeps_its_release_until_then(following: Following) -> None:
    following.live()
    following.turn()
    following.parse()
    following.live(**changed(b="other"))
    following.turn()
    following.moved.clear()
    digest = following.live(**changed(b="other", a="other"))
    assert following.turn() == ["a.yaml", "b.yaml"]
    folder = following.places.tree(digest) / "pipelines"
    assert {file.bundle_path for file in following.manager._file_queue} == {folder}
    assert following.moved[0][3] == ["c.yaml", "z.yaml"]


def test_a_result_of_another_release_is_not_stored_and_its_file_is_parsed_again(following: Following) -> None:
    following.live()
    following.turn()
    file = next(iter(following.manager._file_queue))
    following.parse()
    process: Any = SimpleNamespace(had_callbacks=False)
    assert not following.manager._is_of_another_release(file, process)
    following.manager._processors[file] = process
    following.live(**{"help.py": "changed"})
    assert following.turn() == []
    assert str(file.rel_path) not in following.moved[0][3]
    following.manager.handle_parsing_result(following.manager._processors.popitem()[0], process)
    following.manager._looked = float("-inf")
    assert [str(one.rel_path) for one in following.manager._changed()] == [str(file.rel_path)]


def test_a_callback_of_an_earlier_release_makes_its_file_no_less_recently_parsed(following: Following) -> None:
    digest, now = following.live(), datetime.now(UTC)
    following.turn()
    file = next(iter(following.manager._file_queue))
    following.manager._file_stats[file] = DagFileStat(last_finish_time=now, run_count=1)
    told = SimpleNamespace(told=lambda: None)
    process = SimpleNamespace(
        had_callbacks=True, parsing_result=None, start_time=0.0, taken_in=told, misfortune=lambda: ""
    )
    called = DagFileInfo(rel_path=file.rel_path, bundle_name="b", bundle_path=file.bundle_path, bundle_version=digest)
    following.manager.handle_parsing_result(called, process, session=object())
    assert following.manager.processed_recently(now, file)
    assert called not in following.manager._file_stats


def test_a_callback_makes_its_file_no_less_recently_parsed(following: Following) -> None:
    following.live()
    following.turn()
    file, now = next(iter(following.manager._file_queue)), datetime.now(UTC)
    parsed = DagFileStat(num_dags=1, last_finish_time=now, run_count=1)
    following.manager._file_stats[file] = parsed
    told = SimpleNamespace(told=lambda: None)
    process = SimpleNamespace(
        had_callbacks=True, parsing_result=None, start_time=0.0, taken_in=told, misfortune=lambda: ""
    )
    following.manager.handle_parsing_result(file, process, session=object())
    assert following.manager._file_stats[file] == parsed


def test_rows_that_could_not_be_moved_are_moved_with_the_next_turn(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    following.live()
    following.turn()
    following.parse()
    with monkeypatch.context() as broken:
        broken.setattr(release_rows, "move", lambda *_: 1 / 0)
        digest = following.live(**changed(b="other"))
        following.turn()
    assert following.moved == []
    following.turn()
    following.turn()
    assert [(release, files) for _, release, _, files in following.moved] == [(digest, ["a.yaml", "c.yaml", "z.yaml"])]


def test_a_dag_is_signed_with_what_it_was_read_from_in_a_release_alone(following: Following) -> None:
    signed = []
    for help_text in ("", "", "changed"):
        tree = following.places.tree(following.live(**{"help.py": help_text, "extra": str(len(signed))}))
        following.turn()
        following.manager._note_taken_in(
            DagFileInfo(rel_path=Path("a.yaml"), bundle_name="b"), {str(tree / "help.py"): None}
        )
        result: Any = SimpleNamespace(serialized_dags=[SimpleNamespace(data={"dag": {}})])
        following.manager._sign(result, "b", "a.yaml")
        signed.append(result.serialized_dags[0].data[DIGEST_KEY])
    assert signed[0] == signed[1] != signed[2]
    result = SimpleNamespace(serialized_dags=[SimpleNamespace(data={"dag": {}})])
    following.manager._sign(result, "of others", "a.yaml")
    assert result.serialized_dags[0].data == {"dag": {}}
    assert os.path.islink(following.places.live)
