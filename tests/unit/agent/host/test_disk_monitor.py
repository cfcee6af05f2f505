"""A full disk is told once, with all that a person needs, and its end too."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.agent import status
from airfleet.agent.host import disk_monitor
from airfleet.agent.host.disk_monitor import LOW_BYTES, DiskMonitor
from airfleet.agent.states import State
from airfleet.drill.waiting import wait_until
from airfleet.events import Event

MB = 2**20


class Watched:
    """Disks under test, of which each folder has the room that is said."""

    def __init__(self, *folders: Path) -> None:
        self.free = dict.fromkeys(folders, LOW_BYTES)
        self.told: list[str] = []
        self.woken = 0
        self.disks = DiskMonitor(folders, self._log, self._wake, self.free.__getitem__)

    def _log(self, event: Event, **payload: str) -> None:
        self.told.append(event.value.format(**payload))

    def _wake(self) -> None:
        self.woken += 1


def test_a_disk_without_room_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.disks.look()
    assert (watched.disks.trouble, watched.told, watched.woken) == ("", [], 0)
    for free in (LOW_BYTES - 1, 12 * MB, 3 * MB):
        watched.free[tmp_path] = free
        watched.disks.look()
    sentence = f"the disk of {tmp_path} has {{}} MB left: logs get lost, and what writes there may fail"
    assert watched.disks.trouble == sentence.format(3)
    assert (watched.told, watched.woken) == ([sentence.format(99)], 1)
    watched.free[tmp_path] = LOW_BYTES
    watched.disks.look()
    assert (watched.disks.trouble, watched.told[1:], watched.woken) == (
        "",
        ["the disks of this host have room again"],
        2,
    )


def test_a_disk_counts_once_and_a_folder_that_is_not_there_does_not(tmp_path: Path) -> None:
    inner = tmp_path / "logs"
    inner.mkdir()
    watched = Watched(tmp_path / "gone", tmp_path, inner)
    watched.free.update(dict.fromkeys(watched.free, 0))
    watched.disks.look()
    assert watched.disks.trouble.count("MB left") == 1
    assert str(tmp_path / "gone") not in watched.disks.trouble


def test_it_looks_by_itself_until_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_monitor, "PAUSE_SECONDS", 0.01)
    watched = Watched(tmp_path)
    watched.disks.start()
    watched.free[tmp_path] = 0
    wait_until(lambda: watched.woken, 10, "it has seen that")
    watched.disks.close()


def test_a_full_disk_is_a_part_of_the_host_that_is_not_well() -> None:
    (shown,) = status.unwell({"disk": "the disk of /srv has 1 MB left", "clock": ""})
    assert (shown.name, shown.state, shown.reason) == ("disk", State.DEGRADED, "the disk of /srv has 1 MB left")
    assert status.unwell({"disk": ""}) == ()
