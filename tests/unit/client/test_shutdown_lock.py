"""The lock of ``airfleet down``: others see that a shutdown is under way, and that one has been."""

from __future__ import annotations

import time

from airfleet.client import shutdown_lock
from airfleet.client.project import Project


def test_before_the_first_shutdown_there_is_none(project: Project) -> None:
    project.paths.runtime.mkdir(parents=True)
    assert not shutdown_lock.is_at_work(project.paths)
    assert shutdown_lock.began(project.paths) == 0


def test_a_shutdown_is_seen_while_it_lasts_and_remembered_afterwards(project: Project) -> None:
    project.paths.runtime.mkdir(parents=True)
    with shutdown_lock.at_work(project.paths):
        assert shutdown_lock.is_at_work(project.paths)
        first = shutdown_lock.began(project.paths)
    assert not shutdown_lock.is_at_work(project.paths)
    assert shutdown_lock.began(project.paths) == first > 0
    time.sleep(0.01)
    with shutdown_lock.at_work(project.paths):
        assert shutdown_lock.began(project.paths) > first


def test_two_may_end_a_fleet_at_once(project: Project) -> None:
    project.paths.runtime.mkdir(parents=True)
    with shutdown_lock.at_work(project.paths):
        with shutdown_lock.at_work(project.paths):
            pass
        assert shutdown_lock.is_at_work(project.paths)


def test_where_a_fleet_never_ran_nothing_is_written(project: Project) -> None:
    with shutdown_lock.at_work(project.paths):
        assert not project.paths.runtime.exists()
