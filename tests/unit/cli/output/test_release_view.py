"""The live release in words."""

from __future__ import annotations

import pytest

from airfleet.agent.release_status import HostRelease, ReleaseStatus
from airfleet.cli.output import release_view
from airfleet.releases.news import ReleaseState

DIGEST = "3f2a9c81d0e4" + "0" * 52
READY = HostRelease("a", ReleaseState.READY)


def test_nothing_is_said_while_the_folder_is_in_force() -> None:
    assert list(release_view.lines(ReleaseStatus(used_bytes=0, budget_bytes=2**30), ("a",))) == []


def test_one_line_does_for_a_release_that_is_everywhere() -> None:
    assert list(release_view.lines(ReleaseStatus(DIGEST, hosts=(READY,)), ("a",))) == [
        "release 3f2a9c81d0e4 is live for 0.0s"
    ]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        (HostRelease("b", ReleaseState.FETCHING), "host 'b' fetches it"),
        (HostRelease("b", ReleaseState.FETCHING, "no answer"), "host 'b' fetches it: no answer"),
        (HostRelease("b", ReleaseState.FAILED, "no\nit cannot"), "host 'b' cannot have it: no"),
        (HostRelease("b", ReleaseState.FAILED, "the disk is full"), "host 'b' cannot have it: the disk is full"),
        (HostRelease("c", ReleaseState.FAILED, "it is off"), "not heard of it yet from: b"),
    ],
)
def test_a_host_without_it_is_named(report: HostRelease, said: str) -> None:
    found = list(release_view.lines(ReleaseStatus(DIGEST, hosts=(READY, report)), ("a", "b")))
    assert found[1:] == [said]


def test_people_are_warned_before_the_budget_is_used_up() -> None:
    mib = 2**20
    assert release_view.warnings(ReleaseStatus(DIGEST)) == ()
    assert release_view.warnings(ReleaseStatus(DIGEST, used_bytes=89 * mib, budget_bytes=100 * mib)) == ()
    assert release_view.warnings(ReleaseStatus(DIGEST, used_bytes=97 * mib, budget_bytes=100 * mib)) == (
        "releases have 97 % of their budget in the database, and a push above it is refused; "
        "'releases: {budget: SIZE}' in fleet.yaml raises it, and 'keep' keeps fewer",
    )
