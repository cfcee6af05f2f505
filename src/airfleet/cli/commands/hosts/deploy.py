"""``airfleet deploy``: bring airfleet and fleet.yaml to the hosts, and change one after the other.

::

    fleet.yaml is right here? ──> all hosts are asked ──> every problem at once, and nothing was changed
                                        │ none
                                   provision, several at a time ──> host by host: drain, stop, switch, start
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airfleet.cli import options
from airfleet.cli.commands.hosts import session, version_source
from airfleet.cli.commands.hosts.session import Way
from airfleet.cli.output import terminal
from airfleet.client.project import Project, find
from airfleet.errors import argument

if TYPE_CHECKING:
    from airfleet.fleet.config.spec import Fleet


@click.command(
    epilog="\b\nExamples:\n  airfleet deploy --dry-run      # ask all hosts, print each step, change nothing\n"
    "  airfleet deploy --env prod     # fleet.yaml with fleet.prod.yaml\n"
    "  airfleet deploy --host work-1  # this one alone\n"
    "  airfleet deploy --vendor       # wheels travel along: hosts need no registry\n"
    "  airfleet deploy --undo         # the version before\n"
    "  airfleet deploy --local        # this folder as a service of this machine"
)
@options.option("--host", "hosts", multiple=True, metavar="NAME", help="Only this host; may be given several times.")
@options.option("--dry-run", is_flag=True, help="Ask all hosts, print each step and its command, and change nothing.")
@options.option("--undo", is_flag=True, help="Go back to the version before, on each host.")
@options.option("--local", is_flag=True, help="No hosts: a service of this machine's systemd runs this folder.")
@options.option(
    "--save-bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask no host: write all wheels into a file, for a deploy with --bundle from a machine without network.",
)
@session.way
@options.env
@options.project
def command(
    project: Path | None,
    env: str | None,
    hosts: tuple[str, ...],
    dry_run: bool,
    undo: bool,
    local: bool,
    save_bundle: Path | None,
    **way: Any,
) -> None:
    """Bring airfleet and fleet.yaml to the hosts, by ssh.

    All hosts are asked first; then one changes after the other. A host that does not become healthy goes back to what
    it had, and the rest stays.
    """
    from airfleet.fleet.config import reader

    chosen = Way(**way)
    here = find(project, env)
    if chosen.vendor and chosen.bundle:
        raise click.UsageError("--vendor downloads the wheels that --bundle has: one of them")
    if save_bundle:
        # Passwords are elsewhere, perhaps: a bundle has none.
        _save(here, reader.read_file(here.fleet_file, here.environ, lenient=True), save_bundle)
        return
    fleet = reader.read_file(here.fleet_file, here.environ)
    if local:
        from airfleet.cli.commands.hosts import this_machine

        if undo or chosen.vendor or chosen.bundle or len(hosts) > 1:
            raise click.UsageError("--local is about this machine: one --host, no --undo, no --vendor, no --bundle")
        this_machine.install(here.on(hosts[0]) if hosts else here, fleet, chosen.timeout, dry_run=dry_run)
        return
    names = session.chosen_hosts(fleet, hosts)
    with session.opened(here, fleet, names, chosen) as deployment:
        session.bring(deployment, here, dry_run=dry_run, undo=undo)


def _save(here: Project, fleet: Fleet, path: Path) -> None:
    """Write the bundle of a fleet. Raises FleetError."""
    from airfleet.deploy import deployment, wheel
    from airfleet.deploy.wheels import bundle, vendored

    python = fleet.deploy.python or deployment.python_here()
    locked = wheel.lock_text() + version_source.requirements(here, fleet)
    wheels = vendored.download(locked, python)
    bundle.write(path, bundle.Kind(python, deployment.machine()), locked, wheel.running(), wheels)
    terminal.put(f"{len(wheels)} wheels for Python {python} on {deployment.machine()} are in {path}")
    terminal.say(f"next:\n  airfleet deploy --bundle {argument(path)}    where there is no network")
