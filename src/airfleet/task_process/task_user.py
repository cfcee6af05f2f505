"""The user that tasks run as, when root runs the fleet.

A worker's pool, and with it every Dag that is loaded and every attempt, gives up root before it knows any secret or
loads anything of the user's (:mod:`airfleet.task_process.pool`). The monitors of attempts stay what they are: they
write the logs, and speak with the API and the broker.

Callbacks of deadlines, which a slot forks by itself, give up root right after the fork.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

#: the variable that names the user; nobody else when there is none
NAME = "AIRFLEET_TASK_USER"
_PR_SET_DUMPABLE = 4
#: what root's session has, and nobody else can enter
_OF_ROOT = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "SUDO_COMMAND", "SUDO_GID", "SUDO_UID", "SUDO_USER", "MAIL")

#: what is forked here now becomes this user
_forks_become: str | None = None


def named(environ: Mapping[str, str]) -> str | None:
    """Return the user that tasks run as; None when it is this process's own."""
    return environ.get(NAME) or None


def become(name: str, environ: MutableMapping[str, str] = os.environ) -> None:
    """Become this user, with its groups and nothing of root's. Raises OSError or KeyError."""
    account = pwd.getpwnam(name)
    os.initgroups(name, account.pw_gid)
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    # Else the files of this process in /proc are root's, and an attempt could not offer itself when memory runs out.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    for variable in _OF_ROOT:
        environ.pop(variable, None)
    environ.update(HOME=account.pw_dir, USER=name, LOGNAME=name)
    tempfile.tempdir = None  # found by root, and perhaps for root alone
    with suppress(FileNotFoundError):
        tempfile.gettempdir()


def of_process(name: str) -> dict[str, Any]:
    """Give the arguments of :class:`subprocess.Popen` that make a program run as this user. Raises KeyError."""
    account = pwd.getpwnam(name)
    variables = {key: value for key, value in os.environ.items() if key not in _OF_ROOT}
    return {
        "user": account.pw_uid,
        "group": account.pw_gid,
        "extra_groups": os.getgrouplist(name, account.pw_gid),
        "env": variables | {"HOME": account.pw_dir, "USER": name, "LOGNAME": name},
    }


@contextmanager
def of_forks(name: str | None) -> Iterator[None]:
    """Have what this process forks meanwhile become this user at once; None changes nothing."""
    global _forks_become
    before, _forks_become = _forks_become, name
    try:
        yield
    finally:
        _forks_become = before


def _after_fork() -> None:
    global _forks_become
    name, _forks_become = _forks_become, None
    if name is not None:
        try:
            become(name)
        except BaseException:
            os._exit(1)  # rather than as root


os.register_at_fork(after_in_child=_after_fork)
