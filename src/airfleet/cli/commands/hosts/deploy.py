"""``airfleet deploy``: bring airfleet and fleet.yaml to the hosts, and change one after the other.

::

    fleet.yaml is right here? ──> all hosts are asked ──> every problem at once, and nothing was changed
                                        │ none
                                   provision, several at a time ──> host by host: drain, stop, switch, start
"""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airfleet.cli import options
from airfleet.cli.output import terminal
from airfleet.client.project import Project, find
from airfleet.errors import FleetError, argument, did_you_mean

if TYPE_CHECKING:
    from airfleet.deploy.deployment import Deployment, Look, Planned
    from airfleet.deploy.remote import Files
    from airfleet.deploy.ssh import Ssh
    from airfleet.deploy.version import Source
    from airfleet.fleet.config.spec import Fleet
    from airfleet.fleet.servers.secrets import Secrets


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
@options.option("--vendor", is_flag=True, help="Bring all wheels along, for hosts that reach no registry.")
@options.option(
    "--parallel",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    metavar="N",
    help="So many hosts at a time are asked and provisioned; they are changed one by one.",
)
@options.option("--migrate", is_flag=True, help="Change the schema of a database that an older Airflow made.")
@options.option("--break-lock", is_flag=True, help="Go on although the lock of a deploy that died is still there.")
@options.option("--ssh", default="ssh", show_default=True, metavar="COMMAND", help="The ssh program, with its options.")
@options.timeout("5m", "How long each host may take to become healthy.")
@options.env
@options.project
def command(
    project: Path | None,
    env: str | None,
    hosts: tuple[str, ...],
    dry_run: bool,
    undo: bool,
    local: bool,
    vendor: bool,
    parallel: int,
    migrate: bool,
    break_lock: bool,
    ssh: str,
    timeout: float,
) -> None:
    """Bring airfleet and fleet.yaml to the hosts, by ssh.

    All hosts are asked first; then one changes after the other. A host that does not become healthy goes back to what
    it had, and the rest stays.
    """
    from airfleet.deploy.deployment import Deployment
    from airfleet.fleet.config import reader

    here = find(project, env)
    fleet = reader.read_file(here.fleet_file, here.environ)
    if local:
        from airfleet.cli.commands.hosts import this_machine

        if undo or vendor or len(hosts) > 1:
            raise click.UsageError("--local is about this machine: one --host, no --undo, no --vendor")
        this_machine.install(here.on(hosts[0]) if hosts else here, fleet, timeout, dry_run=dry_run)
        return
    chosen = _chosen(fleet, hosts)
    source = _source(here, fleet)
    with _reached(fleet, chosen, shlex.split(ssh)) as reached:
        deployment = Deployment(
            fleet,
            reached,
            source,
            _say,
            _kept(here),
            _owner(),
            parallel=parallel,
            vendors=vendor,
            breaks_locks=break_lock,
            health_seconds=timeout,
            migrates=migrate,
        )
        _deploy(deployment, here, dry_run=dry_run, undo=undo)


def _deploy(deployment: Deployment, here: Project, *, dry_run: bool, undo: bool) -> None:
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


def _chosen(fleet: Fleet, names: Sequence[str]) -> Sequence[str]:
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


# --- what all hosts get ----------------------------------------------------------------------------


def _source(here: Project, fleet: Fleet) -> Source:
    """Gather fleet.yaml, its overlay, and the secrets and variables that they name."""
    import airfleet
    from airfleet.deploy import version_record, wheel
    from airfleet.deploy.remote import File
    from airfleet.deploy.version import Source
    from airfleet.fleet.config import reader

    named = [file for file in reader.files(here.fleet_file, here.environ) if file.is_file()]
    files = {file.name: File(file.read_bytes()) for file in named}
    names = reader.referenced_variables(here.fleet_file, here.environ)
    taken = sorted(names.for_the_fleet | names.for_tasks)
    if odd := [name for name in taken if not name.isidentifier()]:
        hint = "name it with letters, digits and '_' alone"
        raise FleetError(f"a shell on the hosts has no variable named '{odd[0]}', which fleet.yaml takes in", hint=hint)
    return Source(
        {**files, **_secret_files(here, fleet, named), **_signers(here, fleet)},
        here.environ.get(reader.ENVIRONMENT, ""),
        {name: here.environ[name] for name in taken if name in here.environ},
        () if os.path.isabs(fleet.pipelines) else (fleet.pipelines,),
        version_record.rules_of(fleet),
        version_record.versions_of(airfleet.__version__, wheel.lock_text()),
        _requirements(here, fleet),
    )


def _requirements(here: Project, fleet: Fleet) -> str:
    """Read the lock of further packages. Raises FleetError when it is none."""
    from airfleet.releases.environments import lock

    if not fleet.deploy.requirements:
        return ""
    file = here.root / fleet.deploy.requirements
    hint = f"uv pip compile --generate-hashes -c constraints.txt my-requirements.txt -o {argument(file)}"
    try:
        text = file.read_text("utf-8")
        pins = lock.pins(text)
    except OSError as wrong:
        raise FleetError(f"deploy.requirements cannot be read: {wrong}", hint=hint) from None
    except lock.NotPinned as line:
        raise FleetError(f"{file} has a line without a version: {line}", hint=hint) from None
    if bare := [pin.name for pin in pins if not pin.hashes]:
        raise FleetError(f"{file} has no hash of {bare[0]}", hint=hint)
    return f"\n{text}"


def _secret_files(here: Project, fleet: Fleet, named: Sequence[Path]) -> Files:
    """Read the secrets that the files name; those of a folder elsewhere are there by other means."""
    from airfleet.deploy.remote import File
    from airfleet.fleet.config import interpolation

    folder = Path(fleet.secrets_folder)
    if not folder.is_relative_to(here.root):
        return {}
    wanted = set().union(*(interpolation.secrets_in(file.read_text("utf-8")) for file in named))
    found = [folder / name for name in sorted(wanted) if (folder / name).is_file()]
    return {file.relative_to(here.root).as_posix(): File(file.read_bytes()) for file in found}


def _signers(here: Project, fleet: Fleet) -> Files:
    """Read the file of allowed signers, which each host needs to verify releases. Raises FleetError."""
    from airfleet.deploy.remote import File

    name = fleet.policies.push.signed_by
    if not name or os.path.isabs(name):  # an absolute path is there by other means
        return {}
    try:
        return {name: File((here.root / name).read_bytes(), 0o644)}
    except OSError as wrong:
        sentence = f"policies.push.signed_by: {name} cannot be read: {wrong.strerror}"
        raise FleetError(sentence, hint="each host verifies releases with it: airfleet check") from None


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


@contextmanager
def _reached(fleet: Fleet, chosen: Sequence[str], program: Sequence[str]) -> Iterator[dict[str, Ssh]]:
    """Give the hosts behind ssh; their connections end with the block."""
    from airfleet.deploy.ssh import Ssh

    with tempfile.TemporaryDirectory(prefix="af-ssh-", dir="/tmp") as sockets:
        hosts = {
            name: Ssh(name, fleet.host(name).ssh or fleet.host(name).address, program, Path(sockets), fleet.deploy.user)
            for name in chosen
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
        steps = [*one.provision, *(turn if one.target.change is not Change.NOTHING else ())]
        terminal.put(f"host '{one.target.host}': {f'{len(steps)} steps' if steps else 'nothing to do'}")
        for step in steps:
            terminal.put(f"\n# {step.says}\n{deployment.hosts[one.target.host].shown(step.script)}")
        terminal.put("")
    if why:
        terminal.say(f"all hosts would change together: the new version {why}")
