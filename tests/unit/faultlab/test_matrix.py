from __future__ import annotations

from dataclasses import replace

import pytest

from airfleet.drill.records import History, Injection
from airfleet.drill.runner import ExperimentOutcome, Recovery
from faultlab import matrix
from faultlab.matrix import BY_NUMBER, UNPROMISED_SECONDS, late


def outcome(**seconds: float | None) -> ExperimentOutcome:
    return ExperimentOutcome((Recovery(Injection("a fault", 0.0, 1.0), dict(seconds)),), (), History((), ()))


@pytest.mark.parametrize(
    ("number", "seconds", "said"),
    [
        ("F1", {"dispatch": 5.9}, ()),
        ("F1", {"dispatch": 6.1}, ("F1 dispatch: 6.1",)),
        ("F1", {"dispatch": None}, ("F1 dispatch: None",)),
        ("F17", {"first": 1.0, "start": 3 * UNPROMISED_SECONDS - 1}, ()),
        ("F17", {"first": 1.0, "start": 3 * UNPROMISED_SECONDS + 1}, ("F17 start: 31.0",)),
    ],
)
def test_a_recovery_may_take_some_times_what_is_promised_and_never_for_ever(
    number: str, seconds: dict[str, float | None], said: tuple[str, ...]
) -> None:
    assert BY_NUMBER["F1"].promised["dispatch"].most == 2.0
    assert late([number], outcome(**seconds), 3.0) == said


def test_every_row_is_measured_by_what_is_promised_of_it() -> None:
    assert len(matrix.BY_NUMBER) == len(matrix.ROWS)
    for row in matrix.ROWS:
        assert row.promised.keys() <= row.watches.keys(), row.number
        assert all(promise.p95 <= promise.most for promise in row.promised.values())
        assert row.trial(0.1).fault.seconds <= row.trial(1.0).fault.seconds
        assert not row.through_seconds or row.through_seconds > row.fault(1.0).seconds, row.number


@pytest.mark.parametrize("number", matrix.NEMESES)
def test_random_trials_are_those_of_the_seed(number: str) -> None:
    drawn = replace(matrix.NEMESES[number], faults=4)
    assert [trial.fault for trial in drawn.trials(5)] == [trial.fault for trial in drawn.trials(5)]
    assert len(drawn.trials(5)) == 4


def test_random_faults_of_hosts_spare_the_one_with_the_servers_and_are_of_all_kinds() -> None:
    trials = [trial for seed in range(20) for trial in matrix.NEMESES[matrix.RANDOM_HOSTS].trials(seed)]
    names = {trial.fault.name for trial in trials}
    assert not any("host-1" in name for name in names)
    for kind in (
        "scheduler of host-2 killed",
        "worker of host-3 killed",
        "agent of host-3 killed",
        "power of host-2 off",
    ):
        assert any(name.startswith(kind) for name in names), kind
    assert {"host-3 cut off for 45 s", "power of host-3 off for 45 s"} <= names
