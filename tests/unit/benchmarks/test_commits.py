"""Two commits beside one another: medians, ratios, and what counts as noise."""

from __future__ import annotations

import commits
import pytest

OLDER = commits.of_rounds([{"start": 2.0, "idle_pss": 500.0}, {"start": 4.0, "idle_pss": 510.0}])


@pytest.mark.parametrize(
    ("rounds", "ratio", "word"),
    [
        ([3.0, 5.0], "1.33", "noise"),
        ([4.1, 4.3], "1.40", "more"),
        ([1.0, 1.9], "0.48", "less"),
    ],
)
def test_a_figure_is_more_or_less_only_beyond_the_span_of_the_other(rounds: list[float], ratio: str, word: str) -> None:
    newer = commits.of_rounds([{"start": seconds, "idle_pss": 500.0} for seconds in rounds])
    start, _ = commits.rows(OLDER, newer)
    assert start[3:] == (ratio, word)


def test_figures_carry_their_unit_and_their_span() -> None:
    _, memory = commits.rows(OLDER, OLDER)
    assert memory == ("idle memory of all processes", "505 MB (500–510)", "505 MB (500–510)", "1.00", "noise")
