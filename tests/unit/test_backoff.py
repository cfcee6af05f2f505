"""Delays between tries grow to a limit, and chance spreads them."""

from __future__ import annotations

import pytest

from airfleet.backoff import UNTIL_MENDED, Backoff, Steps


def test_delays_grow_by_the_factor_up_to_the_longest() -> None:
    backoff = Backoff(first=2.0, most=50.0, factor=3.0)
    assert [backoff.delay(failures) for failures in range(1, 6)] == [2.0, 6.0, 18.0, 50.0, 50.0]


def test_delays_double_unless_it_is_said_otherwise() -> None:
    assert Backoff(first=1.0, most=30.0).delay(3) == 4.0


@pytest.mark.parametrize("failures", [100, 10_000, 10**9])
def test_no_number_of_failures_is_too_large(failures: int) -> None:
    assert Backoff(first=0.25, most=3.0).delay(failures) == 3.0


@pytest.mark.parametrize("failures", [0, -1])
def test_before_the_first_failure_the_delay_is_the_first(failures: int) -> None:
    assert Backoff(first=0.5, most=3.0).delay(failures) == 0.5
    assert Steps(60.0, (120.0,)).delay(failures) == 60.0


def test_chance_takes_away_no_more_than_the_jitter() -> None:
    backoff = Backoff(first=4.0, most=8.0, jitter=0.25)
    assert [backoff.delay(9, lambda share=share: share) for share in (0.0, 0.5, 1.0)] == [6.0, 7.0, 8.0]
    assert all(6.0 <= backoff.delay(9) <= 8.0 for _ in range(100))


def test_without_jitter_chance_is_not_asked() -> None:
    assert Backoff(first=1.0, most=8.0).delay(2, lambda: pytest.fail("asked")) == 2.0


def test_a_delay_may_be_none_at_all() -> None:
    assert Backoff(first=0.0, most=0.0, jitter=0.5).delay(7) == 0.0


def test_the_last_step_repeats() -> None:
    assert [UNTIL_MENDED.delay(failures) for failures in (1, 2, 3, 50)] == [60.0, 120.0, 300.0, 300.0]
