"""One fleet for all tests of how tasks are kept apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.acting import Acting, acting_fleet


@pytest.fixture(scope="session")
def acting() -> Iterator[Acting]:
    """A fleet whose tasks do what a run says."""
    with acting_fleet() as made:
        yield made
