"""Which code a figure was measured with, and whether that code has changed since.

A result carries the commit, for people, and a digest of the source files that it depends on, for `make docs`: a figure
whose files differ today is marked in every page that shows it.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
SRC = "src/airfleet"
#: behind a figure of which the code has changed since
MARK = " ‡"
#: the processes that a task goes through
TASK_PATH = (
    f"{SRC}/api_server",
    f"{SRC}/log_server",
    f"{SRC}/metadata",
    f"{SRC}/monitor",
    f"{SRC}/scheduler",
    f"{SRC}/spool",
    f"{SRC}/system",
    f"{SRC}/task_process",
    f"{SRC}/triggerer",
    f"{SRC}/worker",
)
#: the processes of which each host has one
EACH_HOST = (f"{SRC}/agent", f"{SRC}/zygote")
#: result -> files and folders whose change may change its figures
DEPENDS_ON: Mapping[str, tuple[str, ...]] = {
    "capacity": (*EACH_HOST, f"{SRC}/fleet", *TASK_PATH, "benchmarks/capacity.py"),
    "cli_start": (f"{SRC}/cli", f"{SRC}/client", f"{SRC}/errors.py", f"{SRC}/__init__.py", "benchmarks/cli_start.py"),
    "commits": ("benchmarks/commits.py",),
    "edit_visible": (
        f"{SRC}/dag_processor",
        f"{SRC}/pipelines",
        f"{SRC}/scheduler/agenda.py",
        f"{SRC}/scheduler/job_runner.py",
        f"{SRC}/scheduler/run_choice.py",
        "benchmarks/edit_visible.py",
    ),
    "faults": (*EACH_HOST, f"{SRC}/fleet", *TASK_PATH),
    "faults of others": ("tests/faultlab/systems/stock_airflow.py", "tests/faultlab/systems/stock_system.py"),
    "lightning": ("examples/lightning", *TASK_PATH, "benchmarks/lightning.py"),
    "long_tests": (f"{SRC}", "tests"),
    "many_files": (f"{SRC}/pipelines", "benchmarks/many_files.py"),
    "memory": (*TASK_PATH, *EACH_HOST, "benchmarks/memory.py"),
    "parse_cost": (f"{SRC}/pipelines", f"{SRC}/yaml", "benchmarks/parse_cost.py"),
    "releases": (
        f"{SRC}/agent/releases",
        f"{SRC}/cli/commands/releases",
        f"{SRC}/dag_processor",
        f"{SRC}/releases",
        "benchmarks/releases.py",
    ),
    "soak": (*TASK_PATH, *EACH_HOST, "benchmarks/soak.py"),
    "small_box": (*EACH_HOST, f"{SRC}/fleet", f"{SRC}/dag_processor", *TASK_PATH, "benchmarks/small_box.py"),
    "start_and_idle": (*EACH_HOST, f"{SRC}/fleet", *TASK_PATH, "benchmarks/start_and_idle.py"),
    "task_path": (*TASK_PATH, f"{SRC}/fleet", "benchmarks/systems", "benchmarks/workloads.py"),
    "task_path of others": ("benchmarks/systems", "benchmarks/workloads.py"),
}


@cache
def code(name: str) -> str:
    """Give the digest of the files that this result depends on, as they are now."""
    return digest((path, (REPOSITORY / path).read_bytes()) for path in sorted(_files(DEPENDS_ON[name])))


def digest(files: Iterable[tuple[str, bytes]]) -> str:
    """Digest names and contents, in the order given."""
    found = hashlib.sha256()
    for name, content in files:
        found.update(f"{name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()[:12]


def depends(name: str, system: str) -> str:
    """Name what a result of one of the compared systems depends on; the code of airfleet is not among it."""
    return name if system.startswith("airfleet") else f"{name} of others"


def commit() -> str:
    """Name the commit that is checked out; ``+`` when files differ from it, empty without git."""
    found = _git("rev-parse", "--short=9", "HEAD")
    return f"{found}+" if found and _git("status", "--porcelain", "--untracked-files=no") else found


def mark(name: str, measured: Mapping[str, Any]) -> str:
    """Give the mark of a figure whose code has changed since, or is not known."""
    return "" if measured.get("code") == code(name) else MARK


def _files(places: Iterable[str]) -> Iterable[str]:
    for place in places:
        path = REPOSITORY / place
        for file in (*path.rglob("*.py"), *path.rglob("*.sql")) if path.is_dir() else (path,):
            yield file.relative_to(REPOSITORY).as_posix()


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
