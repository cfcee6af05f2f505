"""A session of deploys: the hosts behind ``ssh``, the secrets of the fleet, and what is said meanwhile."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airfleet.cli import options
from airfleet.cli.commands.hosts import version_source
from airfleet.cli.output import terminal
from airfleet.client.project import Project
from airfleet.errors import FleetError, did_you_mean

if TYPE_CHECKING:
    from airfleet.deploy.deployment import Deployment, Look, Planned
    from airfleet.deploy.ssh import Ssh
    from airfleet.fleet.config.spec import Fleet
    from airfleet.fleet.servers.secrets import Secrets

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Way:
    """The options of how hosts are reached and brought on."""

    ssh: str = "ssh"
    vendor: bool = False
    bundle: Path | None = None
    parallel: int = 8
    migrate: bool = False
    break_lock: bool = False
    timeout: float = 300.0

    @property
    def program(self) -> list[str]:
        """Give the ssh program, with its options."""
        return shlex.split(self.ssh)


_OPTIONS = (
    options.option("--vendor", is_flag=True, help="Bring all wheels along, for hosts that reach no registry."),
    options.option(
        "--bundle",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Bring all wheels along, out of a file that 'airfleet deploy --save-bundle' has written.",
    ),
    options.option(
        "--parallel",
        type=click.IntRange(1, 100),
        default=8,
        show_default=True,
        metavar="N",
        help="So many hosts at a time are asked and provisioned; they are changed one by one.",
    ),
    options.option("--migrate", is_flag=True, help="Change the schema of a database that an older Airflow made."),
    options.option("--break-lock", is_flag=True, help="Go on although the lock of a deploy that died is still there."),
    options.option(
        "--ssh", default="ssh", show_default=True, metavar="COMMAND", help="The ssh program, with its options."
    ),
    options.timeout("5m", "How long each host may take to become healthy."),
)


def way(command: F) -> F:
    """Add the options of a way to a command; their values make a :class:`Way`."""
    for add in reversed(_OPTIONS):
        command = add(command)
    return command


@contextmanager
def opened(here: Project, fleet: Fleet, names: Sequence[str], chosen: Way) -> Iterator[Deployment]:
    """Give a deployment to some hosts; their connections end with the block."""
    from airfleet.deploy.deployment import Deployment
    from airfleet.deploy.wheels import bundle

    source = version_source.gather(here, fleet)
    with tempfile.TemporaryDirectory(prefix="af-wheels-") as folder, _reached(fleet, names, chosen.program) as hosts:
        brought = bundle.read(chosen.bundle, Path(folder)) if chosen.bundle else None
        yield Deployment(
            fleet,
            hosts,
            source,
            _say,
            _kept(here),
            _owner(),
            parallel=chosen.parallel,
            vendors=chosen.vendor,
            bundle=brought,
            breaks_locks=chosen.break_lock,
            health_seconds=chosen.timeout,
            migrates=chosen.migrate,
        )


def bring(deployment: Deployment, here: Project, *, dry_run: bool = False, undo: bool = False) -> None:
    """Bring every host to its version, and say how they are. Raises FleetError."""
    found = deployment.look()
    if not undo:
        deployment = _with_secrets(deployment, found, here, dry_run=dry_run)
    planned = deployment.back(found) if undo else deployment.plan(found)
    if dry_run:
        _show(deployment, planned)
        return
    if all(one.is_done for one in planned):
        terminal.put(f"nothing to do: {_counted(planned)} healthy at what fleet.yaml says")
        return
    deployment.carry_out(planned)
    for one in planned:
        same = " already" if one.is_done else ""
        terminal.put(f"host '{one.target.host}' is healthy at version {one.target.record.name}{same}")
    terminal.say(_next(deployment.fleet, planned))


def _next(fleet: Fleet, planned: Sequence[Planned]) -> str:
    """Say where people log in, and how pipelines come."""
    served = next((one.target for one in planned if one.target.serves), None)
    lines = ["", "next:", "  airfleet push    bring the pipelines"]
    if served is not None:
        (address, port), *_ = fleet.host(served.host).api_addresses
        url = fleet.proxy.url if fleet.proxy else f"http://{f'[{address}]' if ':' in address else address}:{port}"
        password = f"{served.place.home}/hosts/{served.host}/password"
        lines[1:1] = [
            f"  URL       {url}",
            f"  user      {fleet.user}",
            f"  password  on '{served.host}' in {password}",
            "",
        ]
    return "\n".join(lines)


def _counted(planned: Sequence[Planned]) -> str:
    return f"the host '{planned[0].target.host}' is" if len(planned) == 1 else f"all {len(planned)} hosts are"


def _say(host: str, sentence: str) -> None:
    terminal.say(f"host '{host}': {sentence}" if host else sentence)


def chosen_hosts(fleet: Fleet, names: Sequence[str]) -> Sequence[str]:
    """Name the hosts that are meant. Raises FleetError when there are none, or no such one."""
    from airfleet.fleet.planning import local_hosts

    if not local_hosts.is_named(fleet):
        hint = "write 'hosts:', one for each machine; without it, 'airfleet up' on the machine itself starts the fleet"
        raise FleetError(f"fleet '{fleet.name}' has no hosts to deploy to", hint=hint)
    known = [host.name for host in fleet.hosts]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"the hosts are: {', '.join(known)}"
            raise FleetError(f"fleet '{fleet.name}' has no host '{name}'", hint=hint)
    return [name for name in known if name in names] if names else known


def _kept(here: Project) -> Secrets | None:
    from airfleet.fleet.servers import secrets

    return secrets.load(here.paths.secrets)


def _with_secrets(deployment: Deployment, found: Look, here: Project, *, dry_run: bool) -> Deployment:
    """Make the secrets of a fleet that has none anywhere yet; for a look alone, some that nobody keeps."""
    from airfleet.deploy import secret_parts
    from airfleet.fleet.servers import secrets

    if deployment.secrets is not None or secret_parts.are_anywhere(found.facts):
        return deployment
    if dry_run or found.silent:
        return replace(deployment, secrets=secrets.generate())
    made = secrets.load_or_generate(here.paths.secrets)
    terminal.say(f"made the secrets of the fleet: {here.paths.secrets}; keep that file, and commit it nowhere")
    return replace(deployment, secrets=made)


def _owner() -> str:
    """Name this deploy for locks and logs."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return f"{getpass.getuser()}@{socket.gethostname()} since {when} (process {os.getpid()})"


