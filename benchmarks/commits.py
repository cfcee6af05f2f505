"""Two commits of airfleet in turn on one machine: does a change make anything slower?

    PYTHONPATH=tests python benchmarks/commits.py OLDER [--newer HEAD] [--rounds 3] [--settle 60] [--idle 30]

Each commit is cloned and gets an environment of its own from its own locks. A round measures both, one after the
other, the older one first in every second round; a figure is the median of all rounds, beside its extremes. The tasks
are those of each commit's own ``task_path.py``, so they take the files and the settings of that commit; everything
else goes through the command line, which both have.

A difference counts as noise when the spans of both commits overlap.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dag_files import HELPER, pipeline_files
from measuring import report, spread
from start_and_idle import idle
from workloads import Workload, chain

REPOSITORY = Path(__file__).resolve().parents[1]
#: files that ``airfleet check`` reads, ten tasks in each
FILES = 1000
START_SECONDS = 300
NOTES = """\
Ratio: newer by older, of medians. "noise": the spans of both overlap. Chain and fan-out: 16 slots, wall time. Idle
memory: PSS of every process of a fleet with one small pipeline."""


@dataclass(frozen=True)
class Figure:
    """One thing that is measured; ``unit`` is written behind its numbers."""

    title: str
    unit: str


FIGURES: Mapping[str, Figure] = {
    "chain40": Figure("a chain of 40 small tasks", "s"),
    "fanout100": Figure("a fan-out of 100 tasks that do nothing", "s"),
    "start": Figure("start to healthy, warm database", "s"),
    "idle_pss": Figure("idle memory of all processes", "MB"),
    "help": Figure("`airfleet --help`", "s"),
    "check": Figure(f"`airfleet check` of {FILES:,} files", "s"),
}


@dataclass(frozen=True)
class Clone:
    """A commit with its environment."""

    commit: str
    folder: Path

    @property
    def bin(self) -> Path:
        return self.folder / ".venv-core" / "bin"

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run ``airfleet`` of this commit; its output. Raises CalledProcessError."""
        return subprocess.run(
            [self.bin / "airfleet", *arguments], cwd=cwd, env=_environment(), check=True, capture_output=True, text=True
        ).stdout


def main() -> None:
    """Measure both in turn and report."""
    parser = argparse.ArgumentParser(description="Two commits of airfleet in turn on one machine.")
    parser.add_argument("older")
    parser.add_argument("--newer", default="HEAD")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settle", type=float, default=60, help="seconds before idle memory is measured")
    parser.add_argument("--idle", type=float, default=30, help="seconds for which the fleet is left alone then")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airfleet-commits-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
        clones = [_clone(commit, Path(scratch, name)) for name, commit in (("o", options.older), ("n", options.newer))]
        found: dict[str, list[dict[str, float]]] = {clone.commit: [] for clone in clones}
        for number in range(options.rounds):
            for clone in clones if number % 2 == 0 else clones[::-1]:
                print(f"== round {number + 1}, commit {clone.commit}", flush=True)
                found[clone.commit].append(_round(clone, Path(scratch), options))
                print(f"   {found[clone.commit][-1]}", flush=True)
    older, newer = (of_rounds(found[clone.commit]) for clone in clones)
    names = [clone.commit for clone in clones]
    report("commits", {"commits": names, "older": older, "newer": newer}, head(names), rows(older, newer), NOTES)


