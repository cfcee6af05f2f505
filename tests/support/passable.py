"""Python where other users reach it, for programs of a test: root's own often lies below ``/root``."""

from __future__ import annotations

import shlex
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import airfleet


def within(argv: Sequence[str]) -> list[str]:
    """Run ``argv`` in a mount namespace in which everybody passes to this Python; needs root."""
    places = dict.fromkeys(Path(place).resolve() for place in (sys.base_prefix, sys.prefix, airfleet.__path__[0]))
    closed: dict[Path, list[Path]] = {}
    for place in places:
        if (folder := _closed(place)) is not None:
            closed.setdefault(folder, []).append(place)
    steps = ["set -e", "mount --make-rprivate /"]
    for folder, inside in closed.items():
        steps += _opened(str(folder), [str(place.relative_to(folder)) for place in inside])
    return ["unshare", "--mount", "sh", "-c", "\n".join([*steps, 'exec "$@"']), "sh", *argv]


def _closed(place: Path) -> Path | None:
    """Give the first folder on the way to a place that others may not enter."""
    return next((each for each in (*reversed(place.parents), place) if not each.stat().st_mode & stat.S_IXOTH), None)


def _opened(folder: str, inside: Sequence[str]) -> list[str]:
    """Steps that put another folder in the place of one: it is passable, and has only what is ``inside``."""
    kept = "$(mktemp -d)"
    steps = [f"kept={kept}", 'mount -t tmpfs tmpfs "$kept"']
    for number, place in enumerate(inside):
        steps += [f'mkdir "$kept/{number}"', f'mount --bind {shlex.quote(f"{folder}/{place}")} "$kept/{number}"']
    steps.append(f"mount -t tmpfs -o mode=711 tmpfs {shlex.quote(folder)}")
    for number, place in enumerate(inside):
        there = shlex.quote(f"{folder}/{place}")
        steps += [f"mkdir -p {there}", f'mount --bind "$kept/{number}" {there}']
    return [*steps, 'umount -R "$kept"', 'rmdir "$kept"']
