"""A forked process tells the files that a parse took in."""

from __future__ import annotations

import os

from airfleet.dag_processor.taken_in import MOST_BYTES, TakenIn


def told_by_a_fork(stamps: dict[str, tuple[int, int, int] | None]) -> dict[str, tuple[int, int, int] | None] | None:
    taken_in = TakenIn()
    pid = os.fork()
    if pid == 0:
        taken_in.tell(stamps)
        os._exit(0)
    os.waitpid(pid, 0)
    return taken_in.told()


def test_stamps_come_as_they_were() -> None:
    stamps = {"/p/defaults.yaml": (1, 2, 3), "/p/caf\udce9.yaml": None}
    assert told_by_a_fork(stamps) == stamps
    assert told_by_a_fork({}) == {}


def test_a_process_that_tells_nothing_has_told_nothing() -> None:
    assert TakenIn().told() is None


def test_so_many_as_there_is_room_for_are_told() -> None:
    stamps = {f"/{number:05}{'x' * 1_000}": None for number in range(3_000)}
    told = told_by_a_fork(dict(stamps)) or {}
    assert 0 < len(told) < MOST_BYTES / 1_000
    assert set(told) < set(stamps)
