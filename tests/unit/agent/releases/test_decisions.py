"""What a host fetches, makes live, deletes and reports of releases."""

from __future__ import annotations

import pytest

from airfleet.agent.releases import decisions
from airfleet.agent.releases.decisions import CERTAIN_TRIES, Decision, Failure, Here, Report, Wanted, decide
from airfleet.releases.news import ReleaseState
from airfleet.releases.policies.verdict import Refusal

NOW = 100.0
FETCHING, READY = Report(ReleaseState.FETCHING), Report(ReleaseState.READY)
OLD, LIVE, NEW = "old", "live", "new"
UNSIGNED, UNAPPROVED = Refusal("is signed by nobody", is_unsigned=True), Refusal("has 0 of 1 approval")


def having(*trees: str, live: str | None = None, fetching: tuple[str, ...] = (), **more: object) -> Here:
    """Make a host whose reports are up to date."""
    reported = {**dict.fromkeys(fetching, FETCHING), **dict.fromkeys(trees, READY)}
    given = {"live": live, "trees": frozenset(trees), "fetching": frozenset(fetching), "reported": reported}
    return Here(**{**given, **more})  # type: ignore[arg-type]


def test_a_fleet_without_releases_has_nothing_to_do() -> None:
    assert decide(Wanted(), Here(), NOW) == Decision()


def test_a_release_is_fetched_when_it_is_published_and_reported() -> None:
    assert decide(Wanted(published=(NEW,)), Here(), NOW) == Decision(fetch=(NEW,), report={NEW: FETCHING})
    assert decide(Wanted(published=(NEW,)), having(fetching=(NEW,)), NOW) == Decision()
    here = Here(trees=frozenset({NEW}), reported={NEW: FETCHING})
    assert decide(Wanted(published=(NEW,)), here, NOW) == Decision(report={NEW: READY})


def test_a_release_goes_live_when_all_of_it_is_here() -> None:
    wanted = Wanted(live=NEW, published=(NEW, OLD))
    assert decide(wanted, having(OLD, live=OLD, fetching=(NEW,)), NOW) == Decision()
    assert decide(wanted, having(OLD, NEW, live=OLD), NOW) == Decision(activate=NEW)
    assert decide(wanted, having(OLD, NEW, live=NEW), NOW) == Decision()


def test_a_rollback_to_a_release_that_is_here_fetches_nothing() -> None:
    assert decide(Wanted(live=OLD, published=(NEW, OLD)), having(OLD, NEW, live=NEW), NOW) == Decision(activate=OLD)


def test_the_live_release_comes_first_then_those_in_use_then_the_newest() -> None:
    wanted = Wanted(live=LIVE, in_use=frozenset({"b", "a"}), published=(NEW, LIVE, OLD))
    assert wanted.by_urgency == (LIVE, "a", "b", NEW, OLD)
    assert decide(wanted, Here(), NOW).fetch == (LIVE, "a", NEW)
    assert decide(wanted, having(LIVE, "a", NEW, live=LIVE), NOW).fetch == ("b",)
    assert decide(wanted, having(LIVE, "a", "b", NEW, live=LIVE), NOW).fetch == (OLD,)


def test_a_long_fetch_holds_up_neither_the_live_release_nor_the_newest() -> None:
    wanted = Wanted(live=LIVE, published=(NEW, LIVE, OLD, "older"))
    assert decide(wanted, having(fetching=(OLD,)), NOW).fetch == (LIVE, NEW)
    assert decide(wanted, having(fetching=(OLD, LIVE, NEW)), NOW).fetch == ()
    assert decide(wanted, having(fetching=(LIVE, NEW)), NOW).fetch == (OLD,)


def test_what_nobody_needs_is_deleted_and_its_report_withdrawn() -> None:
    wanted = Wanted(live=LIVE, in_use=frozenset({OLD}), published=(LIVE,))
    found = decide(wanted, having(LIVE, OLD, "older", live=LIVE), NOW)
    assert found == Decision(drop=frozenset({"older"}), withdraw=frozenset({"older"}))


def test_the_release_that_is_live_here_stays_until_the_next_one_is() -> None:
    wanted = Wanted(live=NEW, published=(NEW,))
    assert decide(wanted, having(OLD, live=OLD, fetching=(NEW,)), NOW).drop == frozenset()
    assert decide(wanted, having(OLD, NEW, live=OLD), NOW).drop == frozenset()
    assert decide(wanted, having(OLD, NEW, live=NEW), NOW).drop == {OLD}


def test_nothing_is_deleted_beside_a_fetch_whose_files_are_in_no_tree_yet() -> None:
    wanted = Wanted(live=LIVE, published=(NEW, LIVE))
    assert decide(wanted, having(LIVE, OLD, live=LIVE), NOW).drop == frozenset()
    assert decide(wanted, having(LIVE, OLD, live=LIVE, fetching=(NEW,)), NOW).drop == frozenset()
    assert decide(wanted, having(LIVE, OLD, NEW, live=LIVE), NOW).drop == {OLD}


def test_a_release_without_its_python_keeps_its_files_while_it_is_needed_and_no_longer() -> None:
    wanted = Wanted(live=LIVE, published=(NEW, LIVE))
    failures = {NEW: Failure("no such package", again_at=NOW + 2, is_certain=True)}
    here = having(LIVE, OLD, live=LIVE, unbuilt=frozenset({NEW, "older"}), failures=failures)
    assert decide(wanted, here, NOW).drop == {OLD, "older"}
    assert decide(wanted, here, NOW + 2).fetch == (NEW,)


def test_the_folder_is_in_force_again_when_the_database_has_no_live_release() -> None:
    found = decide(Wanted(published=(OLD,)), having(OLD, live=OLD), NOW)
    assert found == Decision(retire=True)


