"""The switch from one cluster to another, cut off at each of its steps."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from airfleet.agent.servers import cluster_switch, embedded_servers
from airfleet.errors import FleetError
from airfleet.fleet.planning.paths import Paths


class CutOff(BaseException):
    """The end of the process."""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    places = Paths(tmp_path, tmp_path / "run")
    for name, major in (("cluster", 18), ("next/cluster", 15)):
        make(data_of(places) / name, major)
    cluster_switch.dump_folder(data_of(places)).mkdir()
    places.servers.write_text('{"postgres": "postgres 18.4 /x/postgres", "valkey": "valkey 9.1 /y"}')
    return places


def data_of(paths: Paths) -> Path:
    return paths.home / "postgres"


def make(folder: Path, major: int) -> None:
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text(f"{major}\n")


def majors(paths: Paths) -> dict[str, str]:
    files = data_of(paths).rglob("PG_VERSION")
    return {str(file.parent.relative_to(data_of(paths))): file.read_text().strip() for file in files}


def begin(paths: Paths) -> cluster_switch.Switch:
    return cluster_switch.begin(paths, data_of(paths), data_of(paths) / "next" / "cluster")


def cut_off_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Callable[[], int]:
    """End the process at the so-maniest change of a folder."""
    done = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def change(*words: object, **named: object) -> object:
            nonlocal done
            done += 1
            if done > step:
                raise CutOff
            return real(*words, **named)

        return change

    monkeypatch.setattr(cluster_switch.os, "rename", counted(os.rename))
    monkeypatch.setattr(cluster_switch.shutil, "rmtree", counted(cluster_switch.shutil.rmtree))
    monkeypatch.setattr(cluster_switch, "_forget_program", counted(cluster_switch._forget_program))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    return lambda: done


@pytest.mark.parametrize("step", range(7))
def test_a_switch_that_was_cut_off_anywhere_is_finished_by_the_next_who_comes(paths: Paths, step: int) -> None:
    begin(paths)
    with pytest.MonkeyPatch.context() as patched:
        cut_off_at(patched, step)
        try:
            cluster_switch.finish(paths, data_of(paths))
        except CutOff:
            assert cluster_switch.is_under_way(paths)
        else:
            assert step == 6
    cluster_switch.finish(paths, data_of(paths))
    assert majors(paths) == {"cluster": "15", "cluster.18": "18"}
    assert not cluster_switch.is_under_way(paths)
    assert paths.servers.read_text() == '{\n "valkey": "valkey 9.1 /y"\n}\n'
    assert not (data_of(paths) / "next").exists()
    assert not cluster_switch.dump_folder(data_of(paths)).exists()


def test_a_start_finishes_a_switch_before_it_looks_for_data(paths: Paths) -> None:
    begin(paths)
    (data_of(paths) / "cluster").rename(data_of(paths) / "cluster.18")  # and then the machine lost its power
    with pytest.raises(FleetError, match="were written by PostgreSQL 15, and no program here reads them"):
        embedded_servers.prepare(paths, euid=1000, broker=None)
    assert majors(paths) == {"cluster": "15", "cluster.18": "18"}


def test_a_start_removes_the_new_cluster_of_an_upgrade_that_was_given_up(paths: Paths) -> None:
    embedded_servers.prepare(paths, euid=1000, broker=None)
    assert majors(paths) == {"cluster": "18"}


def test_the_way_back_keeps_both_and_names_do_not_meet(paths: Paths) -> None:
    data = data_of(paths)
    assert begin(paths).keep == "cluster.18"
    cluster_switch.finish(paths, data)
    cluster_switch.begin(paths, data, cluster_switch.kept(data)[0].path)
    cluster_switch.finish(paths, data)
    assert majors(paths) == {"cluster": "18", "cluster.15": "15"}
    make(data / "cluster.18", 18)
    make(data / "next" / "cluster", 15)
    assert begin(paths).keep == "cluster.18.2"


def test_there_is_no_switch_without_a_cluster_in_use(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="there is no cluster in"):
        begin(Paths(tmp_path, tmp_path))
