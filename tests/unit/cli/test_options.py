"""Options: each has an environment variable, and the flag wins."""

from __future__ import annotations

import click
import pytest

from airfleet.cli.main import COMMANDS, cli
from support.command_line import Airfleet


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_has_an_environment_variable_and_the_help_says_which(name: str, airfleet: Airfleet) -> None:
    text = " ".join(airfleet(name, "--help").out.split())
    flags = [p for p in command(name).params if isinstance(p, click.Option)]
    assert all(flag.show_envvar for flag in flags)
    assert text.count("env var: AIRFLEET_") == len(flags)


def test_an_environment_variable_stands_for_a_flag_and_the_flag_wins(
    project: object, airfleet: Airfleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLEET_OUTPUT", "json")
    assert airfleet("status").out.startswith("{")
    assert airfleet("status", "-o", "yaml").out.startswith("healthy: false")
