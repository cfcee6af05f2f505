"""A fleet whose tasks do what a run asks for, in YAML and in Python, to test how tasks are kept apart."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airfleet.drill.waiting import wait_until
from airfleet.events import Event
from airfleet.testing.fleet import FleetUnderTest

FLEET = """\
name: acting
triggerer: false
workers: [{name: worker, slots: 2, memory: 800MB}]
"""

DECLARED = """\
dag_id: declared
schedule: null
start_date: 2026-01-01
tasks:
  - {id: act, uses: "acting:act"}
"""

WRITTEN = """\
from pathlib import Path

import acting
from airflow.sdk import DAG, task

DATA = (Path(__file__).parent / "data.txt").read_text().strip()

with DAG("written", schedule=None):

    @task(task_id="act")
    def act(dag_run=None, ti=None):
        attempt = {"kind": type(ti).__module__, "fields": list(ti.task.template_fields)}
        return {**acting.act(dag_run), "data": DATA, "attempt": attempt}

    act()
"""

#: What does more than define a Dag while it is read: each of its tasks must see it done anew.
ASKING = """\
import logging

from airflow.sdk import DAG, Variable, task

CITY = Variable.get("city", default="none")
print(f"printed while read: {CITY}")
logging.getLogger("asking").warning("logged while read: %s", CITY)

with DAG("asking", schedule=None):

    @task(task_id="act")
    def act():
        return CITY

    act()
"""

ACTING = '''\
"""What tasks do here, and what they find."""

import ctypes
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy

VERSION = 1
STATE = []
SIGNALS = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGHUP)


def act(dag_run):
    """Do what the run asks for, and tell what was there before."""
    found = tell()
    word, _, rest = dag_run.conf["do"].partition(" ")
    globals()[word](rest)
    return found


def nothing(_):
    pass


def tell():
    return {
        "version": VERSION,
        "state": list(STATE),
        "environment": os.environ.get("ACTING"),
        "folder": os.getcwd(),
        "handlers": [str(signal.getsignal(number)) for number in SIGNALS],
        "threads": threading.active_count(),
        "mask": str(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "umask": umask(),
        "recursion": sys.getrecursionlimit(),
        "path": len(sys.path),
        "files": sum("spoilt" in link for link in links()),
        "open": sorted(set(links())),
        "random": [random.random(), float(numpy.random.rand())],
        "pid": os.getpid(),
        "parent": os.getppid(),
    }


def umask():
    before = os.umask(0)
    os.umask(before)
    return before


def links():
    for number in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{number}")
        except OSError:
            pass


def spoil(folder):
    STATE.append("spoilt")
    os.environ["ACTING"] = "spoilt"
    for number in SIGNALS:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
    os.umask(0o777)
    sys.setrecursionlimit(5000)
    sys.path.append(folder)
    STATE.append(open(Path(folder) / "spoilt", "w"))
    random.seed(1)
    numpy.random.seed(1)
    os.chdir(folder)
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    subprocess.Popen(["sleep", "3"])


def wait(folder):
    """Say so, and go on when told to."""
    print("said on stdout", flush=True)
    print("said on stderr", file=sys.stderr, flush=True)
    logging.getLogger("acting").info("said in the log")
    draft = Path(folder) / "draft"
    draft.write_text(f"{os.getpid()} {os.getppid()}")
    draft.rename(Path(folder) / "waiting")
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)


def leave(code):
    os._exit(int(code))


def kill(name):
    os.kill(os.getpid(), signal.Signals[name])


def crash(_):
    ctypes.string_at(0)


def eat(megabytes):
    return len(b"x" * (int(megabytes) * 2**20))
'''

FILES = {
    "pipelines/declared.yaml": DECLARED,
    "pipelines/written.py": WRITTEN,
    "pipelines/data.txt": "one\n",
    "pipelines/asking.py": ASKING,
    "acting.py": ACTING,
}


@dataclass(frozen=True)
class Act:
    """A run of one of the Dags, of one task each."""

    fleet: FleetUnderTest
    dag: str
    run: str

    def state(self) -> str:
        """Wait for its end."""
        return self.fleet.wait_for_run(self.dag, self.run)

    def instance(self) -> dict[str, Any]:
        found: dict[str, Any] = self.fleet.api.get("dags", self.dag, "dagRuns", self.run, "taskInstances", "act")
        return found

    def found(self) -> Any:
        """Give the return value of the task."""
        assert self.state() == "success", self.log()
        way = ("dags", self.dag, "dagRuns", self.run, "taskInstances", "act", "xcomEntries", "return_value")
        return self.fleet.api.get(*way, stringify="false")["value"]

    def log(self) -> str:
        """Give the task's log as the API gives it, one line a message with all that is known of it."""
        way = ("dags", self.dag, "dagRuns", self.run, "taskInstances", "act", "logs", 1)
        answer = self.fleet.api.get(*way, full_content="true")
        return "\n".join(json.dumps(line) for line in answer["content"])


@dataclass(frozen=True)
class Waiting(Act):
    """A run whose task waits until it is told to go on."""

    folder: Path

    @property
    def pids(self) -> tuple[int, int]:
        """The attempt's process, and the one that has forked it."""
        wait_until((self.folder / "waiting").exists, 60, "the task waits", pause_seconds=0.02)
        pid, parent = map(int, (self.folder / "waiting").read_text().split())
        return pid, parent

    def go_on(self) -> None:
        (self.folder / "go").touch()


@dataclass(frozen=True)
class Acting:
    """The fleet and what can be asked of it."""

    fleet: FleetUnderTest

    def act(self, dag: str, do: str = "nothing") -> Act:
        """Start a run."""
        return Act(self.fleet, dag, self.fleet.trigger(dag, {"do": do}))

    def waiting(self, dag: str, folder: Path) -> Waiting:
        """Start a run whose task waits."""
        return Waiting(self.fleet, dag, self.fleet.trigger(dag, {"do": f"wait {folder}"}), folder)

    def seconds_in_slot(self) -> list[float]:
        """Tell for how long each task that has ended held its slot, by the worker's log."""
        log = (self.fleet.paths.logs / "worker.log").read_text(errors="replace")
        return [float(found) for found in re.findall(r"succeeded in ([0-9.e-]+)s", log)]

    def is_limited(self) -> bool:
        """Tell whether the kernel keeps the worker's limit of memory here; the agent's log says so where it cannot."""
        return Event.LIMITS_IMPOSSIBLE.name.lower() not in (self.fleet.paths.logs / "agent.log").read_text()

    def processes(self, title: str) -> list[int]:
        """Processes of the fleet whose title has these words."""
        return [pid for pid in self.fleet.pids() if title in _title(pid)]


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def parent(pid: int) -> int:
    """Give the process that has started this one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@contextmanager
def acting_fleet(fleet_yaml: str = FLEET) -> Iterator[Acting]:
    """Give the fleet, healthy, with its Dags known."""
    os.umask(0o022)
    with FleetUnderTest.make(fleet_yaml, FILES) as fleet:
        fleet.start()
        for dag in ("declared", "written", "asking"):
            fleet.wait_for_dag(dag)
        yield Acting(fleet)
