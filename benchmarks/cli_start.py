"""How long a command takes until it has answered: ``airfleet`` beside ``airflow``.

    python benchmarks/cli_start.py [--repeats 10]

Both come from the environment of the Python that runs this. No fleet runs: ``status``, ``trigger`` and ``why`` find
that out. Each command is run once unmeasured, so that files are in the page cache and compiled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import report, spread

BIN = Path(sys.executable).parent
AIRFLEET = (("--help",), ("check",), ("status",), ("trigger", "hello"), ("why", "hello"))
AIRFLOW = (("--help",), ("version",))
NOTES = (
    "Wall time of one process from start to end, warm page cache. airflow's commands import Airflow, airfleet's do not."
)


def main() -> None:
    """Run every command some times and report."""
    parser = argparse.ArgumentParser(description="How long a command takes until it has answered.")
    parser.add_argument("--repeats", type=int, default=10)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="airfleet-bench-") as scratch:
        project = Path(scratch, "shop")
        environ = _environment(scratch)
        subprocess.run([BIN / "airfleet", "init", project], env=environ, check=True, capture_output=True)
        figures = {
            " ".join((program, *arguments)): measure([str(BIN / program), *arguments], project, environ, repeats)
            for program, lines in (("airfleet", AIRFLEET), ("airflow", AIRFLOW))
            for arguments in lines
        }
    rows = [
        (f"`{name}`", *(f"{taken[key]:.2f}" for key in ("median", "min", "max"))) for name, taken in figures.items()
    ]
    report("cli_start", {"commands": figures}, ("command", "median, s", "min", "max"), rows, NOTES)


def measure(command: list[str], folder: Path, environ: dict[str, str], repeats: int) -> dict[str, float]:
    """Seconds that the command takes."""
    taken = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(
            command, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        taken.append(time.perf_counter() - began)
    return spread(taken[1:])


def _environment(scratch: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFL", "_AIRFLOW"))}
    return kept | {"AIRFLOW_HOME": f"{scratch}/airflow", "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}


if __name__ == "__main__":
    main()
