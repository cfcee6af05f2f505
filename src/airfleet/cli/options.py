"""The options that commands share, and how their values are read.

A flag wins over its environment variable, which wins over the default. Every flag has such
a variable and the help shows it: ``airfleet up --timeout`` is ``AIRFLEET_UP_TIMEOUT``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

option = partial(click.option, show_envvar=True)

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> float:
    """Read the seconds of an option's value: ``90s``, ``2m``, ``1h30m`` or a number of seconds."""
    seconds = seconds_of(text)
    if seconds is None:
        raise click.BadParameter(f"'{text}' is not a duration; write 90s, 2m or 1h30m")
    return seconds


def seconds_of(text: str) -> float | None:
    """Read the seconds of ``1h30m`` and the like; None for what is no duration.

    >>> seconds_of("1m30s")
    90.0
    """
    text = text.strip()[:100]
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * UNITS[unit] for number, unit in parts)


def project(command: F) -> F:
    """Add ``-C/--project`` to a command; the argument ``project`` is a folder or None."""
    add = option(
        "-C",
        "--project",
        envvar="AIRFLEET_PROJECT",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_or_the_one_before_the_command,
        metavar="DIR",
        help="The project folder; without it, the nearest one with a fleet.yaml.",
    )
    return add(command)


def host(command: F) -> F:
    """Add ``--host`` to a command; the argument ``host`` is the name of a host of the fleet, or None."""
    add = option("--host", envvar="AIRFLEET_HOST", metavar="NAME", help="Which host of the fleet this is.")
    return add(command)


def env(command: F) -> F:
    """Add ``--env`` to a command; the argument ``env`` is the name of an overlay of fleet.yaml, or None."""
    add = option("--env", envvar="AIRFLEET_ENV", metavar="NAME", help="Lay fleet.NAME.yaml over fleet.yaml.")
    return add(command)


def _or_the_one_before_the_command(ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    before: Path | None = ctx.find_root().params.get("project")
    return value if value is not None else before


def output(*formats: str, default: str = "table", envvar: str = "AIRFLEET_OUTPUT") -> Callable[[F], F]:
    """Add ``-o/--output`` to a command; the argument ``output`` is one of ``formats``."""
    return option(
        "-o",
        "--output",
        type=click.Choice(formats or ("table", "json", "yaml", "plain")),
        default=default,
        show_default=True,
        envvar=envvar,
        help="How to print the data.",
    )


def timeout(default: str | None, what: str) -> Callable[[F], F]:
    """Add ``--timeout`` to a command; the argument ``timeout`` is in seconds."""
    return option(
        "--timeout", type=duration, metavar="DURATION", default=default, show_default=default is not None, help=what
    )


def pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Read ``k=v`` arguments as a mapping; a value that is JSON is read as such."""
    return dict(_pair(text, param, ctx) for text in values)


def _pair(text: str, param: click.Parameter, ctx: click.Context) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f"'{text}' is not key=value", ctx=ctx, param=param)
    return key, json_or_text(value)


def json_or_text(text: str) -> Any:
    """Read ``3`` as a number, ``true`` as a truth value, ``[1]`` as a list; anything else is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def moment(ctx: click.Context, param: click.Parameter, text: str | None) -> dt.datetime | None:
    """Read an ISO date, or date and time; UTC when it names no zone."""
    if text is None:
        return None
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError as wrong:
        message = f"'{text}' is not a date; write 2026-01-31 or 2026-01-31T06:00"
        raise click.BadParameter(message, ctx=ctx, param=param) from wrong
    return value if value.tzinfo else value.replace(tzinfo=dt.UTC)