def test_a_live_release_whose_tree_was_deleted_is_fetched_again() -> None:
    found = decide(Wanted(live=LIVE), Here(live=LIVE, reported={LIVE: READY}), NOW)
    assert found == Decision(fetch=(LIVE,), report={LIVE: FETCHING})


def test_a_failed_fetch_is_tried_again_later_and_others_go_on() -> None:
    wanted, failures = Wanted(live=LIVE, published=(LIVE, OLD)), {LIVE: Failure("no", again_at=NOW + 2)}
    report = Report(ReleaseState.FETCHING, "no")
    here = Here(failures=failures, reported={LIVE: report, OLD: FETCHING})
    assert decide(wanted, here, NOW) == Decision(fetch=(OLD,), again_at=NOW + 2)
    assert decide(wanted, here, NOW + 2) == Decision(fetch=(LIVE, OLD))


def test_a_release_that_could_not_go_live_is_tried_again_later() -> None:
    here = having(LIVE, failures={LIVE: Failure("no room", again_at=NOW + 2)})
    assert decide(Wanted(live=LIVE), here, NOW) == Decision(again_at=NOW + 2)
    assert decide(Wanted(live=LIVE), here, NOW + 2) == Decision(activate=LIVE)


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        (Failure("no answer", 1), ReleaseState.FETCHING),
        (Failure("no answer", CERTAIN_TRIES, is_certain=True), ReleaseState.FAILED),
        (Failure("other bytes", 1, is_certain=True), ReleaseState.FAILED),
    ],
)
def test_a_failure_is_reported_as_one_when_it_is_certain(failure: Failure, state: ReleaseState) -> None:
    found = decide(Wanted(live=LIVE), Here(failures={LIVE: failure}), NOW - 1)
    assert found.report == {LIVE: Report(state, failure.sentence)}


def test_failures_are_counted_and_wait_longer_each_time() -> None:
    one = decisions.failed(None, "no answer", NOW, is_certain=False, chance=lambda: 1.0)
    two = decisions.failed(one, "no answer", NOW, is_certain=False, chance=lambda: 1.0)
    three = decisions.failed(two, "no answer", NOW, is_certain=False, chance=lambda: 1.0)
    assert (one, two) == (Failure("no answer", 1, NOW + 1), Failure("no answer", 2, NOW + 2))
    assert three == Failure("no answer", 3, NOW + 4, is_certain=True)
    assert decisions.failed(None, "other bytes", NOW, is_certain=True).is_certain


def test_a_release_that_another_host_is_about_to_give_fails_for_certain_never() -> None:
    failure = None
    for _ in range(CERTAIN_TRIES + 1):
        failure = decisions.failed(failure, "not there yet", NOW, is_certain=False, is_awaited=True)
    assert failure is not None
    assert not failure.is_certain
    assert decisions.failed(failure, "not there", NOW, is_certain=False).is_certain


def test_only_a_live_release_that_cannot_be_fetched_is_a_trouble_of_the_host() -> None:
    wanted, certain = Wanted(live=LIVE, published=(NEW, LIVE)), Failure("no room", 3, NOW, is_certain=True)
    said = "the live release is not on this host: no room"
    assert decisions.trouble(wanted, Here(failures={LIVE: certain})) == said
    said = "the live release cannot go live on this host: no room"
    assert decisions.trouble(wanted, having(LIVE, failures={LIVE: certain})) == said
    for here in (Here(failures={LIVE: Failure("no room")}), Here(failures={NEW: certain}), having(LIVE)):
        assert decisions.trouble(wanted, here) == ""
    assert decisions.trouble(Wanted(), Here(failures={LIVE: certain})) == ""


def test_an_unsigned_release_is_not_even_fetched_and_reported_as_failed() -> None:
    wanted, said = Wanted(live=OLD, published=(NEW, OLD)), Report(ReleaseState.FAILED, "it is signed by nobody")
    here = having(OLD, live=OLD, refusals={NEW: UNSIGNED})
    assert decide(wanted, here, NOW) == Decision(report={NEW: said})


def test_a_release_that_waits_for_approval_is_on_the_host_and_ready() -> None:
    wanted, refusals = Wanted(live=OLD, published=(NEW, OLD)), {NEW: UNAPPROVED}
    assert decide(wanted, having(OLD, live=OLD, refusals=refusals), NOW).fetch == (NEW,)
    here = Here(OLD, frozenset({OLD, NEW}), reported={OLD: READY}, refusals=refusals)
    assert decide(wanted, here, NOW).report == {NEW: READY}


@pytest.mark.parametrize("refusal", [UNSIGNED, UNAPPROVED])
def test_a_refused_release_does_not_go_live_although_the_database_says_so(refusal: Refusal) -> None:
    wanted, here = Wanted(live=NEW, published=(NEW, OLD)), having(OLD, NEW, live=OLD, refusals={NEW: refusal})
    found = decide(wanted, here, NOW)
    assert found == Decision(report={NEW: Report(ReleaseState.FAILED, f"it {refusal.sentence}")})
    assert decisions.trouble(wanted, here) == (f"the live release does not go live on this host: it {refusal.sentence}")


def test_a_live_release_that_would_be_refused_now_stays_live_and_is_a_trouble() -> None:
    wanted, here = Wanted(live=LIVE, published=(LIVE,)), having(LIVE, live=LIVE, refusals={LIVE: UNSIGNED})
    assert decide(wanted, here, NOW) == Decision()
    assert decisions.trouble(wanted, here) == (
        "the live release stays live on this host, but would not go live again: it is signed by nobody"
    )