def of_rounds(rounds: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Figure -> median, least and most of all rounds.

    >>> of_rounds([{"help": 1.0}, {"help": 3.0}])["help"]["median"]
    2.0
    """
    return {name: spread([one[name] for one in rounds]) for name in rounds[0]}


def head(commits: Sequence[str]) -> tuple[str, ...]:
    """The head of the table."""
    return ("", *commits, "ratio", "")


def rows(older: Mapping[str, Mapping[str, float]], newer: Mapping[str, Mapping[str, float]]) -> list[tuple[str, ...]]:
    """A row for each figure: both commits, the ratio of their medians, and a word about it."""
    return [
        (
            FIGURES[name].title,
            _cell(before, FIGURES[name].unit),
            _cell(after, FIGURES[name].unit),
            f"{after['median'] / before['median']:.2f}",
            verdict(before, after),
        )
        for name, before, after in ((name, older[name], newer[name]) for name in older)
    ]


def verdict(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Whether a figure differs by more than its own spread.

    >>> verdict({"min": 1.0, "max": 2.0}, {"min": 1.9, "max": 3.0})
    'noise'
    >>> verdict({"min": 1.0, "max": 2.0}, {"min": 2.1, "max": 3.0})
    'more'
    """
    if after["min"] > before["max"]:
        return "more"
    return "less" if after["max"] < before["min"] else "noise"


def _cell(of: Mapping[str, float], unit: str) -> str:
    digits = 0 if unit == "MB" else 2
    return f"{of['median']:.{digits}f} {unit} ({of['min']:.{digits}f}–{of['max']:.{digits}f})"


def _clone(commit: str, folder: Path) -> Clone:
    """Bring a commit and its environment to ``folder``."""
    _call(("git", "clone", "--quiet", "--no-checkout", str(REPOSITORY), str(folder)))
    _call(("git", "-C", str(folder), "checkout", "--quiet", _full_name(commit)))
    _call(("make", "--silent", "-C", str(folder), ".venv-core/.installed"))
    return Clone(_full_name(commit)[:9], folder)


def _full_name(commit: str) -> str:
    named = ("git", "-C", str(REPOSITORY), "rev-parse", "--verify", f"{commit}^{{commit}}")
    return subprocess.run(named, check=True, capture_output=True, text=True).stdout.strip()


def _call(command: Iterable[str]) -> None:
    done = subprocess.run([*command], check=False, capture_output=True, text=True, env=_environment())
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _round(clone: Clone, scratch: Path, options: argparse.Namespace) -> dict[str, float]:
    """Every figure once."""
    with tempfile.TemporaryDirectory(prefix="round-", dir=scratch, ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o755)
        return {
            **_tasks(clone, Path(place)),
            **_fleet(clone, Path(place), options),
            "help": _fastest(clone, ("--help",), Path(place)),
            "check": _fastest(clone, ("check",), _many_files(clone, Path(place)), times=1),
        }


def _tasks(clone: Clone, place: Path) -> dict[str, float]:
    """Seconds of both workloads, by the commit's own benchmark."""
    workloads = ("chain40", "fanout100")
    environment = {**_environment(), "BENCH_RESULTS": str(place), "PYTHONPATH": "tests"}
    options = ("--systems", "airfleet_yaml", "--workloads", " ".join(workloads), "--repeats", "3")
    command = (str(clone.bin / "python"), "benchmarks/task_path.py", *options)
    subprocess.run(command, cwd=clone.folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    slots: Mapping[str, Any] = json.loads((place / "task_path.json").read_text())["slots"]
    measured = next(iter(slots.values()))["airfleet_yaml"]["workloads"]
    return {name: measured[name]["median"]["wall_s"] for name in workloads}


def _fleet(clone: Clone, place: Path, options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a start with a warm database, and what the fleet uses when nothing is to be done."""
    project = place / "fleet"
    clone.run("init", str(project))
    up = ("--project", str(project), "up", "-d", "--wait", "--timeout", f"{START_SECONDS}s")
    down = ("--project", str(project), "down")
    clone.run(*up)
    clone.run(*down)
    began = time.perf_counter()
    try:
        clone.run(*up)
        taken = time.perf_counter() - began
        agent = int(json.loads(clone.run("--project", str(project), "status", "-o", "json"))["pid"])
        return {"start": taken, "idle_pss": idle(agent, options.settle, options.idle)["idle_pss_mb"]}
    finally:
        clone.run(*down)


def _many_files(clone: Clone, place: Path) -> Path:
    """A project with many pipelines."""
    project = place / "many"
    clone.run("init", str(project))
    texts = pipeline_files(Workload("many", "files of ten tasks", chain(10), dags=FILES))
    for name, text in {HELPER.name: HELPER.read_text(), **texts}.items():
        (project / "pipelines" / name).write_text(text)
    return project


def _fastest(clone: Clone, arguments: Sequence[str], folder: Path, times: int = 5) -> float:
    """Seconds of a command, the least of some times after one unmeasured."""
    taken = []
    for _ in range(times + 1):
        began = time.perf_counter()
        clone.run(*arguments, cwd=folder)
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def _environment() -> dict[str, str]:
    """The environment without what belongs to another fleet or to another Python."""
    own = ("AIRFL", "_AIRFLOW", "BENCH_", "MAKE", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


if __name__ == "__main__":
    main()
