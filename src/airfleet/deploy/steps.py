"""Steps: what is done on a host, each a script of ``sh`` with its files; pure, and printed as they are by a dry run.

Every script may run twice: what is whole is left as it is, what is not is made again under another name and renamed.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from airfleet.deploy import layout, probe, service
from airfleet.deploy.facts import Facts
from airfleet.deploy.layout import Layout
from airfleet.deploy.remote import Files
from airfleet.deploy.version import Version
from airfleet.deploy.wheel import Wheel

#: exit code of a script that finds the lock taken
TAKEN: Final = 75
#: what an environment is installed from
LOCK: Final = "hosts.lock"
_PRIVATE: Final = "set -e; umask 077; "
#: seconds beside those that a command may take of its own
_MORE: Final = 120.0
#: of which a script that installs may take
INSTALL_SECONDS: Final = 1800.0


@dataclass(frozen=True)
class Step:
    """One step on one host."""

    #: in a few words: ``install the environment …``
    says: str
    script: str
    files: Files = field(default_factory=dict, repr=False)
    seconds: float = 120.0


@dataclass(frozen=True)
class Uv:
    """The uv that runs here, for hosts of this kind of machine."""

    version: str
    files: Files


@dataclass(frozen=True)
class Installation:
    """An environment on its way to a host."""

    name: str
    python: str
    wheel: Wheel
    files: Files
    vendors: bool = False


def _quoted(*words: str) -> str:
    return shlex.join(words)


def lock(place: Layout, owner: str, *, breaks: bool = False) -> Step:
    """Take the lock of a host; exit code 75 and the owner when another has it."""
    # A link is made whole or not at all, also on a disk that is full.
    mine = _quoted(f"{place.lock}.new")
    take = f"echo {shlex.quote(owner)} > {mine}; ln {mine} {_quoted(place.lock)} 2>/dev/null"
    first = f"rm -f {_quoted(place.lock)}; " if breaks else ""
    # Others may enter, and list nothing: PostgreSQL and tasks of another user have their places below.
    folders = _quoted(place.folder, place.environment("").rstrip("/"))
    make = f"set -e; umask {'022' if place.is_open else '066'}; mkdir -p {folders}"
    taken = f"{{ rm -f {mine}; cat {_quoted(place.lock)} >&2; exit {TAKEN}; }}"
    return Step("take the lock", f"{make}; umask 077; {first}{take} || {taken}; rm -f {mine}")


def unlock(place: Layout, owner: str) -> Step:
    """Give the lock back, if it is this owner's."""
    mine = f'[ "$(cat {_quoted(place.lock)} 2>/dev/null)" = {shlex.quote(owner)} ]'
    return Step("give the lock back", f"if {mine}; then rm -f {_quoted(place.lock)}; fi")


def note(place: Layout, line: str) -> Step:
    """Add a line to the host's log of deploys, with the time of the host."""
    when = "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    return Step("note it in deploy.log", f'umask 077; echo "{when} "{shlex.quote(line)} >> {_quoted(place.log)}')


def prepare(place: Layout, facts: Facts) -> tuple[Step, ...]:
    """Do what only root may, where ``sudo`` asks no password: a folder, and services that outlive a login."""
    found: list[Step] = []
    if not facts.is_writable and facts.sudo_makes_folder:
        script = f"sudo -n {probe.OWN_FOLDER} {_quoted(place.folder)}"
        found.append(Step(f"make {place.folder} with sudo", script))
    if facts.needs_linger and facts.sudo_lingers:
        found.append(Step("keep services after the last logout", f"sudo -n {probe.LINGER}"))
    return tuple(found)


def provision(place: Layout, facts: Facts, wanted: Installation, uv: Uv, version: Version) -> tuple[Step, ...]:
    """Bring what a version needs, beside what runs; nothing when it is there."""
    found: list[Step] = []
    if wanted.name not in facts.environments:
        program = facts.uv
        if not program or uv.files:
            program = place.uv(uv.version)
            found.append(_bring_uv(program, uv))
        found += [_bring_wheels(place, wanted), _install(place, wanted, program)]
    if version.name not in facts.versions or version.part.text is not None:
        found += [_bring_version(place, version), _try(place, version)]
    return tuple(found)


