"""A real pool over toy work: its processes are forked and ended as a worker's are, without Airflow.

A file holds one word that says what loading it does, and more that is its content. An attempt does what it
is told over its *requests* socket, and answers there.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from airfleet import file_stamps
from airfleet.task_process import ipc, pool
from airfleet.task_process.children import open_descriptors
from airfleet.task_process.pool import Limits
from airfleet.task_process.work import AttemptWork, Unshareable

SECONDS = 10.0
#: signals whose handlers an attempt tells
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)


def load(file: ipc.DagFile) -> dict[str, Any]:
    """Give the content of the file, and a mark that no other load has."""
    text = Path(file.path).read_text()
    word = text.split()[0]
    if word == "raises":
        raise ZeroDivisionError("while it is loaded")
    if word == "unshareable":
        raise Unshareable("it says so itself")
    if word == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "draws":
        random.random()
    return {"text": text, "loaded": f"{os.getpid()} {time.monotonic_ns()}"}


def run(attempt: ipc.Attempt, loaded: Any) -> NoReturn:
    """Obey until told to end, or until nobody is there who could tell."""
    try:
        os.close(attempt.descriptors[0])
        orders = socket.socket(fileno=attempt.descriptors[1])
        while received := ipc.receive(orders):
            ipc.send(orders, globals()[f"_{received[0]['do']}"](attempt, loaded, received[0]))
        os._exit(0)
    except BaseException as error:
        opened = {number: _target(str(number)) for number in attempt.descriptors}
        print(f"attempt: {error!r} with {opened}", file=sys.stderr, flush=True)
    finally:
        os._exit(99)


def _tell(attempt: ipc.Attempt, loaded: Any, _: Mapping[str, Any]) -> dict[str, Any]:
    """Give the environment of the attempt."""
    return {
        "id": attempt.id,
        "file": attempt.file.path,
        "loaded": loaded,
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgid(0),
        "descriptors": {number: _target(number) for number in os.listdir("/proc/self/fd")},
        "handlers": [str(signal.getsignal(number)) for number in SIGNALS],
        "oom": Path("/proc/self/oom_score_adj").read_text().strip(),
        "random": random.random(),
        "environment": os.environ.get("TOY_ENVIRONMENT"),
    }


def _change(_: ipc.Attempt, loaded: Any, __: Mapping[str, Any]) -> dict[str, Any]:
    """Change what was loaded, and the process around it."""
    loaded["text"] = "changed by an attempt"
    os.environ["TOY_POOL"] = "changed"
    os.chdir("/")
    return {}


def _ignore(_: ipc.Attempt, __: Any, ___: Mapping[str, Any]) -> dict[str, Any]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return {}


def _note(_: ipc.Attempt, __: Any, order: Mapping[str, Any]) -> dict[str, Any]:
    """Write a file when SIGTERM comes, and end, as ``on_kill`` does."""

    def ended(*_: object) -> NoReturn:
        Path(order["path"]).write_text("asked to end")
        os._exit(0)

    signal.signal(signal.SIGTERM, ended)
    return {}


def _spawn(_: ipc.Attempt, __: Any, ___: Mapping[str, Any]) -> dict[str, Any]:
    return {"pid": subprocess.Popen(["sleep", "60"]).pid}


def _end(_: ipc.Attempt, __: Any, order: Mapping[str, Any]) -> NoReturn:
    os._exit(order["code"])


def _target(number: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return "gone"


WORK = AttemptWork(
    load=load,
    run=run,
    seconds_good=lambda file: 0.0 if file.version == "old" else 1e9,
    stamp=lambda file: file_stamps.stamp(file.path),
)


#: a file at a version that begins so runs in the environment of that name
ELSEWHERE = "environment "
#: the interpreter of a toy environment: it takes the same arguments as one of Airflow's
INTERPRETER = """\
#!/bin/sh
export TOY_ENVIRONMENT={name}
exec {python} -m support.toy_pool "$3"
"""


def make_environment(folder: Path, name: str, interpreter: str = INTERPRETER) -> str:
    """Make an environment whose pool serves toy work; return its interpreter."""
    python = folder / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(interpreter.format(name=name, python=sys.executable))
    python.chmod(0o755)
    return str(python)


def python_in(folder: Path, file: ipc.DagFile) -> str | None:
    """Name the interpreter of a file, below this folder."""
    version = file.version or ""
    return str(folder / version.removeprefix(ELSEWHERE) / "bin/python") if version.startswith(ELSEWHERE) else None


def serve_environment(served: socket.socket) -> None:
    """Be the pool of an environment."""
    pool.ignore_signals()
    inherited = frozenset(found for found in open_descriptors() if found[0] != served.fileno())
    pool.ZygotePool(served, WORK, lambda _: None, inherited).run()


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class ToyAttempt:
    """The monitor's side of one attempt."""

    status: socket.socket
    orders: socket.socket
    others: list[socket.socket]
    pid: int = 0
    pidfd: int = -1

    def wait_for_start(self) -> ToyAttempt:
        """Take its pid. Raises EOFError when whoever had to fork it is gone."""
        received = ipc.receive(self.status)
        if received is None:
            raise EOFError
        self.pid, (self.pidfd,) = received[0]["pid"], received[1]
        return self

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Have it do something; its answer."""
        ipc.send(self.orders, {"do": do, **more})
        received = ipc.receive(self.orders)
        assert received is not None, "it has ended"
        return received[0]

    def told(self) -> dict[str, Any]:
        return self.ask("tell")

    def end(self, code: int = 0) -> int | None:
        """Have it end; the exit code that its monitor is told, None when nobody tells."""
        ipc.send(self.orders, {"do": "end", "code": code})
        return self.exit_code()

    def exit_code(self) -> int | None:
        """Wait for its exit code; None when the status socket closes instead."""
        received = ipc.receive(self.status)
        return None if received is None else int(received[0]["exit"])

    def has_ended(self, seconds: float = SECONDS) -> bool:
        return ended(self.pidfd, seconds)

    def close(self) -> None:
        for end in (self.status, self.orders, *self.others):
            end.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


@dataclass
class ToyPool:
    """A pool and what it says of its processes."""

    folder: Path
    requests: socket.socket
    titles: socket.socket
    attempts: list[ToyAttempt] = field(default_factory=list)
    #: title and pidfd of every process that has named itself
    processes: list[tuple[str, int, int]] = field(default_factory=list)

    def file(self, words: str, name: str = "file", version: str | None = None) -> ipc.DagFile:
        """Write a file with this content; its stamp differs from what was there."""
        path = self.folder / name
        draft = path.with_name("draft")
        draft.write_text(words)
        os.replace(draft, path)
        return ipc.DagFile("bundle", version, str(path))

    def send(self, file: ipc.DagFile) -> ToyAttempt:
        """Ask for an attempt; it may take a while to start."""
        self.attempts.append(send(self.requests, str(len(self.attempts)), file))
        return self.attempts[-1]

    def start(self, file: ipc.DagFile) -> ToyAttempt:
        return self.send(file).wait_for_start()

    def process(self, title: str) -> tuple[int, int]:
        """Pid and pidfd of the next process that names itself so and was not asked for before."""
        while True:
            received = ipc.receive(self.titles)
            assert received is not None
            found = received[0]["title"], received[0]["pid"], received[1][0]
            self.processes.append(found)
            if found[0] == title:
                return found[1], found[2]

    def named(self, title: str) -> int:
        """Tell how many processes have named themselves so up to now."""
        self.titles.setblocking(False)
        try:
            while received := ipc.receive(self.titles):
                self.processes.append((received[0]["title"], received[0]["pid"], received[1][0]))
        except BlockingIOError:
            pass
        self.titles.settimeout(SECONDS)
        return sum(found[0] == title for found in self.processes)

    def close(self) -> None:
        """Let go of the pool, as a worker that ends."""
        self.requests.close()
        for attempt in self.attempts:
            attempt.close()

    def all_ended(self) -> bool:
        """Tell whether every process that has ever named itself is gone."""
        self.named("")
        return all(ended(pidfd, SECONDS) for _, _, pidfd in self.processes)


def send(requests: socket.socket, name: str, file: ipc.DagFile) -> ToyAttempt:
    """Send an attempt to whoever forks it or hands it on."""
    pairs = [ipc.pair(), ipc.pair(), *(socket.socketpair() for _ in range(3))]
    for near, _ in pairs:
        near.settimeout(SECONDS)
    ipc.send(requests, ipc.Attempt(name, file, ()).message(), [far.fileno() for _, far in pairs])
    for _, far in pairs:
        far.close()
    status, orders, *others = (near for near, _ in pairs)
    return ToyAttempt(status, orders, others)


def ended(pidfd: int, seconds: float = SECONDS) -> bool:
    """Tell whether the process ends in time."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


