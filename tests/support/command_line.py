"""``airfleet`` run inside this process: its exit code and its two outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from click.testing import CliRunner

from airfleet.cli.main import cli


@dataclass(frozen=True)
class Result:
    """The end of a command."""

    code: int
    out: str
    err: str


Airfleet = Callable[..., Result]


def run(*argv: object) -> Result:
    """Run ``airfleet`` with these arguments. Raises the exceptions that it does not turn into an exit code."""
    result = CliRunner().invoke(cli, [str(argument) for argument in argv])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)
