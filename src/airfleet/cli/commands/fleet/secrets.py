"""``airfleet secrets``: carry what a host has to know to its machine, or replace it. Nothing secret is ever printed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.client import agent_client
from airfleet.client.project import Project, find
from airfleet.errors import FleetError, argument, did_you_mean

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet


@click.group(
    name="secrets",
    epilog="\b\nExamples:\n  airfleet secrets export --host work-1 -o work-1.secrets   # on the fleet's first host\n"
    "  airfleet secrets import work-1.secrets                    # on work-1\n"
    "  airfleet secrets rotate user_password                     # while the fleet is down",
)
def command() -> None:
    """Carry the fleet's secrets to another host, or renew them."""


@command.command("export")
@options.option("--host", required=True, metavar="NAME", help="The host that they are for.")
@options.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file, made with mode 0600.",
)
@options.option(
    "--with-password", is_flag=True, help="The password of the UI too, for 'trigger', 'why' and the like on that host."
)
@options.env
@options.project
def export(project: Path | None, env: str | None, host: str, output: Path, with_password: bool) -> None:
    """Write what a host's components have to know, and nothing else, into a file."""
    from airfleet.agent.cluster import identity
    from airfleet.fleet.servers import secrets

    here = find(project, env)
    agent_client.require_own(here.paths)
    fleet = _fleet(here)
    known = [one.name for one in fleet.hosts]
    if host not in known:
        hint = did_you_mean(host, known) or f"the hosts are: {', '.join(known)}"
        raise FleetError(f"fleet '{fleet.name}' has no host '{host}'", hint=hint)
    with _written(here.paths.secrets, "the secrets of the fleet are kept there"):
        kept = secrets.load_or_generate(here.paths.secrets)
    names = tuple(sorted({*identity.needed(fleet, fleet.host(host)), *(["user_password"] if with_password else [])}))
    if missing := [name for name in names if not getattr(kept, name)]:
        sentence = f"this host does not have what '{host}' needs ({', '.join(missing)})"
        raise FleetError(sentence, hint=f"do it on '{fleet.hosts[0].name}', where they were made")
    with _written(output, "-o names another place"):
        secrets.write_private(output, secrets.parcel(kept, names, fleet.name, host))
    terminal.put(f"{output} holds what host '{host}' has to know: {', '.join(names)}")
    terminal.say(f"copy it there, then: airfleet secrets import {output.name}; and delete both copies")


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.host
@options.env
@options.project
def bring(project: Path | None, env: str | None, host: str | None, file: Path) -> None:
    """Keep the secrets in FILE as those of the fleet on this host."""
    from airfleet.fleet.servers import secrets

    here = find(project, env, host)
    agent_client.require_own(here.paths)
    if file.stat().st_mode & 0o077:
        terminal.say(f"{file} was open to others: chmod 600 {argument(file)}")
    text = _text(file)
    try:
        secrets.unpack(text, _fleet(here).name, host)
    except ValueError as wrong:
        raise FleetError(f"{file} is not for here: {wrong}", hint="airfleet secrets export --host NAME") from None
    if here.paths.secrets.exists() and not secrets.is_parcel(here.paths.secrets):
        raise FleetError(
            f"{here.paths.secrets} has secrets of its own already",
            hint="if this host never was a fleet of its own that matters, move that file away",
        )
    with _written(here.paths.secrets, "the secrets of the fleet are kept there"):
        here.paths.secrets.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        secrets.write_private(here.paths.secrets, text)
    terminal.put(f"kept in {here.paths.secrets}; now {os.path.basename(str(file))} can be deleted")


#: secrets that a start makes known wherever they are needed
_ROTATED = (
    "jwt_secret", "api_secret_key", "airflow_password", "broker_password", "user_password", "flower_password",
    "flower_cookie_secret", "peers_key",
)  # fmt: skip


@command.command("rotate")
@click.argument("name", type=click.Choice((*_ROTATED, "all")), metavar="NAME")
@options.env
@options.project
def rotate(project: Path | None, env: str | None, name: str) -> None:
    """Replace the secret NAME, or all of them, by a new one; it holds from the next start on.

    \b
    jwt_secret            signs the tokens of tasks and users
    api_secret_key        signs sessions, and requests for logs on this host
    airflow_password      of Airflow's role in the embedded PostgreSQL
    broker_password       of the embedded Valkey
    user_password         of the user of the UI
    flower_password       of the user of Flower
    flower_cookie_secret  signs Flower's cookies
    peers_key             by which agents know one another, and logs are opened

    The key of connections (fernet_key) and the superuser of the embedded PostgreSQL are in what they protect, too:
    docs/how-to/secrets.md says how to replace these.
    """
    from airfleet.agent.cluster import identity
    from airfleet.fleet.servers import secrets

    here = find(project, env)
    agent_client.require_own(here.paths)
    fleet = _fleet(here)
    if agent_client.snapshot(here.root, here.paths) is not None:
        raise FleetError(f"fleet '{fleet.name}' is up, and its parts know the old secrets", hint="airfleet down")
    if not here.paths.secrets.exists():
        raise FleetError(f"there is no {here.paths.secrets} yet", hint="the first 'airfleet up' makes all secrets")
    if secrets.is_parcel(here.paths.secrets):
        raise FleetError(
            f"{here.paths.secrets} was carried here", hint=f"do it on '{fleet.hosts[0].name}', and carry the new ones"
        )
    names = _ROTATED if name == "all" else (name,)
    with _written(here.paths.secrets, "the secrets of the fleet are kept there"):
        secrets.renew(here.paths.secrets, names)
    terminal.put(f"new: {', '.join(names)}; the next 'airfleet up' uses {'them' if len(names) > 1 else 'it'}")
    if others := [one.name for one in fleet.hosts[1:] if {*identity.needed(fleet, one)} & {*names}]:
        terminal.say(f"end the fleet on {', '.join(others)}, and carry it there: airfleet secrets export --host NAME")


@contextlib.contextmanager
def _written(file: Path, hint: str) -> Iterator[None]:
    """Raises FleetError when a file cannot be written."""
    try:
        yield
    except OSError as wrong:
        raise FleetError(f"{file} cannot be written: {wrong.strerror}", hint=hint) from None


def _text(file: Path) -> str:
    """Read the text of a file; other bytes are no file of ours. Raises FleetError when it cannot be read."""
    try:
        return file.read_bytes().decode(errors="replace")
    except OSError as wrong:
        raise FleetError(f"{file} cannot be read: {wrong.strerror}") from None


def _fleet(here: Project) -> Fleet:
    from airfleet.fleet.config import reader

    return reader.read_file(here.fleet_file, here.environ, lenient=True)
