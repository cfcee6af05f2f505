"""``--watch``: the files are looked at again and again, and checked or pushed when one of them has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn, TypeAlias

from airfleet.cli.diagnosis.findings import short
from airfleet.cli.output import terminal
from airfleet.cli.queries.checked_files import Memory
from airfleet.errors import listed
from airfleet.file_stamps import Stamp, stamp

#: between two looks at the files, seconds; a look takes a small part of it
_PAUSE: Final = 0.3
_SHARE: Final = 10
#: files that are looked at: a project is smaller, a home folder is not
_MOST_FILES: Final = 50_000
#: a folder with this file is an environment of Python
_ENVIRONMENT: Final = "pyvenv.cfg"

Stamps: TypeAlias = dict[str, Stamp | None]


def for_ever(folders: Sequence[Path], memory: Memory, check: Callable[[], None]) -> NoReturn:
    """Check, and check again when a file below ``folders`` has changed; ends by an interrupt alone."""
    for changed in changes(folders):
        if changed:
            memory.forget(changed)
            terminal.say(f"\n{time.strftime('%H:%M:%S')} changed: {listed([short(path) for path in changed], 3)}")
        check()
    raise AssertionError("changes never end")


def changes(folders: Sequence[Path]) -> Iterator[list[str]]:
    """Yield the files below ``folders`` that have changed, whenever some have; first none, for the state now."""
    seen = stamps(folders)
    yield []
    while True:
        begun = time.monotonic()
        now = stamps(folders)
        pause = max(_PAUSE, (time.monotonic() - begun) * _SHARE)
        if changed := sorted(path for path in seen.keys() | now.keys() if seen.get(path) != now.get(path)):
            seen = now
            yield changed
        time.sleep(pause)


def stamps(folders: Iterable[Path]) -> Stamps:
    """Give the stamp of every file below some folders, and of those that are files themselves."""
    found: Stamps = {}
    for folder in folders:
        paths = _below(str(folder)) if os.path.isdir(folder) else iter([str(folder)])
        for path in paths:
            found[path] = stamp(path)
            if len(found) >= _MOST_FILES:
                return found
    return found


def _below(folder: str) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "__pycache__", "node_modules"))
            and not os.path.exists(os.path.join(place, name, _ENVIRONMENT))
        ]
        yield from (os.path.join(place, name) for name in names if not name.endswith((".pyc", "~", ".swp")))