def destination(fleet: Fleet, name: str) -> str:
    """Give what ``ssh`` takes to log in on a host."""
    host = fleet.host(name)
    return host.ssh or host.address


@contextmanager
def _reached(fleet: Fleet, chosen: Sequence[str], program: Sequence[str]) -> Iterator[dict[str, Ssh]]:
    """Give the hosts behind ssh; their connections end with the block."""
    from airfleet.deploy.ssh import Ssh

    with tempfile.TemporaryDirectory(prefix="af-ssh-", dir="/tmp") as sockets:
        hosts = {
            name: Ssh(name, destination(fleet, name), program, Path(sockets), fleet.deploy.user) for name in chosen
        }
        try:
            yield hosts
        finally:
            for host in hosts.values():
                host.close()


# --- a dry run -------------------------------------------------------------------------------------


def _show(deployment: Deployment, planned: Sequence[Planned]) -> None:
    """Print each step of each host with its command."""
    from airfleet.deploy import rollout
    from airfleet.deploy.rollout import Change

    why = rollout.why_together([one.target for one in planned])
    for one in planned:
        turn = rollout.turn(one.target, deployment.fleet.name, deployment.terms)
        steps = [*one.prepare, *one.provision, *(turn if one.target.change is not Change.NOTHING else ())]
        terminal.put(f"host '{one.target.host}': {f'{len(steps)} steps' if steps else 'nothing to do'}")
        for step in steps:
            terminal.put(f"\n# {step.says}\n{deployment.hosts[one.target.host].shown(step.script)}")
        terminal.put("")
    if why:
        terminal.say(f"all hosts would change together: the new version {why}")
