"""What of an edited fleet.yaml is not in force."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from airfleet.agent.cluster.config_drift import ConfigDrift, LibraryDrift, PlanOrigin
from airfleet.agent.control import Edited, Snapshot, Unapplied
from airfleet.fleet.planning import paths
from airfleet.fleet.servers import secrets

Running = Callable[..., ConfigDrift]


@pytest.fixture
def running(tmp_path: Path) -> Running:
    """A fleet that was started with this file, in this environment."""
    (tmp_path / "pipelines").mkdir()

    def started(text: str, **environ: str) -> ConfigDrift:
        write(tmp_path, text)
        origin = PlanOrigin(
            tmp_path, environ, "local", paths.of(tmp_path, environ), secrets.generate(), has_nginx=False
        )
        return ConfigDrift(origin, origin.planned(), LibraryDrift([tmp_path / "site-packages"]))

    return started


def write(folder: Path, text: str, name: str = "fleet.yaml") -> None:
    """As editors do it: another file under the same name."""
    draft = folder / "draft"
    draft.write_text(text)
    os.replace(draft, folder / name)


def test_what_was_not_edited_is_in_force(running: Running, tmp_path: Path) -> None:
    edits = running("name: shop\n")
    assert edits.now() == Edited()
    write(tmp_path, "# the same\nname: shop\n")
    assert edits.now() == Edited()


def test_an_edit_is_named_by_component_until_it_is_taken_back(running: Running, tmp_path: Path) -> None:
    edits = running("name: shop\nworkers: [{name: worker, slots: 1}]\n")
    write(tmp_path, "name: shop\nworkers: [{name: worker, slots: 3}]\napi_server: {count: 2}\ntriggerer: false\n")
    found = {one.component: one for one in edits.now().unapplied}
    assert (found["worker"].change, found["worker"].why[0]) == ("~", "slots 1 → 3")
    assert (found["api-server-2"].change, found["triggerer"].change) == ("+", "-")
    write(tmp_path, "name: shop\nworkers: [{name: worker, slots: 1}]\n")
    assert edits.now() == Edited()


def test_an_edit_is_read_with_the_environment_and_the_overlay_of_the_agent(running: Running, tmp_path: Path) -> None:
    write(tmp_path, "workers: [{name: worker, slots: 2}]\n", "fleet.prod.yaml")
    edits = running("name: shop\nvars: {region: '${{ env.REGION }}'}\n", AIRFLEET_ENV="prod", REGION="eu")
    assert edits.now() == Edited("prod")
    write(tmp_path, "workers: [{name: worker, slots: 4}]\n", "fleet.prod.yaml")
    assert edits.now() == Edited("prod", (Unapplied("worker", "~", ("slots 2 → 4",)),))


def test_libraries_that_change_under_the_fleet_are_named_until_they_are_as_before(
    running: Running, tmp_path: Path
) -> None:
    libraries = tmp_path / "site-packages"
    for name in ("celery-5.6.3.dist-info", "flower-2.2.0.dist-info", "celery"):
        (libraries / name).mkdir(parents=True)
    edits = running("name: shop\n")
    assert edits.now() == Edited()
    os.rename(libraries / "celery-5.6.3.dist-info", libraries / "celery-5.6.4.dist-info")
    (libraries / "team_tools-1.0.dist-info").mkdir()
    (libraries / "flower-2.2.0.dist-info").rmdir()
    assert edits.now() == Edited(libraries=("celery 5.6.3 → 5.6.4", "flower 2.2.0 is gone", "team-tools 1.0 is new"))
    write(tmp_path, "name: [\n")
    assert edits.now().is_wrong
    assert len(edits.now().libraries) == 3
    write(tmp_path, "name: shop\n")
    os.rename(libraries / "celery-5.6.4.dist-info", libraries / "celery-5.6.3.dist-info")
    (libraries / "team_tools-1.0.dist-info").rmdir()
    (libraries / "flower-2.2.0.dist-info").mkdir()
    assert edits.now() == Edited()


@pytest.mark.parametrize("text", ["name: [\n", "workerz: 1\n", "vars: {a: '${{ env.NONE }}'}\n", None])
def test_a_file_that_is_wrong_now_is_said_to_be(running: Running, tmp_path: Path, text: str | None) -> None:
    edits = running("name: shop\n")
    if text is None:
        (tmp_path / "fleet.yaml").unlink()
    else:
        write(tmp_path, text)
    assert edits.now() == Edited(is_wrong=True)


def test_a_snapshot_carries_it(running: Running, tmp_path: Path) -> None:
    told = Edited("prod", (Unapplied("worker", "~", ("slots 2 → 4",)),), is_wrong=True)
    snapshot = replace(Snapshot("shop", "ready", 7, "/home"), edited=told)
    assert Snapshot.from_json(snapshot.to_json()) == snapshot
    assert Snapshot.from_json({"fleet": "shop", "state": "ready", "pid": 7, "home": "/home"}).edited == Edited()


def test_a_plan_is_made_again_for_the_memory_that_the_agent_found(tmp_path: Path) -> None:
    write(tmp_path, "name: shop\n")
    here = (tmp_path, {}, "local", paths.of(tmp_path, {}), secrets.generate(), False)
    slots = [
        worker.options["slots"]
        for memory_bytes in (2**30, 2**31)
        for worker in PlanOrigin(*here, memory_bytes).planned().components
        if worker.kind == "worker"
    ]
    assert slots == ["4", "8"]