def _bring_uv(program: str, uv: Uv) -> Step:
    folder = program.rpartition("/")[0]
    work = f"{folder}.new"
    script = (
        f"{_PRIVATE}if [ -x {_quoted(program)} ]; then cat > /dev/null; exit 0; fi; "
        f"rm -rf {_quoted(work)}; mkdir -p {_quoted(work)}; tar -xzf - -C {_quoted(work)}; mv {_quoted(work, folder)}"
    )
    return Step(f"bring uv {uv.version}", script, uv.files, INSTALL_SECONDS)


def _bring_wheels(place: Layout, wanted: Installation) -> Step:
    folder = f"{place.environment(wanted.name)}.in"
    script = f"{_PRIVATE}rm -rf {_quoted(folder)}; mkdir -p {_quoted(folder)}; tar -xzf - -C {_quoted(folder)}"
    what = (
        f"{len(wanted.files)} files: the wheels and their lock" if wanted.vendors else "airfleet's wheel and the lock"
    )
    return Step(f"bring {what}", script, wanted.files, INSTALL_SECONDS)


def _install(place: Layout, wanted: Installation, uv: str) -> Step:
    target = place.environment(wanted.name)
    given = f"{target}.in"
    source = f"--offline --no-index --find-links {_quoted(given + '/wheels')} " if wanted.vendors else ""
    python = _quoted(f"{target}/bin/python")
    install = f"{_quoted(uv)} pip install --quiet --no-deps --only-binary :all: --python {python} {source}"
    lines = (
        "set -e; umask 022",
        f"rm -rf {_quoted(target)}",
        # Bytecode is written once, here: else each start would compile thousands of modules.
        "export UV_COMPILE_BYTECODE=${UV_COMPILE_BYTECODE:-1}",
        f"{_quoted(uv)} venv --quiet --python {wanted.python} {_quoted(target)}",
        f"{install}--require-hashes -r {_quoted(f'{given}/{LOCK}')}",
        f"{_quoted(uv)} pip install --quiet --no-deps --offline --python {python} "
        f"{_quoted(given + '/' + wanted.wheel.file_name)}",
        f"{_quoted(target + '/bin/airfleet')} --version",
        f"touch {_quoted(target + '/' + layout.WHOLE)}",
        f"rm -rf {_quoted(given)}",
    )
    return Step(f"install the environment {wanted.name}", "\n".join(lines), {}, INSTALL_SECONDS)


def _bring_version(place: Layout, version: Version) -> Step:
    folder = place.version(version.name)
    work = f"{folder}.new"
    inside = _quoted(work, *(f"{work}/{name}" for name in version.folders))
    script = (
        f"{_PRIVATE}rm -rf {_quoted(work)}; mkdir -p {inside}; tar -xzf - -C {_quoted(work)}; "
        f"rm -rf {_quoted(folder)}; mv {_quoted(work, folder)}"
    )
    return Step(f"bring version {version.name}: {', '.join(version.files)}", script, version.files)


def _try(place: Layout, version: Version) -> Step:
    """Read fleet.yaml there, before anything is stopped: a variable or a secret may be missing."""
    folder = place.version(version.name)
    script = f"{_quoted(f'{folder}/{layout.COMMAND}', 'config', '-C', folder)} > /dev/null"
    return Step("read fleet.yaml there", script)


def stop(place: Layout, drain_seconds: float) -> Step:
    """Let running tasks end, and end the host's part of the fleet; what does not run is fine."""
    script = (
        f"if [ -x {_quoted(place.command)} ]; then {_quoted(place.command)} down --timeout {drain_seconds:.0f}s; fi"
    )
    return Step("drain and stop", script, {}, drain_seconds + _MORE)