@contextmanager
def toy_pool(folder: Path, limits: Limits | None = None) -> Iterator[ToyPool]:
    """Start a pool; the end of the block ends all of it."""
    told, tells = ipc.pair()
    told.settimeout(SECONDS)

    def titled(title: str) -> None:
        ipc.send(tells, {"title": Path(title).name, "pid": os.getpid()}, [os.pidfd_open(os.getpid())])

    work = replace(WORK, python=lambda file: python_in(folder, file))
    made = ToyPool(folder, pool.start(work, titled, limits or Limits()), told)
    tells.close()
    keeper, _ = made.process("keeper")
    try:
        yield made
    finally:
        made.close()
        gone = made.all_ended()
        for _, _, pidfd in made.processes:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
        told.close()
        os.waitpid(keeper, 0)
        assert gone, "a process of the pool is left"


#: a pool of two attempts in a process of its own: the folder of its files, and the content of one
TWO_ATTEMPTS = """
import json, os, sys
from pathlib import Path
from airfleet.task_process.children import open_descriptors
from support.toy_pool import toy_pool
before = [os.readlink(f"/proc/self/fd/{number}") for number, *_ in open_descriptors()]
with toy_pool(Path(sys.argv[1])) as toys:
    neighbour, attempt = (toys.start(toys.file(sys.argv[2])) for _ in range(2))
    print(json.dumps([before, neighbour.told(), attempt.told()]))
"""


def two_attempts(folder: Path, words: str) -> Any:
    """Give the descriptors of a process before it starts a pool, and what two attempts of that pool tell of themselves.

    It is no fork of this process: libraries that other tests have used here close and open descriptors at every fork,
    as libuv does with the pipe of its signals, by a number that may be another's by then.
    """
    done = subprocess.run(
        [sys.executable, "-c", TWO_ATTEMPTS, str(folder), words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def in_child(act: Any) -> Any:
    """Call ``act`` in a forked process, whose changes cannot be undone, and give its result."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.write(writer, json.dumps(act()).encode())
            code = 0
        except BaseException as error:
            print(f"child: {error!r}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return json.loads(said)


if __name__ == "__main__":
    serve_environment(socket.socket(fileno=int(sys.argv[1])))
