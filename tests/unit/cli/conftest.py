"""A project in a folder of its own, and the command line run inside this process."""

from __future__ import annotations

import pytest

from support.command_line import agent_says, airfleet, airflow, hanging_agent, own_environment, project

__all__ = ["agent_says", "airfleet", "airflow", "hanging_agent", "own_environment", "project"]


@pytest.fixture(autouse=True)
def nothing_of_the_person(own_environment: None) -> None:
    """Settings of the person who runs the tests hold in none of them."""
