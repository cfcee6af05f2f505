"""Runs of tests, each in a fork of a process that has imported what is not ours.

``mutant_runs.py serve SOCKET TEST ...`` stays. ``mutant_runs.py ask SOCKET SECONDS`` has it run the tests, and ends
with their exit code, or with 124 when they take longer. Imports are most of what a short run costs: those of Airflow
take seconds, and no mutant is in them. Our own modules, and those of the tests, are imported after the fork.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import sysconfig

#: how a run ends that took too long, as of ``timeout`` (1)
TOO_LONG = 124
SAID_TOO_LONG = "the tests took too long"
_COLLECT = """
import sys, pytest
code = pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *sys.argv[1:]])
print(*(name for name, module in list(sys.modules.items()) if getattr(module, "__file__", None)), file=sys.stderr)
sys.exit(code)
"""


def main(role: str, path: str, *words: str) -> int:
    """Do what one of the two does."""
    return serve(path, words) if role == "serve" else ask(path, words[0])


def ask(path: str, seconds: str) -> int:
    """Have the tests run for so many seconds at the most; their exit code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(seconds.encode())
        code = connection.recv(1)
    if code == bytes([TOO_LONG]):
        print(SAID_TOO_LONG)
    return code[0] if code else 1


def serve(path: str, tests: tuple[str, ...]) -> int:
    """Answer questions, one after the other, until told to end."""
    sys.path.insert(0, os.getcwd())
    import_what_is_not_ours(tests)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(BrokenPipeError):
                connection.sendall(bytes([run(tests, float(connection.recv(64)))]))


def import_what_is_not_ours(tests: tuple[str, ...]) -> None:
    """Import what the tests import of others."""
    done = subprocess.run([sys.executable, "-c", _COLLECT, *tests], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit("the tests cannot be collected")
    theirs = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    for name in done.stderr.splitlines()[-1].split():
        with contextlib.suppress(Exception):
            __import__(name) if is_of(name, theirs) else None


def is_of(name: str, folders: tuple[str, ...]) -> bool:
    """Whether a module lies in one of these folders."""
    from importlib.util import find_spec

    return bool(name != "__main__" and (spec := find_spec(name)) and spec.origin and spec.origin.startswith(folders))


def run(tests: tuple[str, ...], seconds: float) -> int:
    """Run the tests in a child; what it leaves of its process group ends with it."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        import pytest

        code = 1
        try:
            code = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *tests]))
        finally:
            sys.stdout.flush()
            os._exit(code)
    in_time = has_ended(child, seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not in_time:
        return TOO_LONG
    return 1 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def has_ended(pid: int, seconds: float) -> bool:
    """Whether a child ends within so many seconds."""
    descriptor = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    ready = poll.poll(seconds * 1000)
    os.close(descriptor)
    return bool(ready)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
