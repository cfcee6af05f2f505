"""Judgements of the machine, as whole sentences."""

from __future__ import annotations

import pytest

from airfleet.doctor.facts import Descriptors, Disk, MemoryLimits, OwnServers
from airfleet.doctor.finding import Seen, State
from airfleet.doctor.judgements import machine

WRONG, WARNING, FINE = State.WRONG, State.WARNING, State.FINE
MB = 2**20


@pytest.mark.parametrize(
    ("disk", "seen"),
    [
        (Disk("/srv", 200 * MB), Seen(FINE, "disks have 200 MB left, or more")),
        (Disk("/srv", 5000 * MB), Seen(FINE, "disks have 5,000 MB left, or more")),
        (
            Disk("/srv", 200 * MB, has_home=True),
            Seen(WARNING, "the disk of /srv has 200 MB left; a fleet needs 300 MB to start",
                 "du -xh --max-depth=2 /srv"),
        ),
        (
            Disk("/srv", 9 * MB),
            Seen(WRONG, "the disk of /srv has 9 MB left: logs get lost, and what writes there may fail",
                 "du -xh --max-depth=2 /srv"),
        ),
        (
            Disk("/srv", 5000 * MB, 0.01),
            Seen(WRONG, "the disk of /srv has 1.0% of its inodes left", "df -i /srv"),
        ),
    ],
)  # fmt: skip
def test_disks(disk: Disk, seen: Seen) -> None:
    assert machine.disks((disk,)) == (seen,)


@pytest.mark.parametrize(
    ("used", "seen"),
    [
        (100, Seen(FINE, "of 2 processes worker uses most file descriptors: 100 of 1000")),
        (
            800,
            Seen(WARNING, "process 7 (worker) has 800 of 1000 file descriptors open",
                 "raise LimitNOFILE= or 'ulimit -n', then start anew"),
        ),
        (
            950,
            Seen(WRONG, "process 7 (worker) has 950 of 1000 file descriptors open",
                 "raise LimitNOFILE= or 'ulimit -n', then start anew"),
        ),
    ],
)  # fmt: skip
def test_file_descriptors(used: int, seen: Seen) -> None:
    found = (Descriptors(6, "zygote", 60, 1000), Descriptors(7, "worker", used, 1000))
    assert machine.descriptors(found) == (seen,)


@pytest.mark.parametrize(
    ("limits", "seen"),
    [
        (MemoryLimits(()), Seen(FINE, "fleet.yaml limits the memory of no component")),
        (MemoryLimits(("worker",)), Seen(FINE, "the kernel keeps the limit of memory of worker")),
        (
            MemoryLimits(("worker", "scheduler"), "this kernel has no control groups that count memory"),
            Seen(WRONG, "the limit of memory is not kept of worker, scheduler: this kernel has no control groups that"
                 " count memory", "airfleet logs agent"),
        ),
    ],
)  # fmt: skip
def test_limits_of_memory(limits: MemoryLimits, seen: Seen) -> None:
    assert machine.memory_limits(limits) == (seen,)


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (OwnServers(()), Seen(FINE, "the fleet runs no server of its own")),
        (
            OwnServers(("PostgreSQL 15.18 of this machine (/x)",), kept=("/data/cluster.18",)),
            Seen(FINE, "the agent runs PostgreSQL 15.18 of this machine (/x); an earlier cluster is kept in "
                 "/data/cluster.18"),
        ),
        (
            OwnServers((), "there is no PostgreSQL", "apt-get install postgresql"),
            Seen(WRONG, "there is no PostgreSQL", "apt-get install postgresql"),
        ),
    ],
)  # fmt: skip
def test_embedded_servers(found: OwnServers, seen: Seen) -> None:
    assert machine.own_servers(found) == (seen,)
