"""Servers that are installed on the machine: on ``PATH``, or where the packages of distributions put them.

A folder with a part of PostgreSQL is looked at too, so that an error can say what is missing there.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airfleet.agent.servers import server_programs
from airfleet.agent.servers.server_programs import Program, dotted
from airfleet.errors import FleetError
from airfleet.fleet.servers.own_servers import OLDEST_BROKERS, OLDEST_POSTGRES, ServerChoice
from airfleet.system.platforms import glibc, why_no_wheel

#: folders of PostgreSQL's programs: Debian and Ubuntu, PGDG's RPMs, SUSE, Gentoo, Alpine, from source
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/lib/postgresql*/bin",
    "/usr/lib64/postgresql-*/bin",
    "/usr/libexec/postgresql*",
    "/usr/local/pgsql/bin",
)
#: without these a fleet has no database
REQUIRED = ("postgres", "initdb")
#: with one of these, a folder on PATH is one of a server; ``psql`` is there without any, and may be a wrapper
_OF_SERVERS = (*REQUIRED, "pg_ctl")
#: with one of these, a folder of packages is one of PostgreSQL
_SIGNS = (*_OF_SERVERS, "psql")
#: folders of servers that are not on everybody's PATH
BROKER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/valkey/bin", "/opt/redis/bin")
_BROKER_NAMES = {"valkey": "valkey-server", "redis": "redis-server"}

#: the identity of a distribution (``ID`` and ``ID_LIKE`` of os-release) -> the command before a package, and packages
_INSTALLS: Mapping[str, tuple[str, str, str]] = {
    "debian": ("apt-get install", "postgresql", "redis-server"),
    "fedora": ("dnf install", "postgresql-server", "valkey"),
    "rhel": ("dnf install", "postgresql-server", "redis"),
    "suse": ("zypper install", "postgresql-server", "redis"),
    "alpine": ("apk add", "postgresql", "valkey"),
    "arch": ("pacman -S", "postgresql", "valkey"),
}


@dataclass(frozen=True)
class Installation:
    """A folder with programs of PostgreSQL."""

    folder: Path
    #: its server; None when that is missing or does not run
    server: Program | None
    #: programs that a fleet needs, and that are not there
    missing: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether a fleet can run it."""
        return not self.missing and self.server is not None and self.server.version >= (OLDEST_POSTGRES,)

    def __str__(self) -> str:
        return f"PostgreSQL {dotted(self.server.version)} ({self.folder})" if self.server else str(self.folder)


# --- PostgreSQL --------------------------------------------------------------------------------------


def postgres(choice: ServerChoice, environ: Mapping[str, str]) -> tuple[Program, ...]:
    """Find the machine's PostgreSQL as ``fleet.yaml`` chooses it: that of PATH first, then the newest.

    Raises FleetError when there is none that a fleet can run.
    """
    installations = tuple(_installation(folder) for folder in _folders(choice, environ))
    fitting = [one for one in installations if one.fits and _is_chosen(one, choice)]
    if not fitting:
        raise FleetError(*_why_none(choice, installations))
    return tuple(one.server for one in fitting if one.server is not None)


def installed_postgres(environ: Mapping[str, str]) -> tuple[Program, ...]:
    """Find every PostgreSQL of the machine that a fleet can run; none is no error."""
    found = map(_installation, _folders(ServerChoice(), environ))
    return tuple(one.server for one in found if one.fits and one.server is not None)


def _folders(choice: ServerChoice, environ: Mapping[str, str]) -> tuple[Path, ...]:
    if choice.place is not None:
        below = choice.place / "bin"
        return (below if _is_postgres(below) else choice.place,)
    words = environ.get("PATH", "").split(os.pathsep)
    on_path = (real for word in words if word for real in _real(Path(word)))
    known = (Path("/").glob(pattern[1:]) for pattern in POSTGRES_FOLDERS)
    usual = sorted((folder for folders in known for folder in folders if _is_postgres(folder)), key=_major_in)
    return tuple(dict.fromkeys((*on_path, *(folder.resolve() for folder in reversed(usual)))))


def _real(folder: Path) -> Iterator[Path]:
    """Follow links to servers, as some distributions have them on PATH, to the folder that has all of them."""
    yield from ((folder / name).resolve().parent for name in _OF_SERVERS if os.access(folder / name, os.X_OK))


def _is_postgres(folder: Path) -> bool:
    return any(os.access(folder / name, os.X_OK) for name in _SIGNS)


def _major_in(folder: Path) -> int:
    digits = [part for part in folder.parts if any(map(str.isdigit, part))]
    return int("".join(filter(str.isdigit, digits[-1]))) if digits else 0


def _installation(folder: Path) -> Installation:
    missing = tuple(name for name in REQUIRED if not os.access(folder / name, os.X_OK))
    server = server_programs.program(folder / "postgres") if "postgres" not in missing else None
    return Installation(folder, server if server and server.kind == "postgres" else None, missing)


