"""Attempts of an environment are forked from its own Python, and from no other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from airfleet.task_process import ipc
from airfleet.task_process.pool import Limits
from support.toy_pool import ELSEWHERE, ToyPool, ended, make_environment, toy_pool

DIES = "#!/bin/sh\nexit 3\n"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let other interpreters import the toys."""
    here = Path(__file__).parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def toys(tmp_path: Path, importable: None) -> Iterator[ToyPool]:
    for name in ("one", "two"):
        make_environment(tmp_path, name)
    with toy_pool(tmp_path) as made:
        yield made


def of(toys: ToyPool, name: str | None, words: str = "shared") -> ipc.DagFile:
    return toys.file(words, version=None if name is None else ELSEWHERE + name)


def grandparent(pid: int) -> int:
    """Give the pool of an attempt that has a zygote."""
    return parent(parent(pid))


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_attempts_of_two_environments_and_of_none_run_side_by_side(toys: ToyPool) -> None:
    attempts = [toys.start(of(toys, name)) for name in ("one", "two", None)]
    assert [attempt.told()["environment"] for attempt in attempts] == ["one", "two", None]
    assert [attempt.end(code) for code, attempt in enumerate(attempts)] == [0, 1, 2]


def test_one_pool_serves_all_attempts_of_an_environment(toys: ToyPool) -> None:
    first = toys.start(of(toys, "one"))
    second = toys.start(of(toys, "one", "shared otherwise"))
    assert first.told()["loaded"] != second.told()["loaded"]
    assert grandparent(first.pid) == grandparent(second.pid)


def test_an_attempt_of_an_environment_has_the_descriptors_of_any_other(toys: ToyPool) -> None:
    targets = [toys.start(of(toys, name)).told()["descriptors"].values() for name in ("one", None)]
    sockets = [sum(target.startswith("socket:") for target in found) for found in targets]
    assert sockets[0] <= sockets[1]


def test_the_pool_of_an_environment_ends_with_the_worker_after_its_last_attempt(toys: ToyPool) -> None:
    attempt = toys.start(of(toys, "one"))
    pool = os.pidfd_open(grandparent(attempt.pid))
    toys.requests.close()
    assert not attempt.has_ended(0)
    assert attempt.end(7) == 7
    attempt.close()
    assert ended(pool)
    os.close(pool)


def test_the_pool_of_an_environment_ends_when_nobody_uses_it(tmp_path: Path) -> None:
    make_environment(tmp_path, "one")
    with toy_pool(tmp_path, Limits(idle_seconds=0.3)) as toys:
        attempt = toys.start(of(toys, "one"))
        pool = os.pidfd_open(grandparent(attempt.pid))
        assert attempt.end() == 0
        attempt.close()
        assert ended(pool)
        os.close(pool)
        assert toys.start(of(toys, "one")).told()["environment"] == "one"


def test_another_pool_takes_the_place_of_one_that_dies_and_gets_what_it_left_unread(toys: ToyPool) -> None:
    before = toys.start(of(toys, "one"))
    pool = grandparent(before.pid)
    os.kill(pool, signal.SIGSTOP)
    waiting = toys.send(of(toys, "one"))
    os.kill(pool, signal.SIGKILL)
    assert waiting.wait_for_start().told()["environment"] == "one"
    assert grandparent(waiting.pid) != pool
    assert before.told()["environment"] == "one"  # it goes on


def test_an_environment_whose_pool_cannot_start_gives_its_attempts_back_and_takes_no_other_along(
    tmp_path: Path,
) -> None:
    make_environment(tmp_path, "broken", DIES)
    with toy_pool(tmp_path) as toys:
        neighbour = toys.start(of(toys, None))
        for name in ("broken", "absent"):
            with pytest.raises(EOFError):
                toys.start(of(toys, name))
        assert neighbour.end(5) == 5
