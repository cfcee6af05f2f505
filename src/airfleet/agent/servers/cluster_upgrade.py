"""The upgrade of the embedded PostgreSQL from one major version to another, while the fleet is down.

::

    dump ──> restore into a new cluster beside ──> verify ──> switch (two renames) ──> the old one is kept

Up to the switch the cluster in use is only read, and an upgrade that is cut off begins again. A switch that is cut off
is finished (:mod:`airfleet.agent.servers.cluster_switch`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from airfleet.agent.servers import (
    cluster_contents,
    cluster_copy,
    cluster_server,
    cluster_switch,
    embedded_servers,
    server_programs,
    wheel_programs,
)
from airfleet.agent.servers.cluster_contents import Contents
from airfleet.agent.servers.cluster_server import Cluster, Place
from airfleet.agent.servers.machine_programs import installed_postgres
from airfleet.agent.servers.server_programs import Maker, Program
from airfleet.errors import FleetError, argument
from airfleet.fleet.components import postgres
from airfleet.fleet.planning.paths import Paths
from airfleet.fleet.servers.own_servers import ServerChoice, ServerProgram

#: a dump, and the write-ahead log of the new cluster
_SPARE_BYTES = 300 * 2**20
_NAMED = 5
#: what a fleet needs of a server against clients that vanish would end a dump that waits for the disk
_WITHOUT_TIMEOUTS = {
    "idle_in_transaction_session_timeout": "0",
    "tcp_user_timeout": "0",
    "client_connection_check_interval": "0",
}
_QUICK = {"synchronous_commit": "off", "max_wal_size": "1GB", "autovacuum": "off"}


@dataclass(frozen=True)
class Upgrade:
    """An upgrade that can be made: the cluster in use, the programs of both versions, and the room that it needs."""

    data: Path
    before: Program
    after: Program
    #: bytes of the cluster in use, and bytes that are free beside it
    size: int
    free: int

    @property
    def needed(self) -> int:
        """Bytes that it needs at most: a second cluster, and the dump of it."""
        return 2 * self.size + _SPARE_BYTES

    @property
    def tools(self) -> Path:
        """The folder of the newer version, whose tools read both."""
        return max(self.before, self.after, key=lambda one: one.version).path.parent


@dataclass(frozen=True)
class Upgraded:
    """An upgrade that was made: the cluster that was replaced, and what was found alike in both."""

    kept: Path
    size: int
    contents: Contents


def plan(
    data: Path, record: Mapping[str, str], choice: ServerChoice, environ: Mapping[str, str], free: int
) -> Upgrade | None:
    """Plan the upgrade of a cluster to the version that is chosen; None when it is of that version already.

    Raises FleetError when there is no cluster, no program, or no room.
    """
    maker = server_programs.maker_of_cluster(data / cluster_switch.CLUSTER)
    if maker is None:
        raise FleetError(f"there is no database in {data} to upgrade", hint="'airfleet up' makes a new one")
    found = embedded_servers.candidates(embedded_servers.POSTGRES, choice, environ)
    if not found:
        raise FleetError("there is no embedded PostgreSQL here", hint="pip install 'airfleet[local]' brings it")
    after = max(found, key=lambda one: one.version)
    if after.version[0] == maker.version[0]:
        return None
    before = _program_of(maker, record, environ, data)
    upgrade = Upgrade(data, before, after, _size(data / cluster_switch.CLUSTER), free)
    _require_possible(upgrade)
    return upgrade


def _program_of(maker: Maker, record: Mapping[str, str], environ: Mapping[str, str], data: Path) -> Program:
    """Find a PostgreSQL that reads the cluster in use, wherever it comes from. Raises FleetError."""
    _, path = server_programs.recorded(record, embedded_servers.POSTGRES) or (None, None)
    of_wheel = server_programs.programs([*([path] if path else []), *wheel_programs.every_postgres()])
    fitting = [one for one in (*of_wheel, *installed_postgres(environ)) if one.reads(maker)]
    if not fitting:
        raise FleetError(
            f"the data in {data} were written by {maker}, and there is no {maker} here that could read them",
            hint=f"install {maker} ('apt-get install postgresql-{maker.version[0]}' on Debian), or the airfleet that "
            "brought it, beside this one",
        )
    return fitting[0]


def _require_possible(upgrade: Upgrade) -> None:
    if lacking := cluster_copy.missing(upgrade.tools):
        raise FleetError(
            f"{upgrade.tools} lacks {', '.join(lacking)}, which copy a database",
            hint="install the client programs of that PostgreSQL (postgresql-client, on Debian)",
        )
    if upgrade.free < upgrade.needed:
        raise FleetError(
            f"the upgrade needs up to {_mb(upgrade.needed)} beside {upgrade.data}, and {_mb(upgrade.free)} are free "
            f"(the database has {_mb(upgrade.size)})",
            hint="make room on that disk, then 'airfleet database upgrade' again",
        )


def run(upgrade: Upgrade, place: Place, say: Callable[[str], None]) -> Upgraded:
    """Make the upgrade; ``say`` tells of each step. Raises FleetError, and then the cluster in use is as it was."""
    beside = upgrade.data / cluster_switch.NEXT
    try:
        contents = _copied(upgrade, place, beside, say)
    except BaseException as wrong:
        cluster_switch.discard_draft(upgrade.data)
        if isinstance(wrong, psycopg.Error | OSError):
            sentence = (str(wrong).strip().splitlines() or [type(wrong).__name__])[0]
            raise FleetError(f"the upgrade failed, and nothing was changed: {sentence}", _log(place)) from None
        raise
    say("switching to the new cluster")
    switch = cluster_switch.begin(place.paths, upgrade.data, beside / cluster_switch.CLUSTER)
    cluster_switch.finish(place.paths, upgrade.data)
    return Upgraded(upgrade.data / switch.keep, upgrade.size, contents)


def _copied(upgrade: Upgrade, place: Place, beside: Path, say: Callable[[str], None]) -> Contents:
    """Make the new cluster beside the one in use, and verify it."""
    cluster_switch.discard_draft(upgrade.data)
    embedded_servers.data_folder(beside, embedded_servers.account_of(place.user))
    folder = embedded_servers.data_folder(cluster_switch.dump_folder(upgrade.data), None)
    old = _cluster(upgrade.data, upgrade.before, place)
    new = _cluster(beside, upgrade.after, place)
    file = folder / "dump.sql.gz"
    tools = cluster_copy.Tools(upgrade.tools, _password_file(folder, place), place.log)
    say(f"dumping the databases of {old.program}")
    with cluster_server.serving(old, _settings(old.program), place) as port:
        cluster_copy.dump(tools, port, file, upgrade.after.version[0])
        before = cluster_contents.read(lambda name: cluster_server.connect(port, place, name))
    say(f"restoring {before.tables} tables with {before.rows} rows into a cluster of {new.program}")
    with cluster_server.serving(new, {**_settings(new.program), **_QUICK}, place) as port:
        cluster_copy.restore(tools, port, file)
        say("comparing all rows")
        after = cluster_contents.read(lambda name: cluster_server.connect(port, place, name))
        _require_alike(before, after, place)
        _analyze(port, place, after.databases)
    return after


def _require_alike(before: Contents, after: Contents, place: Place) -> None:
    if found := cluster_contents.differences(before, after):
        with place.log.open("a", encoding="utf-8") as log:
            log.writelines(f"{one}\n" for one in found)
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise FleetError(
            f"the new cluster is not like the old one: {'; '.join(found[:_NAMED])}{more}; nothing was changed",
            hint=_log(place),
        )


def _log(place: Place) -> str:
    return f"its log is {place.log}"


def _analyze(port: int, place: Place, databases: Iterable[str]) -> None:
    """Give the new cluster the statistics by which it plans its queries."""
    for name in databases:
        with cluster_server.connect(port, place, name) as connection:
            connection.execute("ANALYZE")


def _cluster(holder: Path, program: Program, place: Place) -> Cluster:
    folder = embedded_servers.reached_folder(program, embedded_servers.account_of(place.user))
    told = embedded_servers.told(program)
    assert told is not None
    return Cluster(holder, told, folder)


def _settings(program: ServerProgram) -> dict[str, str]:
    return {**postgres.settings(program), **_WITHOUT_TIMEOUTS}


def _password_file(folder: Path, place: Place) -> Path:
    """Write the file from which the tools take the password; it goes with the folder."""
    path = folder / "passwords"
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(f"*:*:*:*:{place.password}\n", encoding="utf-8")
    return path


# --- the way back ------------------------------------------------------------------------------------


def undo(paths: Paths, data: Path) -> tuple[Path, int]:
    """Put the latest kept cluster back in use; the place of the one that it replaces, and the major version.

    Raises FleetError when none was kept.
    """
    kept = cluster_switch.kept(data)
    if not kept:
        raise FleetError(f"no earlier cluster is kept in {data}", hint="airfleet database upgrade makes one")
    switch = cluster_switch.begin(paths, data, kept[0].path)
    cluster_switch.finish(paths, data)
    return data / switch.keep, kept[0].major


def removal(path: Path) -> str:
    """Write the command that deletes a cluster.

    >>> removal(Path("/srv/shop/.airfleet/postgres/cluster.18"))
    'rm -r /srv/shop/.airfleet/postgres/cluster.18'
    """
    return f"rm -r {argument(path)}"


def free_bytes(data: Path) -> int:
    """Return the bytes that are free beside the data."""
    return shutil.disk_usage(data if data.exists() else data.parent).free


def _size(folder: Path) -> int:
    """Sum up the bytes of a folder on disk."""
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*"))


def _mb(count: int) -> str:
    return f"{-(-count // 2**20)} MB"