def _is_chosen(one: Installation, choice: ServerChoice) -> bool:
    return choice.major is None or (one.server is not None and one.server.version[0] == choice.major)


def _why_none(choice: ServerChoice, found: Sequence[Installation]) -> tuple[str, str]:
    """Make the sentence and the hint for a machine without a PostgreSQL that fits."""
    wanted = f"PostgreSQL {choice.major}" if choice.major else "PostgreSQL"
    asks = f"'database: {choice}' asks for a {wanted} of this machine"
    if not found:
        return f"{asks}, and there is none on PATH, nor in {', '.join(POSTGRES_FOLDERS[:3])}", _install(0, choice)
    if broken := next((one for one in found if one.missing and _may_be(one, choice)), None):
        return f"{asks}, and {broken.folder} lacks {' and '.join(broken.missing)}", _install(0, choice)
    if silent := next((one for one in found if one.server is None), None):
        return f"{asks}, and {silent.folder}/postgres does not run", f"{silent.folder}/postgres --version"
    there = ", ".join(map(str, found))
    if choice.major is None:
        return f"airfleet needs PostgreSQL {OLDEST_POSTGRES} or newer, and here is {there}", _install(0, choice)
    return f"{asks}, and here is {there}", _install(0, choice)


def _may_be(one: Installation, choice: ServerChoice) -> bool:
    return choice.major is None or _major_in(one.folder) in (0, choice.major)


# --- Redis and Valkey --------------------------------------------------------------------------------


def broker(choice: ServerChoice, environ: Mapping[str, str]) -> tuple[Program, ...]:
    """Find the machine's Redis or Valkey as ``fleet.yaml`` chooses it, Valkey first.

    Raises FleetError when there is none that a fleet can run.
    """
    found = [one for one in server_programs.programs(_broker_paths(choice, environ)) if one.kind in OLDEST_BROKERS]
    fitting = tuple(one for one in found if one.version >= OLDEST_BROKERS[one.kind])
    if fitting:
        return fitting
    asks = f"'broker: {choice}' asks for a {_broker_name(choice)} of this machine"
    if not found:
        names = " or ".join(_names(choice))
        where = f"{choice.place} is none" if choice.place else f"there is no {names} on PATH"
        raise FleetError(f"{asks}, and {where}", hint=_install(1, choice))
    needs = ", ".join(
        f"{_broker_name(ServerChoice(kind=kind))} {dotted(OLDEST_BROKERS[kind])}" for kind in _kinds(found)
    )
    raise FleetError(
        f"airfleet needs {needs} or newer, and here is {', '.join(map(str, found))}", hint=_install(1, choice)
    )


def installed_brokers(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Find the programs of brokers on the machine, without asking them for their versions."""
    return tuple(_broker_paths(ServerChoice(), environ))


def _broker_paths(choice: ServerChoice, environ: Mapping[str, str]) -> Iterator[Path]:
    if choice.place is not None:
        yield choice.place
        return
    path = os.pathsep.join((environ.get("PATH", ""), *BROKER_FOLDERS))
    found = (shutil.which(name, path=path) for name in _names(choice))
    yield from (Path(program) for program in found if program)


def _names(choice: ServerChoice) -> tuple[str, ...]:
    return (_BROKER_NAMES[choice.kind],) if choice.kind else tuple(_BROKER_NAMES.values())


def _kinds(programs: Iterable[Program]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(program.kind for program in programs))


def _broker_name(choice: ServerChoice) -> str:
    return {"redis": "Redis", "valkey": "Valkey"}.get(choice.kind, "Redis or Valkey")


# --- the next command --------------------------------------------------------------------------------


def _install(package: int, choice: ServerChoice) -> str:
    """Say how to install a server (0 for PostgreSQL, 1 for a broker), and whether a wheel is another way."""
    key = ("database", "broker")[package]
    if choice.place is not None:
        return f"name the folder with {' and '.join(REQUIRED)}" if package == 0 else "name the program of a server"
    other = "" if why_no_wheel(glibc(), platform.machine()) else f"; or '{key}: embedded' takes the wheel's"
    return f"{_install_command(package, choice)}{other}"


def _install_command(package: int, choice: ServerChoice) -> str:
    command, *packages = _INSTALLS.get(_distribution(), ("install", "postgresql", "redis or valkey"))
    name = packages[package]
    if package == 0 and choice.major and command == "apt-get install":
        name = f"postgresql-{choice.major}"
    return f"{command} {choice.kind or name}" if package else f"{command} {name}"


def _distribution() -> str:
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return ""
    likes = (told.get("ID", ""), *told.get("ID_LIKE", "").split())
    return next((one for one in likes if one in _INSTALLS), "")
