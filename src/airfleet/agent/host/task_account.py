"""The account of tasks on this host: chosen, and tried, before anything starts.

As an ordinary user the agent can give tasks no other: they can read what it can. As root it can, and ``task_user`` in
``fleet.yaml`` says which. The user has to reach the environment of airfleet and the project, and nothing else: it must
own no data, so the users of the servers are none for it.
"""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from airfleet.errors import FleetError, argument
from airfleet.fleet.config.spec import Fleet

ROOT = "root"
_MAKE = "useradd --system --shell /usr/sbin/nologin airfleet-tasks"
#: run as that user: says which of the paths it cannot read, or that it can read all
_TRY = """
import os, sys, airfleet
print(next((path for path in sys.argv[1:] if not os.access(path, os.R_OK | os.X_OK)), ""))
"""
#: how long that may take, seconds
_TRY_SECONDS = 60.0


def choose(fleet: Fleet, *, euid: int, servers: Collection[str]) -> str | None:
    """Choose the user of tasks here; None is the agent's own. ``servers`` are users that run servers of this host.

    Raises FleetError when fleet.yaml wants one that there is not, or production wants one and has none.
    """
    wanted = fleet.task_user
    if wanted is None:
        if euid == 0 and fleet.production:
            raise FleetError(
                "root runs this fleet for production, and fleet.yaml does not say which user its tasks run as",
                hint=f"'{_MAKE}', and 'task_user: airfleet-tasks'; or start the fleet as an ordinary user",
            )
        return None
    account = _account(wanted)
    if account.pw_uid == euid:
        return None
    if euid != 0:
        raise FleetError(
            f"tasks cannot run as '{wanted}' (task_user): only root can start them as another user",
            hint="start the fleet as root, or leave task_user out: tasks run as the user of the fleet then",
        )
    if wanted in servers:
        raise FleetError(
            f"tasks cannot run as '{wanted}' (task_user), who runs servers of this fleet: they could read its data",
            hint=f"'{_MAKE}', and 'task_user: airfleet-tasks'",
        )
    _try(account, *read_by_tasks(fleet))
    return wanted


def read_by_tasks(fleet: Fleet) -> tuple[Path, ...]:
    """Name the folders of the project that tasks read; a host that gets its code by releases has no pipelines."""
    root, pipelines = Path(fleet.root), Path(fleet.root) / fleet.pipelines
    return (root, pipelines) if pipelines.exists() else (root,)


def warning(fleet: Fleet, euid: int) -> str | None:
    """Warn root that tasks run as root; None when they do not, or fleet.yaml says so."""
    if euid != 0 or fleet.task_user is not None:
        return None
    return "tasks run as root, and can read all secrets of this machine; 'task_user' in fleet.yaml names another user"


def _account(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise FleetError(
            f"there is no user '{name}' here (task_user)", hint=_MAKE.replace("airfleet-tasks", name)
        ) from None


def _try(account: pwd.struct_passwd, *paths: Path) -> None:
    """See that a user can run airfleet and read these folders. Raises FleetError with the first that it cannot."""
    refused = f"tasks cannot run as '{account.pw_name}' (task_user), who cannot read"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRY, *map(str, paths)],
            user=account.pw_uid, group=account.pw_gid, extra_groups=os.getgrouplist(account.pw_name, account.pw_gid),
            cwd="/", capture_output=True, text=True, timeout=_TRY_SECONDS, check=False,
        )  # fmt: skip
    except OSError:  # the interpreter itself
        raise FleetError(
            f"{refused} {sys.prefix}", hint=f"chmod o+x its folders, or make {sys.prefix} elsewhere"
        ) from None
    if done.returncode != 0:
        raise FleetError(
            f"{refused} {sys.prefix}", hint=f"chmod -R o+rX {argument(sys.prefix)}, and o+x the folders above it"
        )
    if path := done.stdout.strip():
        raise FleetError(f"{refused} {path}", hint=f"chmod o+rx {argument(path)}, and o+x the folders above it")
