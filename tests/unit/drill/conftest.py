"""A project in a folder of its own, with an agent and an Airflow that are fakes."""

from __future__ import annotations

import pytest

from support.command_line import agent_says, airflow, own_environment, project

__all__ = ["agent_says", "airflow", "own_environment", "project"]


@pytest.fixture(autouse=True)
def nothing_of_the_person(own_environment: None) -> None:
    """Settings of the person who runs the tests hold in none of them."""
