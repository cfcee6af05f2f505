"""``airfleet host``: one machine more, one less, or another one in its place; fleet.yaml and the fleet change together.

::

    add        fleet.yaml ──> deploy
    replace    drain the old one, or it is said to be gone ──> fleet.yaml ──> deploy
    remove     drain and stop it, or it is said to be gone ──> fleet.yaml ──> deploy to the rest
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.commands.hosts import session
from airfleet.cli.commands.hosts.session import Way
from airfleet.cli.output import terminal
from airfleet.client import command_line
from airfleet.client.project import Project, find
from airfleet.errors import FleetError

if TYPE_CHECKING:
    from airfleet.deploy.deployment import Deployment
    from airfleet.deploy.facts import Facts
    from airfleet.deploy.membership.fleet_file import HostsText
    from airfleet.deploy.membership.host_key import HostKey
    from airfleet.fleet.config.spec import Fleet

_address = options.option("--address", default="", metavar="ADDRESS", help="Its address, for the other hosts.")
_login = options.option("--login", default="", metavar="USER@HOST", help="Where 'ssh' logs in: the key 'ssh' of it.")
_dry_run = options.option("--dry-run", is_flag=True, help="Print how fleet.yaml would change, and change nothing.")
_gone = options.option("--gone", is_flag=True, help="Say that its machine is off; never of one that may still run.")
_new_key = options.option(
    "--new-key",
    default="",
    metavar="SHA256:…",
    help="The fingerprint of its key, as the machine itself says it; known_hosts gets that key.",
)


@click.group(
    name="host",
    epilog="\b\nExamples:\n  airfleet host add work-3 --address 10.20.0.23 --like work-2\n"
    "  airfleet host replace work-1 --gone --address 10.20.0.31   # another machine in its place\n"
    "  airfleet host remove work-2",
)
def command() -> None:
    """Add, replace or remove a machine of the fleet."""


@command.command("add")
@click.argument("name", metavar="HOST")
@options.option("--address", required=True, metavar="ADDRESS", help="Its address, for the other hosts.")
@options.option("--like", required=True, metavar="HOST", help="The host whose components it gets.")
@_login
@_new_key
@_dry_run
@session.way
@options.env
@options.project
def add(
    project: Path | None,
    env: str | None,
    name: str,
    address: str,
    like: str,
    login: str,
    new_key: str,
    dry_run: bool,
    **way: Any,
) -> None:
    """Write a host into fleet.yaml, and deploy to all."""
    from airfleet.deploy.membership.fleet_file import HostPlace

    here, chosen = find(project, env), Way(**way)
    fleet = _fleet(here)
    if name in (one.name for one in fleet.hosts):
        raise FleetError(f"fleet '{fleet.name}' has a host '{name}'", hint=f"airfleet host replace {name}")
    session.chosen_hosts(fleet, [like])
    text = _of(here, like)
    change = text.added(name, HostPlace(address, login), like)
    if dry_run:
        _show(text, change)
        return
    with _written(text, change):
        _deploy(here, chosen, name, new_key)


@command.command("replace")
@click.argument("name", metavar="HOST")
@_address
@_login
@_new_key
@_gone
@_dry_run
@session.way
@options.env
@options.project
def replace(
    project: Path | None,
    env: str | None,
    name: str,
    address: str,
    login: str,
    new_key: str,
    gone: bool,
    dry_run: bool,
    **way: Any,
) -> None:
    """Put another machine in the place of a host: drain the old one, or --gone, then deploy to all."""
    from airfleet.deploy.membership.fleet_file import HostPlace

    here, chosen = find(project, env), Way(**way)
    fleet = _fleet(here)
    session.chosen_hosts(fleet, [name])
    text = _of(here, name)
    change = text.moved(name, HostPlace(address, login))
    if dry_run:
        _show(text, change)
        return
    # Before anything stops: the rest is a fleet, and the machine is the one that is meant.
    _require_key(_fleet(here, {Path(text.file): change}), name, new_key, chosen)
    _leave(here, fleet, name, chosen, gone=gone)
    with _written(text, change):
        _deploy(here, chosen, name, new_key)


@command.command("remove")
@click.argument("name", metavar="HOST")
@_gone
@_dry_run
@session.way
@options.env
@options.project
def remove(project: Path | None, env: str | None, name: str, gone: bool, dry_run: bool, **way: Any) -> None:
    """Drain and stop a host, take it out of fleet.yaml, and deploy to the others. Its files stay."""
    here, chosen = find(project, env), Way(**way)
    fleet = _fleet(here)
    session.chosen_hosts(fleet, [name])
    text = _of(here, name)
    change = text.removed(name)
    _fleet(here, {Path(text.file): change})  # before anything stops: the rest is a fleet
    if dry_run:
        _show(text, change)
        return
    _leave(here, fleet, name, chosen, gone=gone)
    with _written(text, change):
        _deploy(here, chosen)


# --- the file --------------------------------------------------------------------------------------


def _fleet(here: Project, drafts: Mapping[Path, str] | None = None) -> Fleet:
    """Read the fleet, or the one that it would be with these texts of files. Raises FileProblems."""
    from airfleet.fleet.config import reader

    return reader.read_file(here.fleet_file, here.environ, drafts=drafts)


def _of(here: Project, name: str) -> HostsText:
    """Read the file that has a host: the overlay, where that has it. Raises NotEditable."""
    from airfleet.deploy.membership import fleet_file
    from airfleet.fleet.config import reader

    files = [file for file in reader.files(here.fleet_file, here.environ) if file.is_file()]
    read = [fleet_file.read(file.read_text("utf-8"), str(file)) for file in files if _has_hosts(file)]
    found = [text for text in read if name in text.names]
    if len(found) != 1:
        named = ", ".join(str(file) for file in files)
        raise fleet_file.NotEditable(
            f"host '{name}' is not in exactly one of {named}", hint="edit them, then 'airfleet deploy'"
        )
    return found[0]


def _has_hosts(file: Path) -> bool:
    from airfleet.yaml import nodes

    documents, _ = nodes.load(file.read_text("utf-8"), str(file))
    return bool(documents) and isinstance(documents[0], nodes.Mapping) and documents[0].get("hosts") is not None


def _show(text: HostsText, change: str) -> None:
    """Print what changes in a file."""
    lines = difflib.unified_diff(
        text.text.splitlines(keepends=True), change.splitlines(keepends=True), text.file, text.file, n=1
    )
    terminal.put("".join(lines).rstrip("\n") or f"{text.file} stays as it is")


@contextmanager
def _written(text: HostsText, change: str) -> Iterator[None]:
    """Let the file say something else; it says the old again when no host was touched."""
    from airfleet.deploy.deployment import Refused
    from airfleet.errors import FileProblems

    file = Path(text.file)
    before = file.read_bytes()
    file.write_text(change, "utf-8")
    try:
        yield
    except (Refused, FileProblems, KeyUnknown):
        file.write_bytes(before)
        raise


# --- the machines ----------------------------------------------------------------------------------


class KeyUnknown(FleetError):
    """A machine shows a key that nobody has named."""


def _require_key(fleet: Fleet, name: str, fingerprint: str, chosen: Way) -> HostKey | None:
    """Return the key of a machine that is not in known_hosts and that the person has named. Raises KeyUnknown."""
    from airfleet.deploy.membership import host_key
    from airfleet.deploy.remote import Unreachable

    destination = session.destination(fleet, name)
    try:
        key = host_key.shown(chosen.program, destination)
    except Unreachable as why:
        raise KeyUnknown(f"host '{name}' {why.sentence}", why.hint) from None
    if host_key.is_known(chosen.program, destination, key):
        return None
    if fingerprint == key.fingerprint:
        return key
    named = f"not {fingerprint}" if fingerprint else "which known_hosts does not have"
    hint = (
        f"when 'ssh-keygen -lf /etc/ssh/ssh_host_{key.short_kind}_key.pub' on the machine says the same: "
        f"--new-key {key.fingerprint}"
    )
    raise KeyUnknown(f"host '{name}' shows the key {key.fingerprint}, {named}", hint)


def _leave(here: Project, fleet: Fleet, name: str, chosen: Way, *, gone: bool) -> None:
    """Drain and stop the machine that goes, or tell the fleet that it is off. Raises FleetError."""
    asked = [host.name for host in fleet.hosts if (host.name != name) is gone]
    with session.opened(here, fleet, asked, chosen) as deployment:
        found = deployment.look()
        if gone:
            deployment.bury(name, found.facts)
            return
        if found.silent:
            again = shlex.join(["airfleet", *command_line.words(), "--gone"])
            raise FleetError(
                "\n".join(found.silent), hint=f"when it is off for good, so that nothing of it runs: {again}"
            )
        _retire(deployment, name, found.facts[name])


def _retire(deployment: Deployment, name: str, facts: Facts) -> None:
    if facts.current is None:
        terminal.say(f"host '{name}': nothing of the fleet is there")
        return
    deployment.retire(name, facts)


def _deploy(here: Project, chosen: Way, name: str = "", fingerprint: str = "") -> None:
    """Deploy what fleet.yaml says now to all hosts."""
    fleet = _fleet(here)
    if name and (key := _require_key(fleet, name, fingerprint, chosen)):
        from airfleet.deploy.membership import host_key

        host_key.trust(chosen.program, session.destination(fleet, name), key)
        terminal.say(f"host '{name}': its key {key.fingerprint} is in known_hosts now")
    with session.opened(here, fleet, session.chosen_hosts(fleet, ()), chosen) as deployment:
        session.bring(deployment, here)
