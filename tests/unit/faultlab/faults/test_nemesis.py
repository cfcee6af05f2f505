"""The random nemesis draws the same faults from the same seed."""

from __future__ import annotations

from faultlab.faults import nemesis


def test_a_schedule_is_made_by_its_seed_alone() -> None:
    one, same, other = (nemesis.schedule(nemesis.of_one_host, seed, 30, (1, 2), 10) for seed in (7, 7, 8))
    assert one == same
    assert one != other
    assert len({step.fault.name.partition(" for ")[0] for step in one}) > 8
    assert all(1 <= step.after_seconds <= 2 and step.fault.seconds <= 10 for step in one)


def test_the_first_faults_of_a_longer_schedule_are_those_of_a_shorter_one() -> None:
    longer, shorter = (nemesis.schedule(nemesis.of_one_host, 3, count, (1, 2), 10) for count in (20, 5))
    assert longer[:5] == shorter
