"""``airfleet push``: the project folder becomes a release, each host fetches it, then it is live."""

from __future__ import annotations

from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.commands.releases import push_watch, pushing, signing
from airfleet.cli.commands.releases.pushing import Pushed, PushOptions
from airfleet.cli.output import release_view, tables, terminal
from airfleet.client.project import find
from airfleet.errors import EXIT_OK, EXIT_WRONG, UsageError

GIT = "git:"
COLUMNS = {"digest": "release", "state": "state", "note": "note"}


@click.command(
    epilog="\b\nExamples:\n  airfleet push --dry-run\n  airfleet push -m 'orders by the hour'\n"
    "  airfleet push --from git:main   # the commit, whatever the folder has\n"
    "  airfleet push --watch           # save a file, and the fleet has it"
)
@options.option("-m", "--message", "note", default="", metavar="NOTE", help="Words for 'airfleet releases' about it.")
@options.option("--from", "source", metavar="git:REV", help="Push the files of a commit in place of the folder's.")
@options.option("--dry-run", is_flag=True, help="Check, say what would change, and push nothing.")
@options.option("--force", is_flag=True, help="Push although check or tests find something wrong.")
@options.option("--vendor", is_flag=True, help="Bring the wheels of Python environments, for hosts without an index.")
@options.option("--verify", is_flag=True, help="Read what the store has, and send again what is damaged.")
@signing.sign_with
@options.option("--watch", is_flag=True, help="Push again whenever a file changes, without tests, until Ctrl-C.")
@options.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait until each host has it, and make it live; without, publish it for 'airfleet rollback RELEASE'.",
)
@options.timeout("60s", "How long the hosts may take to have it.")
@options.env
@options.output()
@options.project
def command(
    note: str, source: str | None, dry_run: bool, force: bool, vendor: bool, verify: bool, sign_with: str | None,
    watch: bool, wait: bool, timeout: float, output: str, env: str | None, project: Path | None,
) -> int:  # fmt: skip
    """Make the project folder live on every host.

    It becomes a release: it is checked, the tests of pipelines run, and each host fetches it. Once all have it, new
    runs take it; runs that have begun keep theirs. It goes without .airfleet, fleet.yaml, secrets, .git, environments,
    and what .gitignore and .airfleetignore leave out.
    Exit code: 0 it is live, or nothing has changed; 1 it is not, or waits for approval, and what was live still is;
    124 a host took too long.
    """
    here = find(project, env)
    chosen = PushOptions(
        note, _revision(source), force, wait, timeout, vendor=vendor, verify=verify, sign_with=sign_with
    )
    if watch:
        if source or dry_run or output != "table":
            raise UsageError("--watch pushes the folder as it is, and says a line for each push")
        pushing.require_no_approval(here)
        push_watch.for_ever(here, chosen)
    if dry_run:
        pushing.would_change(here, chosen, output)
        return EXIT_OK
    done = pushing.push(here, chosen)
    _tell(done, output)
    # Zero says that new runs take the release: whatever follows a push in a script counts on that.
    return EXIT_WRONG if done.state == pushing.WAITING else EXIT_OK


def _revision(source: str | None) -> str:
    if source is None:
        return ""
    if not source.startswith(GIT) or source == GIT:
        raise UsageError(f"--from takes git:REVISION, as in git:main, not '{source}'")
    return source.removeprefix(GIT)


def _tell(done: Pushed, output: str) -> None:
    if output == "table":
        short = release_view.short(done.digest)
        terminal.put(f"release {short} is {done.state}")
        if done.state == pushing.WAITING:
            terminal.say(f"hint: somebody else makes it live: airfleet releases approve {short}")
    else:
        tables.put_rows([done.as_data()], output, COLUMNS, whole=done.as_data())
