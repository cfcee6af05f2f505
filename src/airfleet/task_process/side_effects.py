"""Side effects of loading a Dag file, which decide whether attempts may share the result.

A Dag zygote loads a file once and forks an attempt for each of its tasks; Airflow loads the file in each attempt anew.
The result is the same only when loading depends on nothing but files that can be looked at again, and leaves nothing
behind that forked processes would share. The function :func:`observed` runs a load and returns the files and folders
that it read, with every reason why its result cannot be kept. A file with a reason is loaded in each attempt, as
Airflow does.

Python reports what it does through audit events (PEP 578). The hook cannot be taken back, so this is for
processes that exist for one load; attempts inherit it and pay one comparison for each event.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from airfleet.file_stamps import Stamp, stamp

Result = TypeVar("Result")

#: audit event -> why a load that causes it cannot be shared
_REASONS = {
    "socket.connect": "it talks to a server",
    "socket.bind": "it opens a server",
    "socket.sendto": "it talks to a server",
    "sqlite3.connect": "it opens a database",
    "subprocess.Popen": "it starts a process",
    "os.system": "it starts a process",
    "os.posix_spawn": "it starts a process",
    "os.fork": "it starts a process",
    "os.mkdir": "it writes files",
    "os.remove": "it writes files",
    "os.rename": "it writes files",
    "os.rmdir": "it writes files",
    "os.truncate": "it writes files",
    "os.link": "it writes files",
    "os.symlink": "it writes files",
    "os.chmod": "it writes files",
    "os.chown": "it writes files",
    "os.utime": "it writes files",
    "tempfile.mkdtemp": "it writes files",
    "tempfile.mkstemp": "it writes files",
    "signal.pthread_kill": "it sends signals",
    "os.kill": "it sends signals",
}
#: a thread that was joined is there for a moment more
_THREAD_SECONDS = 0.2
_FOLDERS = frozenset({"os.listdir", "os.scandir"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Observation:
    """Files that a load read (path to stamp), and reasons why its result cannot be shared (empty: it can)."""

    read: dict[str, Stamp | None]
    reasons: tuple[str, ...]
    #: names of the modules that it imported
    imported: tuple[str, ...] = ()

    def holds(self) -> bool:
        """Tell whether all files that were read are unchanged."""
        return all(stamp(path) == seen for path, seen in self.read.items())


def observed(load: Callable[[], Result]) -> tuple[Result, Observation]:
    """Run ``load`` and observe it. Raises what ``load`` raises."""
    return Observer().observed(load)


class Observer:
    """Observes one load after the other, by one hook."""

    def __init__(self) -> None:
        self._watch = _Watch()
        sys.addaudithook(self._watch.hook)

    def observed(self, load: Callable[[], Result]) -> tuple[Result, Observation]:
        """Run ``load`` and observe it. Raises what ``load`` raises."""
        watch = self._watch
        newest, before, began = _newest_module(), _State.now(), time.time_ns()
        watch.begin()
        try:
            result = load()
        finally:
            watch.on = False
        imported = tuple(_imported_after(newest))
        for path in _sources(imported):
            watch.stamps.setdefault(path, _unless_edited(stamp(path), since=began))
        reasons = dict.fromkeys([*watch.reasons, *before.reasons(_State.now())])
        read = {path: seen for path, seen in watch.stamps.items() if may_change(path)}
        return result, Observation(read, tuple(reasons), imported)


def _unless_edited(seen: Stamp | None, since: int) -> Stamp | None:
    """Return the stamp of a module that was not opened itself; one edited during the load never holds."""
    return (0, 0, 0) if seen is not None and since <= seen[0] <= time.time_ns() else seen


class _Watch:
    """Collects audit events while it is on."""

    def __init__(self) -> None:
        self.on = False
        #: taken before a file is read, so that an edit in the middle of a load is seen
        self.stamps: dict[str, Stamp | None] = {}
        self.reasons: list[str] = []

    def begin(self) -> None:
        """Forget all, and watch from now on."""
        self.stamps, self.reasons, self.on = {}, [], True

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            self._opened(*arguments)
        elif event in _FOLDERS:
            self._add(arguments[0] if arguments[0] is not None else ".")
        elif event == "socket.bind" and _is_any_port(arguments[1]):
            return  # urllib3 finds out so, as it is imported, whether there is IPv6; one that stays open is seen
        elif event in _REASONS and not (arguments and _is_bytecode(arguments[0])):
            self.reasons.append(_REASONS[event])

    def _opened(self, path: object, mode: str | None, flags: int | None) -> None:
        if isinstance(path, int):
            return  # a descriptor that was opened elsewhere
        if (flags or 0) & _WRITING and not _is_bytecode(path):
            self.reasons.append("it writes files")
        self._add(path)

    def _add(self, path: object) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            absolute = os.path.abspath(os.fsdecode(path))
            self.stamps.setdefault(absolute, stamp(absolute))


@dataclass(frozen=True)
class _State:
    """Traces of a load that forked processes would share or repeat."""

    threads: int
    descriptors: frozenset[str]
    random: object

    @classmethod
    def now(cls) -> _State:
        return cls(_threads(), frozenset(_descriptors()), _random_states())

    def reasons(self, after: _State) -> Iterator[str]:
        if after.threads > 1:
            yield "it starts a thread"
        if after.descriptors - self.descriptors:
            yield "it leaves a file or a connection open"
        if after.random != self.random:
            yield "it uses random numbers"


def _threads() -> int:
    """Threads that would be missing in a forked process.

    Those of numpy's linear algebra are not counted: it ends them before a fork and starts them when needed,
    and Airflow's own workers fork with it loaded, too. With it, other threads that are not Python's go unseen.
    """
    if "numpy" in sys.modules:
        return threading.active_count()
    patience = time.monotonic() + _THREAD_SECONDS
    while (count := len(os.listdir("/proc/self/task"))) > threading.active_count() and time.monotonic() < patience:
        time.sleep(0.001)
    return count


def _descriptors() -> Iterator[str]:
    for number in os.listdir("/proc/self/fd"):
        try:
            yield f"{number} {os.readlink(f'/proc/self/fd/{number}')}"
        except OSError:  # the descriptor by which this folder was read
            continue


def _random_states() -> tuple[object, ...]:
    """States of the generators that all modules share; None for numpy's while nothing was drawn from it."""
    return random.getstate(), _numpy_state()