def retire(place: Layout, facts: Facts, fleet: str, drain_seconds: float) -> tuple[Step, ...]:
    """End a host's part of the fleet for good; its files stay."""
    ended = stop(place, drain_seconds)
    script = service.remove(facts, fleet)
    return (ended, Step("take its service away", script)) if script else (ended,)


def bury(place: Layout, host: str) -> Step:
    """Have a host that runs tell the fleet that the machine of another one is off."""
    return Step(f"tell the fleet that '{host}' is off", _quoted(place.command, "drain", host, "--gone"))


def switch(place: Layout, to: str, before: str, links: Sequence[str], folders: Sequence[str] = ()) -> Step:
    """Make a version the current one; ``before`` becomes the previous one, and ``deploy --undo`` goes there."""
    parcel = f"current/{layout.PARCEL}"
    secrets = f".airfleet/{layout.PARCEL}"
    lines = [
        f"{_PRIVATE}cd {_quoted(place.folder)}",
        *([f"ln -sfn {_quoted(f'versions/{before}')} previous"] if before and before != to else []),
        f"ln -sfn {_quoted(f'versions/{to}')} current",
        *(f"ln -sfn {_quoted(f'current/{name}')} {_quoted(name)}" for name in links),
        "mkdir -p .airfleet",
        *(f"( umask {'022' if place.is_open else '077'}; mkdir -p {_quoted(name)} )" for name in folders),
        f"if [ -e {parcel} ]; then cp {parcel} {secrets}.new; mv {secrets}.new {secrets}; fi",
    ]
    return Step(f"switch to version {to}", "\n".join(lines))


def compare(place: Layout, host: str) -> Step:
    """Ask what the version that is current now would change of what runs; :func:`changes_nothing` reads it."""
    return Step("compare with what runs", _quoted(place.command, "plan", "--host", host, "-o", "json"))


def changes_nothing(said: str) -> bool:
    """Tell whether a plan leaves everything that runs on a host as it is."""
    try:
        hosts = json.loads(said)["hosts"]
        return all(one["change"] == "keep" for host in hosts for one in host["components"])
    except (ValueError, KeyError, TypeError):
        return False


def restore(place: Layout, to: str, previous: str) -> Step:
    """Make the version current again that was before a deploy, with its secrets; ``previous`` is the one before it."""
    step = switch(place, to, previous, ())
    return step if previous else Step(step.says, f"{step.script}\nrm -f previous")


def clear(place: Layout, links: Sequence[str]) -> Step:
    """Leave no version current: there was none."""
    names = _quoted("current", *links)
    return Step("take the links away", f"cd {_quoted(place.folder)}; rm -f {names}")


def start(
    place: Layout, facts: Facts, fleet: str, wait_seconds: float, drain_seconds: float, *, migrates: bool = False
) -> Step:
    """Start the host's part of the fleet, and wait until it is healthy; ``migrates``: also a database of an older
    Airflow.
    """
    command = _quoted(place.command)
    wait = f"{command} up --detach --timeout {wait_seconds:.0f}s"
    migrate = f"{wait} --migrate"
    before = service.start(place, facts, fleet, drain_seconds)
    if before:  # the unit agrees to nothing: the database is migrated before it starts
        migration = f"{migrate}\n{command} down\n" if migrates else ""
        script = f"set -e\n{migration}{before}\n{wait}"
    else:
        script = migrate if migrates else wait
    return Step("start, and wait until it is healthy", script, {}, wait_seconds + _MORE)


def tidy(place: Layout, keep_versions: Sequence[str], keep_environments: Sequence[str]) -> Step:
    """Remove versions and environments that neither run nor would be gone back to."""
    lines = [f"cd {_quoted(place.folder)}"]
    for folder, kept in (("versions", keep_versions), ("environments", keep_environments)):
        names = "|".join(shlex.quote(name) for name in kept) or "''"
        lines.append(f'for one in {folder}/*; do case "${{one##*/}}" in {names}) ;; *) rm -rf "$one" ;; esac; done')
    return Step("remove older versions", "\n".join(lines))
