"""The reference page of the command line, made from the commands themselves; ``scripts/docs.py`` writes it."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Iterator

import click

from airfleet import errors
from airfleet.cli.main import SECTIONS, cli

FILE_NAME = "cli.md"
EXIT_CODES = {
    errors.EXIT_OK: "fine",
    errors.EXIT_WRONG: "the files, the fleet or the run are not as they should be; the message says what",
    errors.EXIT_USAGE: "the command line is wrong",
    errors.EXIT_OUR_BUG: "a mistake in airfleet itself; the message names a file to send with a report",
    errors.EXIT_UNHEALTHY: "the fleet runs, but not as it should",
    errors.EXIT_WAIT_TIMED_OUT: "what was waited for did not happen in time",
    errors.Stopped(signal.SIGHUP).exit_code: "`airfleet run` was ended by SIGHUP: its terminal was closed",
    errors.EXIT_INTERRUPTED: "interrupted with Ctrl-C",
    errors.Stopped(signal.SIGTERM).exit_code: "`airfleet run` was ended by SIGTERM",
}


def page() -> str:
    """Write the whole page."""
    root = click.Context(cli, info_name="airfleet", auto_envvar_prefix="AIRFLEET")
    lines = [
        "# The command line",
        "",
        "<!-- Made by `make docs`; do not edit. -->",
        "",
        *_intro(),
    ]
    for section, names in SECTIONS.items():
        lines += [f"## {section}", ""]
        for name in names:
            command = cli.get_command(root, name)
            assert command is not None
            lines += _command(name, command, root)
    return "\n".join(lines).rstrip() + "\n"


def _intro() -> Iterator[str]:
    yield "Data goes to stdout, talk to stderr. A flag wins over its environment variable, that over the default."
    yield "`-o json` and `-o yaml` carry everything and are meant for programs; `-o plain` is tab-separated, without a"
    yield "heading. Live displays need a terminal; `CI=1` and `NO_COLOR=1` turn them and colour off."
    yield ""
    yield "| Exit code | |"
    yield "|---|---|"
    yield from (f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items())
    yield ""


def _command(name: str, command: click.Command, root: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=root)
    yield f"### airfleet {name}"
    yield ""
    yield f"`{' '.join([context.command_path, *command.collect_usage_pieces(context)])}`"
    yield ""
    yield from inspect.cleandoc(command.help or "").splitlines()
    yield ""
    yield from _options(command, context)
    yield from _examples(command)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    yield "| Option | Environment | |"
    yield "|---|---|---|"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield f"| {_names(parameter, context)} | `{_variable(parameter, context)}` | {_meaning(parameter)} |"
    yield ""


def _names(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    return names if option.is_flag else f"{names} {option.make_metavar(context)}".replace("|", r"\|")


def _variable(option: click.Option, context: click.Context) -> str:
    if isinstance(option.envvar, str):
        return option.envvar
    return f"{context.auto_envvar_prefix}_{option.name}".upper()


def _meaning(option: click.Option) -> str:
    text = (option.help or "").replace("|", r"\|").replace("{{", "`{{").replace("}}", "}}`")
    if not option.show_default:
        return text
    default = option.default
    if option.is_flag and option.secondary_opts:
        default = (option.opts if option.default else option.secondary_opts)[0]
    return f"{text} Default: `{default}`."


def _examples(command: click.Command) -> Iterator[str]:
    lines = (command.epilog or "").replace("\b", "").strip().splitlines()
    yield "```console"
    yield from (f"$ {line.strip()}" for line in lines[1:])
    yield "```"
    yield ""
