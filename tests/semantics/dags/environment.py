"""What a task's process looks like from inside."""

from __future__ import annotations

import gc
import locale
import logging
import multiprocessing
import os
import random
import resource
import select
import signal
import stat
import sys
import threading
import warnings
from datetime import datetime

from airflow.sdk import DAG, task

MODULE_STATE = {"runs": 0}


def dispositions():
    names = {}
    for number in sorted(signal.valid_signals()):
        handler = signal.getsignal(number)
        kind = {signal.SIG_DFL: "default", signal.SIG_IGN: "ignored"}.get(handler)
        names[signal.Signals(number).name if number in set(signal.Signals) else str(number)] = (
            kind or f"{getattr(handler, '__module__', '')}.{getattr(handler, '__qualname__', handler)}"
        )
    return {name: kind for name, kind in names.items() if kind != "default"}


def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            mode = os.fstat(int(name)).st_mode
        except OSError:
            continue
        kinds = {"socket": stat.S_ISSOCK, "pipe": stat.S_ISFIFO, "file": stat.S_ISREG, "device": stat.S_ISCHR}
        kind = next((kind for kind, holds in kinds.items() if holds(mode)), "other")
        found[kind] = found.get(kind, 0) + 1
    return found


with DAG("environment", schedule=None, start_date=datetime(2026, 1, 1)):

    @task
    def process():
        return {
            "cwd": os.getcwd(),
            "umask": oct(os.umask(0o022)),
            "ids": [os.getuid(), os.geteuid(), os.getgid()],
            "leads its group": os.getpgrp() == os.getpid(),
            "leads its session": os.getsid(0) == os.getpid(),
            "nice": os.nice(0),
            "blocked signals": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
            "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
            "threads": [thread.name for thread in threading.enumerate()],
            "main thread": threading.current_thread() is threading.main_thread(),
            "alarm": signal.getitimer(signal.ITIMER_REAL)[0],
        }

    @task
    def signals():
        return dispositions()

    @task
    def streams():
        return {
            "stdin": [sys.stdin.isatty(), bool(select.select([0], [], [], 0.2)[0])],
            "stdin's kind": stat.S_IFMT(os.fstat(0).st_mode),
            "same stdin": sys.stdin is sys.__stdin__,
            "stdout": [type(sys.stdout).__name__, sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.fileno()],
            "stderr": [type(sys.stderr).__name__, sys.stderr.encoding, sys.stderr.isatty(), sys.stderr.fileno()],
            "line buffering": [sys.stdout.line_buffering, sys.stderr.line_buffering],
            "same stdout": sys.stdout is sys.__stdout__,
            "handlers": [type(handler).__name__ for handler in logging.getLogger().handlers],
            "level": logging.getLogger().level,
        }

    @task
    def open_descriptors():
        return descriptors()

    @task
    def python():
        return {
            "flags": str(sys.flags),
            "argv": sys.argv,
            "main": getattr(sys.modules["__main__"], "__name__", None),
            "module": __name__,
            "file": __file__,
            "path": sys.path,
            "recursion": sys.getrecursionlimit(),
            "switch": sys.getswitchinterval(),
            "collects": gc.isenabled(),
            "thresholds": gc.get_threshold(),
            "locale": locale.setlocale(locale.LC_ALL),
            "start method": multiprocessing.get_start_method(allow_none=True),
            "excepthook": sys.excepthook is sys.__excepthook__,
            "warnings": [list(map(str, entry[:3])) for entry in warnings.filters[:3]],
            "trace": sys.gettrace() is None,
            "bytecode": sys.dont_write_bytecode,
            "optimize": __debug__,
        }

    @task
    def variables():
        """What is more and less than in the environment of whoever started the system."""
        inherited = set(os.environ["SEMANTICS_INHERITED"].split(","))
        ours = ("AIRFLEET", "AIRFLOW_HOME", "AIRFLOW_CONFIG", "AIRFLOW__", "PYTHON", "SPT_", "MALLOC", "SEMANTICS_INH")
        more = {name: value for name, value in os.environ.items() if name not in inherited}
        return {
            "more": {name: value for name, value in sorted(more.items()) if not name.startswith(ours)},
            "less": sorted(name for name in inherited - set(os.environ) if not name.startswith(ours)),
        }

    @task
    def airflow_variables():
        return [name for name in sorted(os.environ) if name.startswith(("AIRFLOW_CTX", "AIRFLOW_VAR", "AIRFLOW_CONN"))]

    @task
    def changes(value):
        """Leaves everything other than it was; the next process must not see it."""
        seen = {
            "module": dict(MODULE_STATE),
            "environment": os.environ.get("CHANGED_BY_A_TASK"),
            "cwd": os.getcwd(),
            "signal": str(signal.getsignal(signal.SIGUSR1)),
            "level": logging.getLogger().level,
            "module loaded": "colorsys" in sys.modules,
            "path": "/changed/by/a/task" in sys.path,
            "umask": oct(os.umask(0o027)),
            "recursion": sys.getrecursionlimit(),
            "attribute": getattr(sys, "changed_by_a_task", None),
            "locale": locale.setlocale(locale.LC_ALL),
        }
        import colorsys

        MODULE_STATE["runs"] += 1
        os.environ["CHANGED_BY_A_TASK"] = "yes"
        os.chdir("/")
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        logging.getLogger().setLevel(logging.DEBUG)
        sys.path.insert(0, "/changed/by/a/task")
        sys.setrecursionlimit(5000)
        sys.changed_by_a_task = colorsys.__name__
        return seen

    @task
    def draws(value):
        import uuid

        return [random.random(), str(uuid.uuid4()), os.urandom(8).hex(), random.SystemRandom().random()]

    @task
    def are_different(drawn):
        drawn = list(drawn)
        return [len({row[column] for row in drawn}) == len(drawn) for column in range(4)]

    process(), signals(), streams(), open_descriptors(), python(), variables(), airflow_variables()
    changes.expand(value=[1, 2, 3, 4])
    are_different(draws.expand(value=[1, 2, 3, 4]))
