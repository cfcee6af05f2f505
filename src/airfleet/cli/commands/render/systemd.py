"""``airfleet render systemd``: units that start a host's part of the fleet at boot."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from airfleet.cli import options
from airfleet.cli.commands.fleet import plan
from airfleet.cli.commands.render import files
from airfleet.client.project import Project, find
from airfleet.errors import FleetError
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import paths


@dataclass(frozen=True)
class Place:
    """Facts of the host that a person gives, where it is not as here."""

    user: str | None = None
    project: str | None = None
    program: str | None = None
    #: seconds that running tasks may take to end
    drain: int = 60


@click.command(
    name="systemd",
    epilog="\b\nExamples:\n  airfleet render systemd --output /etc/systemd/system\n"
    "  airfleet render systemd --host work-1 --user shop --at /srv/shop --drain 10m",
)
@options.option("--host", metavar="NAME", help="For which host; without it, a unit for each host of fleet.yaml.")
@options.option("--user", metavar="NAME", help="Who runs the fleet; without it, the owner of the project folder.")
@options.option("--at", metavar="DIR", help="The project folder on the host, if it is another one there.")
@options.option("--program", metavar="FILE", help="airfleet on the host, if it is elsewhere there.")
@files.drain("at a shutdown")
@files.output
@options.env
@options.project
def command(
    host: str | None,
    user: str | None,
    at: str | None,
    program: str | None,
    drain: float,
    output: Path | None,
    env: str | None,
    project: Path | None,
) -> None:
    """Print a unit of systemd for each host, or for one.

    It starts the host's part of the fleet at boot, and anew after a failure. At shutdown it ends that part,
    tasks first:
    systemctl enable --now airfleet-NAME
    """
    here = find(project, env)
    fleet, _ = plan.read(here)  # secrets are no part of a unit
    where = Place(user, at, program, math.ceil(drain))
    files.put(rendered(here, fleet, host, where), output)


def rendered(here: Project, fleet: Fleet, host: str | None, place: Place) -> Mapping[str, str]:
    """Return the units of a host, or of all. Raises FleetError when one could not run."""
    from airfleet.fleet.config import reader
    from airfleet.render import systemd

    taken = reader.referenced_variables(here.fleet_file, here.environ)
    given = here.environ.get(paths.HOME)
    at = systemd.Installation(
        program=place.program or _program(here, place),
        project=_absolute(place.project or str(here.root)),
        user=_user(here, fleet, place),
        home=str(here.root / given) if given else "",
        overlay=here.environ.get(reader.ENVIRONMENT, ""),
        variables=taken.for_the_fleet | taken.for_tasks,
        drain_seconds=place.drain,
    )
    return systemd.files(fleet, [files.chosen(fleet, host)] if host else fleet.hosts, at)


def _user(here: Project, fleet: Fleet, place: Place) -> str:
    """Choose who runs the fleet: root where its tasks have a user of their own."""
    user = place.user or ("root" if fleet.task_user else _owner(here.root))
    if fleet.task_user and user not in ("root", fleet.task_user):
        sentence = f"tasks run as '{fleet.task_user}' (task_user), and only root can start them so, not '{user}'"
        raise FleetError(sentence, hint="--user root, or leave task_user out of fleet.yaml")
    return user


def _owner(folder: Path) -> str:
    import pwd  # 'render' runs on systems that have none

    uid = folder.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise FleetError(f"the owner of {folder} (uid {uid}) has no name here", hint="--user NAME") from None


def _program(here: Project, place: Place) -> str:
    """Find airfleet: this one, and the same in the other folder where it lies in the project."""
    found = Path(sys.prefix) / "bin" / "airfleet"
    if place.project and found.is_relative_to(here.root):
        return str(Path(_absolute(place.project)) / found.relative_to(here.root))
    return str(found)


def _absolute(folder: str) -> str:
    if not folder.startswith("/"):
        raise FleetError(f"--at {folder} is no absolute path", hint="name the folder as the host has it: /srv/shop")
    return folder.rstrip("/") or "/"
