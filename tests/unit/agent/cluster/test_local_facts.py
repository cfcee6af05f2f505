"""What a host finds on its disk to tell the others."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from airfleet.agent.cluster import local_facts
from airfleet.agent.cluster.local_facts import FactSources, LocalFacts
from airfleet.agent.host_facts import HostFacts
from airfleet.fleet.config.reader import ENVIRONMENT
from airfleet.releases.places import Places

FLEET = "name: shop\npools: {etl: 3}\nvars: {secret: hunter2}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text(FLEET)
    folder = tmp_path / "pipelines"
    for name, text in {"a.yaml": "a", "code/steps.py": "b", "notes.txt": "c", "__pycache__/x.py": "d"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return tmp_path


def found(root: Path, environ: Mapping[str, str] | None = None, key: str = "a key") -> HostFacts:
    made = LocalFacts(FactSources(root, root / "pipelines", environ or {}, key, ()), {"hosts": "a, b"})
    made.look()
    return made.now


def changed(before: HostFacts, after: HostFacts) -> set[str]:
    one, other = before.fleet_file, after.fleet_file
    return {name for name in (*one, *other) if one.get(name) != other.get(name)}


def test_pipelines_and_code_are_told_and_nothing_else(root: Path) -> None:
    assert set(found(root).pipelines or {}) == {"a.yaml", "code/steps.py"}


def test_a_host_with_a_release_tells_of_no_files(root: Path) -> None:
    places = Places(root / "releases")
    made = LocalFacts(FactSources(root, root / "pipelines", {}, "a key", (), places), {})
    made.look()
    assert made.now.pipelines is not None
    places.root.mkdir()
    places.live.symlink_to(places.tree("a" * 64))
    made.look()
    assert made.now.pipelines is None


def test_names_that_no_database_stores_are_written_out(root: Path) -> None:
    (root / "pipelines" / os.fsdecode(b"caf\xe9.yaml")).write_text("a")
    (root / "fleet.yaml").write_text('"a\\0b": 1\n')
    facts = found(root)
    assert "caf\\udce9.yaml" in (facts.pipelines or {})
    assert set(facts.fleet_file) == {"a\\x00b"}
    json.dumps(facts.to_json(), ensure_ascii=False).encode()


def test_a_look_that_fails_is_said_and_the_next_one_is_made(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_facts, "PAUSE_SECONDS", 0.01)
    made = LocalFacts(FactSources(root, root / "pipelines", {}, "a key", ()), {})
    looked, said = threading.Event(), threading.Event()
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("no")
        looked.set()

    monkeypatch.setattr(made, "look", look)
    made.start(lambda event, **_: said.set())
    assert looked.wait(10)
    made.close()
    assert said.is_set()


def test_two_hosts_with_the_same_files_tell_the_same(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    os.rmdir(elsewhere)
    os.rename(root, elsewhere)
    there = found(elsewhere)
    os.rename(elsewhere, root)
    for path in root.rglob("*"):
        os.utime(path, (1.0, 1.0))
    assert found(root) == there


def test_the_key_that_was_edited_is_told_and_what_stands_there_is_not(root: Path) -> None:
    before = found(root)
    (root / "fleet.yaml").write_text("# a comment\nvars: {secret: hunter3}\nname: shop\npools: {etl: 3}\n")
    after = found(root)
    assert changed(before, after) == {"vars"}
    assert "hunter" not in after.to_json()
    assert not set(after.fleet_file.values()) & set(found(root, key="another").fleet_file.values())


def test_an_overlay_counts(root: Path) -> None:
    (root / "fleet.prod.yaml").write_text("pools: {etl: 4}\n")
    assert changed(found(root), found(root, {ENVIRONMENT: "prod"})) == {"pools"}


@pytest.mark.parametrize("text", ["a: [", "", "- 1", "x"])
def test_a_file_that_is_no_fleet_differs_and_hurts_nobody(root: Path, text: str) -> None:
    before = found(root)
    (root / "fleet.yaml").write_text(text)
    assert changed(before, found(root))


def test_a_file_is_read_again_when_it_was_edited(root: Path) -> None:
    file = root / "pipelines" / "a.yaml"
    made = LocalFacts(FactSources(root, root / "pipelines", {}, "a key", ()), {})
    made.look()
    before = made.now.pipelines or {}
    file.write_text("another")
    (root / "pipelines" / "code" / "steps.py").unlink()
    made.look()
    after = made.now.pipelines or {}
    assert set(after) == {"a.yaml"}
    assert after["a.yaml"] != before["a.yaml"]


def test_a_file_that_was_not_touched_is_not_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = LocalFacts(FactSources(root, root / "pipelines", {}, "a key", ()), {})
    made.look()
    before = made.now

    def opened(*_: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(local_facts, "open", opened, raising=False)
    made.look()
    assert made.now == before


def test_a_folder_that_is_missing_has_no_pipelines(tmp_path: Path) -> None:
    assert found(tmp_path).pipelines == {}


def test_where_nothing_reads_pipelines_none_are_looked_at(root: Path) -> None:
    made = LocalFacts(FactSources(root, None, {}, "a key", ()), {})
    made.look()
    assert made.now.pipelines is None
    assert made.now.fleet_file


def test_pipes_are_never_opened(root: Path) -> None:
    os.mkfifo(root / "pipelines" / "pipe.yaml")
    assert set(found(root).pipelines or {}) == {"a.yaml", "code/steps.py"}


def test_versions_are_those_of_what_is_installed(tmp_path: Path) -> None:
    names = ("airfleet-0.1.0.dist-info", "apache_airflow_core-3.3.2.dist-info", "pandas-2.2.0.dist-info", "x.py")
    first, second = tmp_path / "first", tmp_path / "second"
    for name in names:
        (first / name).mkdir(parents=True)
    (second / "apache_airflow_core-3.3.1.dist-info").mkdir(parents=True)  # hidden by that of the first folder
    told = local_facts.versions((first, second, tmp_path / "missing"))
    assert {name: told[name] for name in told if name != "python"} == {
        "airfleet": "0.1.0",
        "apache-airflow-core": "3.3.2",
    }


def test_this_environment_has_airflow() -> None:
    told = local_facts.versions(local_facts.library_folders())
    assert {"airfleet", "apache-airflow-core", "apache-airflow-providers-celery", "python"} <= told.keys()
