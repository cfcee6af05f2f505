"""The part of a version that all hosts get alike, gathered here: fleet.yaml, and all that it names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airfleet.client.project import Project
from airfleet.errors import FleetError, argument

if TYPE_CHECKING:
    from airfleet.deploy.remote import Files
    from airfleet.deploy.version import Source
    from airfleet.fleet.config.spec import Fleet


def gather(here: Project, fleet: Fleet) -> Source:
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
        version_record.keys_of(reader.load_files(here.fleet_file, here.environ).top),
        requirements(here, fleet),
    )


def requirements(here: Project, fleet: Fleet) -> str:
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
