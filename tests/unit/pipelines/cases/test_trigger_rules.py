"""Trigger rules say what becomes of a task when everything before it has ended."""

from __future__ import annotations

import pytest

from airfleet.pipelines.cases.trigger_rules import decide
from airfleet.pipelines.language.arguments import TRIGGER_RULES

S, F, K, U = "success", "failed", "skipped", "upstream_failed"
RUN = "run"


@pytest.mark.parametrize(
    ("rule", "upstream", "decision"),
    [
        ("all_success", (S, S), RUN),
        ("all_success", (S, F), U),
        ("all_success", (S, K), K),
        ("all_success", (K, U), U),
        ("all_failed", (F, U), RUN),
        ("all_failed", (F, S), K),
        ("all_done", (F, K, U), RUN),
        ("all_done_min_one_success", (S, F), RUN),
        ("all_done_min_one_success", (F, F), U),
        ("all_done_min_one_success", (S, K), K),
        ("one_success", (S, F), RUN),
        ("one_success", (K, K), K),
        ("one_success", (K, F), U),
        ("one_failed", (S, F), RUN),
        ("one_failed", (S, U), RUN),
        ("one_failed", (S, K), K),
        ("one_done", (K, F), RUN),
        ("one_done", (K, U), K),
        ("none_failed", (S, K), RUN),
        ("none_failed", (S, F), U),
        ("none_failed_min_one_success", (S, K), RUN),
        ("none_failed_min_one_success", (K, K), K),
        ("none_failed_min_one_success", (S, U), U),
        ("none_skipped", (S, F), RUN),
        ("none_skipped", (S, K), K),
        ("all_skipped", (K, K), RUN),
        ("all_skipped", (K, S), K),
        ("always", (F, U), RUN),
    ],
)
def test_the_states_before_a_task_decide(rule: str, upstream: tuple[str, ...], decision: str) -> None:
    assert decide(rule, upstream) == decision


@pytest.mark.parametrize(("setups", "decision"), [((S, F), RUN), ((F,), U), ((K, K), K), ((), RUN)])
def test_a_teardown_runs_when_one_of_its_setups_did(setups: tuple[str, ...], decision: str) -> None:
    assert decide("all_done_setup_success", (*setups, F), setups) == decision


@pytest.mark.parametrize("rule", TRIGGER_RULES)
def test_every_rule_is_known_and_a_first_task_runs(rule: str) -> None:
    assert decide(rule, ()) == RUN
    assert decide(rule, (S,)) in (RUN, K)
