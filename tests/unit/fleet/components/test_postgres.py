"""The settings of the embedded PostgreSQL, for its versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.fleet.components import postgres
from airfleet.fleet.servers.own_servers import Origin, ServerProgram


@pytest.mark.parametrize(("major", "knows"), [(14, False), (17, False), (18, True), (19, True)])
def test_a_version_gets_only_settings_that_it_knows(major: int, knows: bool) -> None:
    program = ServerProgram("PostgreSQL", (major, 1), Origin.MACHINE, Path("/x"))
    settings = postgres.settings(program)
    assert ("io_method" in settings) is knows
    assert settings["shared_buffers"] == "16MB"


def test_a_program_that_is_not_known_gets_all() -> None:
    assert postgres.settings(None) == postgres.SETTINGS
