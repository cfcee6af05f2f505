"""``airfleet render compose``: the fleet in containers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet import plan
from airfleet.cli.commands.render import files
from airfleet.cli.output import terminal
from airfleet.client.project import Project, find
from airfleet.errors import FleetError, argument
from airfleet.fleet.config.spec import LOCAL, Fleet, Host

if TYPE_CHECKING:
    from airfleet.render.compose_servers import Server

_USER = re.compile(r"(\d+)(?::(\d+))?")


@dataclass(frozen=True)
class Wanted:
    """Choices of a person for the compose file."""

    host: str | None
    servers: bool
    user: str | None
    #: seconds that running tasks may take to end
    drain: int
    #: where the file will lie; None is the project folder
    folder: Path | None


@click.command(
    name="compose",
    epilog="\b\nExamples:\n  airfleet render compose --output .\n"
    "  airfleet render compose --servers --output deploy\n"
    "  airfleet render compose --host work-1",
)
@options.option("--host", metavar="NAME", help="Only this host, in the network of its machine.")
@options.option(
    "--servers", is_flag=True, help="With services for the PostgreSQL and the broker that fleet.yaml names."
)
@options.option("--user", metavar="UID[:GID]", help="Who runs in containers; without it, who owns the project folder.")
@files.drain("when a container is stopped")
@files.output
@options.env
@options.project
def command(
    host: str | None,
    servers: bool,
    user: str | None,
    drain: float,
    output: Path | None,
    env: str | None,
    project: Path | None,
) -> None:
    """Print a compose file with a container for each host.

    A container is a host of fleet.yaml: its agent runs what the host has. With --output, the folder of the
    image is written, too. No secret is in any of these files.
    """
    here = find(project, env)
    fleet, _ = plan.read(here)
    files.require_no_machine(fleet)
    wanted = Wanted(host, servers, user, math.ceil(drain), output)
    made = rendered(here, fleet, wanted)
    files.put(made if output else {name: made[name] for name in list(made)[:1]}, output)
    if output:
        for line in next_steps(fleet, wanted):
            terminal.say(line)


def rendered(here: Project, fleet: Fleet, wanted: Wanted) -> Mapping[str, str]:
    """Return the compose file, then the files of its image. Raises FleetError for what no project can have."""
    from airfleet.fleet.config import reader
    from airfleet.render import compose, image

    taken = reader.referenced_variables(here.fleet_file, here.environ)
    folder = Path(fleet.secrets_folder or here.root / "secrets")
    uid, gid = _user(here, wanted)
    at = compose.Deployment(
        project=_from(wanted, here, here.root),
        uid=uid,
        gid=gid,
        overlay=here.environ.get(reader.ENVIRONMENT, ""),
        secrets=_secrets(here),
        secrets_folder=_from(wanted, here, folder),
        variables=taken.for_the_fleet | taken.for_tasks,
        drain_seconds=wanted.drain,
        servers=_servers(here, fleet, wanted),
    )
    text = compose.text(fleet, _hosts(fleet, wanted), at)
    return {
        compose.FILE_NAME: text,
        **{f"{compose.IMAGE}/{name}": text for name, text in image.files(fleet).items()},
    }


def next_steps(fleet: Fleet, wanted: Wanted) -> tuple[str, ...]:
    """Say what has to be done before the containers start."""
    from airfleet.render import compose

    folder = Path(fleet.secrets_folder or Path(fleet.root) / "secrets")
    named = [host for host in _hosts(fleet, wanted) if host.name != LOCAL]
    return tuple(
        f"needs: airfleet secrets export --host {host.name} -o {argument(folder / compose.secret_of(host))}"
        for host in named
        if not (folder / compose.secret_of(host)).exists()
    )


def _hosts(fleet: Fleet, wanted: Wanted) -> tuple[Host, ...]:
    return (files.chosen(fleet, wanted.host),) if wanted.host else fleet.hosts


def _from(wanted: Wanted, here: Project, folder: Path) -> str:
    """Name a folder as the compose file may: relative to it, where both are in the project."""
    start = (wanted.folder or here.root).absolute()
    try:
        inside = folder.absolute().relative_to(here.root.absolute())
        ups = start.relative_to(here.root.absolute())
    except ValueError:
        return str(folder.absolute())
    path = Path(*([".."] * len(ups.parts)), *inside.parts)
    return str(path) if path.parts[:1] in ((), ("..",)) else f"./{path}"


def _user(here: Project, wanted: Wanted) -> tuple[int, int]:
    if wanted.user is None:
        owner = here.root.stat()
        return owner.st_uid, owner.st_gid
    found = _USER.fullmatch(wanted.user)
    if found is None:
        raise FleetError(f"--user {wanted.user} is not UID or UID:GID", hint="'id -u' and 'id -g' print yours")
    return int(found[1]), int(found[2] or found[1])


def _secrets(here: Project) -> tuple[str, ...]:
    from airfleet.fleet.config import interpolation, reader
    from airfleet.yaml import nodes

    texts = nodes.texts(reader.load_files(here.fleet_file, here.environ).top)
    found = (name for text in texts for name in sorted(interpolation.secrets_in(text)))
    return tuple(dict.fromkeys(found))


def _servers(here: Project, fleet: Fleet, wanted: Wanted) -> tuple[Server, ...]:
    """Make services of the URLs in fleet.yaml. Raises FleetError where there are none."""
    from airfleet.fleet.servers.own_servers import EMBEDDED
    from airfleet.render import compose, compose_servers

    if not wanted.servers:
        return ()
    if wanted.host:
        raise FleetError("--servers is for all hosts in one project", hint="leave --host out")
    if fleet.hosts[0].name == LOCAL and not compose.is_seen(fleet):
        sentence = "its api-server listens on loopback, which nobody outside its container reaches"
        raise FleetError(sentence, hint="'api_server: {address: 0.0.0.0}' in fleet.yaml, or a proxy")
    database, broker = (_written(here, key) or EMBEDDED for key in ("database", "broker"))
    return compose_servers.database(database), compose_servers.broker(broker)


def _written(here: Project, key: str) -> str:
    """Return a value of fleet.yaml as it is written, references included."""
    from airfleet.fleet.config import reader
    from airfleet.yaml import nodes

    top = reader.load_files(here.fleet_file, here.environ).top
    entries = top.entries if isinstance(top, nodes.Mapping) else ()
    return next((value.text for name, value in entries if name.text == key and isinstance(value, nodes.Scalar)), "")