def _numpy_state() -> tuple[bytes, int] | None:
    module = sys.modules.get("numpy.random")
    find: Any = getattr(module, "get_bit_generator", None)
    if find is None:
        return None
    now, seed = find().state["state"], getattr(find(), "seed_seq", None)
    fresh = type(find())(seed).state["state"] if seed is not None else None
    found = bytes(now["key"]), int(now["pos"])
    return None if fresh and found == (bytes(fresh["key"]), int(fresh["pos"])) else found


def _newest_module() -> str:
    """Return the name that was added last to the modules.

    A look at each of them would write to its count of references, and so copy the page that it shares with other
    processes: 7 MB for three thousand modules.
    """
    return next(reversed(sys.modules))


def _imported_after(newest: str) -> Iterator[str]:
    """Yield the names that were added later, the last first; all names if that one is gone."""
    return itertools.takewhile(lambda name: name != newest, reversed(sys.modules))


def _sources(modules: Iterable[str]) -> Iterator[str]:
    """Files that imported modules came from: a module read from bytecode has its source not opened."""
    for name in modules:
        path = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(path, str):
            yield os.path.abspath(path)


_INSTALLED = tuple(
    {os.path.join(sysconfig.get_path(kind), "") for kind in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def may_change(path: str) -> bool:
    """Tell whether the path is looked at again: not if it is installed, or no file at all."""
    return not path.startswith((*_INSTALLED, "/proc/", "/sys/", "/dev/")) and not _is_bytecode(path)


def _is_any_port(address: object) -> bool:
    """Tell whether a socket is bound to any free port."""
    return isinstance(address, tuple) and len(address) > 1 and address[1] == 0


def _is_bytecode(path: object) -> bool:
    """Tell whether Python keeps compiled code at the path; each import may write it anew."""
    if not isinstance(path, str):
        return False
    return "__pycache__" in path or (sys.pycache_prefix is not None and path.startswith(sys.pycache_prefix))
