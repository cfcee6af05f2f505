"""The ``airfleet`` command: which commands there are, and the edge where errors become sentences.

Commands are imported when they are used, and what they need (YAML, rich, the network) when
they need it, so that ``airfleet --help`` and a check answer at once. Nothing here imports Airflow;
``run`` alone reaches a module that does.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from airfleet import __version__, errors
from airfleet.cli import options
from airfleet.cli.output import problem_view, terminal
from airfleet.client import command_line
from airfleet.system import platforms

SECTIONS = {
    "Fleet": (
        "init",
        "plan",
        "config",
        "up",
        "status",
        "doctor",
        "logs",
        "drill",
        "drain",
        "scale",
        "secrets",
        "database",
        "deploy",
        "host",
        "airflow",
        "render",
        "down",
    ),
    "Pipelines": ("check", "explain", "show", "docs", "run", "test", "diff", "convert"),
    "Releases": ("push", "releases", "rollback", "fetch"),
    "Runs": ("trigger", "why"),
    "Shell": ("schema", "lsp", "completion"),
}
COMMANDS = tuple(name for names in SECTIONS.values() for name in names)
#: commands of :mod:`airfleet.cli.commands.pipelines`; others are about the fleet
ABOUT_PIPELINES = frozenset({"init", *SECTIONS["Pipelines"], *SECTIONS["Runs"]})
#: commands of :mod:`airfleet.cli.commands.releases`
ABOUT_RELEASES = frozenset(SECTIONS["Releases"])
#: commands of :mod:`airfleet.cli.commands.shell`
FOR_SHELLS = frozenset(SECTIONS["Shell"])
#: commands of :mod:`airfleet.cli.commands.hosts`
ABOUT_HOSTS = frozenset({"database", "deploy", "host"})
#: what needs no fleet on this machine, and so runs on every operating system
ANYWHERE = {
    "deploy", "host", "init", "config", "check", "explain", "show", "docs", "diff", "convert", "schema", "lsp",
    "completion", "render",
}  # fmt: skip


def _room(command: str) -> str:
    if command in ABOUT_RELEASES:
        return "releases"
    if command in FOR_SHELLS:
        return "shell"
    if command == "render":  # a room of its own
        return "render"
    if command in ABOUT_HOSTS:
        return "hosts"
    return "pipelines" if command in ABOUT_PIPELINES else "fleet"


class Airfleet(click.Group):
    """The group of all commands; each is the ``command`` of the module with its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List every command, in the order in which people meet them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and give its command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"airfleet.cli.commands.{_room(cmd_name)}.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words of the command line for hints that say the same command again."""
        command_line.keep(ctx, args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` begin with; an unknown one gets the nearest as hint."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            raise UnknownCommand(args[0])
        if args and args[0] in COMMANDS and args[0] not in ANYWHERE and not set(args) & set(ctx.help_option_names):
            platforms.require_linux(sys.platform)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Return the list of commands, in sections."""
        for section, names in SECTIONS.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(section):
                formatter.write_dl([(name, command.get_short_help_str(64)) for name, command in commands if command])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = "airfleet",
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; with ``standalone_mode`` leave with its exit code."""

        def run() -> Any:
            return super(Airfleet, self).main(args, prog_name, complete_var, standalone_mode=False, **extra)

        if not standalone_mode:
            return run()
        sys.exit(at_the_edge(run))


class UnknownCommand(click.UsageError):
    """A command that does not exist."""

    def __init__(self, name: str) -> None:
        hint = errors.did_you_mean(name, COMMANDS) or "airfleet --help lists the commands"
        super().__init__(f"no command named '{name}'\nhint: {hint}")


def at_the_edge(run: Callable[[], Any]) -> int:
    """Call ``run`` and give the exit code; whatever went wrong becomes a sentence on stderr."""
    try:
        result = run()
        return result if isinstance(result, int) else errors.EXIT_OK
    except (click.exceptions.Abort, KeyboardInterrupt):
        terminal.say("interrupted")
        return errors.EXIT_INTERRUPTED
    except errors.Stopped as stopped:
        with contextlib.suppress(OSError):  # the terminal may be gone
            terminal.say(str(stopped))
        return stopped.exit_code
    except click.ClickException as wrong:
        return _usage(wrong)
    except errors.FileProblems as wrong:
        terminal.say(problem_view.text(wrong.problems, sys.stderr))
        return wrong.exit_code
    except errors.AirfleetError as wrong:
        terminal.say(terminal.style("error: ", fg="red", bold=True) + str(wrong))
        return wrong.exit_code
    except OSError as wrong:
        if wrong.errno in (errno.EPIPE, errno.EIO):
            return _closed_pipe()
        if sentence := of_the_machine(wrong):
            terminal.say(terminal.style("error: ", fg="red", bold=True) + sentence)
            return errors.EXIT_WRONG
        return _bug(wrong)
    except Exception as wrong:
        return _bug(wrong)


#: what a disk or a system refuses, whoever asks
_REFUSED = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE}
)


def of_the_machine(wrong: OSError) -> str | None:
    """Put a refusal of the machine into a sentence; None for an error that a command should have known."""
    if wrong.errno == errno.ENOENT and not _has_working_directory():
        return "the working directory was deleted\nhint: cd to another one; -C DIR names a project"
    if wrong.errno not in _REFUSED:
        return None
    what = os.strerror(wrong.errno or 0)
    return f"{what}: {os.fsdecode(wrong.filename)}" if isinstance(wrong.filename, str | bytes | os.PathLike) else what


def _has_working_directory() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _usage(wrong: click.ClickException) -> int:
    if isinstance(wrong, click.exceptions.NoArgsIsHelpError):
        wrong.show()
        return wrong.exit_code
    context = getattr(wrong, "ctx", None)
    if context is not None:
        terminal.say(context.get_usage())
    terminal.say(terminal.style("error: ", fg="red", bold=True) + wrong.format_message())
    if context is not None:
        terminal.say(f"hint: {context.command_path} --help")
    return wrong.exit_code


def _closed_pipe() -> int:
    # Who read our output has seen enough (airfleet logs | head), or the terminal is closed: leave without a word,
    # and keep Python from complaining when it flushes its output at exit.
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return errors.EXIT_WRONG


def _bug(wrong: Exception) -> int:
    from airfleet.cli.output import crash_report  # only now: what it needs would cost each command a fifth of its start

    log = crash_report.write(wrong, os.environ)
    terminal.say(
        terminal.style("error: ", fg="red", bold=True) + f"a mistake in airfleet itself: {crash_report.summary(wrong)}"
    )
    terminal.say(f"hint: {log} says more; please send it with a report")
    return errors.EXIT_OUR_BUG


@click.group(
    name="airfleet",
    cls=Airfleet,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "auto_envvar_prefix": "AIRFLEET",
        "max_content_width": 100,
    },
    epilog="\b\nStart here:\n  airfleet init my-project\n  cd my-project\n  airfleet up",
)
@options.option(
    "-C",
    "--project",
    envvar="AIRFLEET_PROJECT",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The project folder; without it, the nearest one with a fleet.yaml.",
)
@click.version_option(__version__, prog_name="airfleet", message="%(prog)s %(version)s")
def cli(project: Path | None) -> None:
    """Apache Airflow for teams without Kubernetes.

    Pipelines are YAML files, fleet.yaml says what runs where, and one command runs it.
    """


def begin_in_utf8() -> None:
    """Become the same command with UTF-8 for files and paths, where the locale has Python use something else.

    Files of a project are UTF-8, and so are the paths of which the agent and the command line tell one another.
    """
    if sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8":
        return
    os.execve(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]], {**os.environ, "PYTHONUTF8": "1"})


def open_streams() -> None:
    """Give the process a standard stream in place of each that its caller has closed (``>&-``).

    A character that a stream cannot show (PYTHONIOENCODING, a name of a file that is no text) is written as its number.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            # Never closed here: it lives as long as the process, as the one that is missing would have.
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def main(argv: Sequence[str] | None = None) -> None:
    """Run ``airfleet`` with ``argv`` (the process's own arguments without it) and exit."""
    begin_in_utf8()
    open_streams()
    cli.main(None if argv is None else list(argv))
