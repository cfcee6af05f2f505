"""Whose a fleet is: the owner of its home alone may start, ask and end it.

Another user who starts it would take over its files, and root would succeed at that: hence nobody else may, root
neither. Files in the home are trusted only when its owner made them, and no other user can write there.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from airfleet.errors import FleetError, argument
from airfleet.fleet.planning.paths import Paths


def require_own(paths: Paths, command: str, *, euid: int | None = None) -> None:
    """Raise FleetError when the fleet's home belongs to somebody else; the hint says who may call ``command``."""
    mine = os.geteuid() if euid is None else euid
    for owner in _owners((paths.shared, paths.home)):
        if owner != mine:
            user = f"'#{owner}'" if (name := _name(owner)) is None else name
            raise FleetError(f"this fleet belongs to {described(owner)}", hint=f"sudo -u {user} {command}")


def described(uid: int) -> str:
    """Describe a user by name and number.

    >>> described(0)
    'root (uid 0)'
    """
    name = _name(uid)
    return f"uid {uid}" if name is None else f"{name} (uid {uid})"


def make_folder(folder: Path, mode: int, *, may_be_link: bool = True) -> None:
    """Make a folder of this mode, whatever the umask; take one that is there when it is ours.

    Raises FleetError when somebody else made it, everybody can write there, or it is no folder.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=mode)
    found = folder.stat() if may_be_link else folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise FleetError(f"{folder} is no folder", hint="the fleet makes it itself: move away what stands there")
    if found.st_uid != os.geteuid():
        raise FleetError(
            f"{folder} belongs to {described(found.st_uid)}, and the fleet runs as {described(os.geteuid())}",
            hint=f"move it away, or 'chown -R {os.geteuid()} {argument(folder)}' when you know that its content is "
            "yours",
        )
    if found.st_mode & stat.S_IWOTH:
        raise FleetError(
            f"everybody on this machine can write into {folder}",
            hint=f"see that nothing in it is somebody else's, then: chmod go-w {argument(folder)}",
        )
    if stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)


def _owners(folders: Iterable[Path | None]) -> Iterable[int]:
    for folder in folders:
        if folder is not None:
            try:
                yield folder.stat().st_uid
            except FileNotFoundError:
                continue


def _name(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
