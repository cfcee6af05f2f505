"""Every benchmark, or those that are named: ``PYTHONPATH=tests python benchmarks/run.py [NAME …] [-- option …]``.

Each prints a table and writes ``benchmarks/results/<name>.json``. Run them on a machine that does nothing else.
Options go to ``task_path`` alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import provenance
from measuring import RESULTS, machine, write

HERE = Path(__file__).resolve().parent
BENCHMARKS: dict[str, list[str]] = {
    "cli_start": [],
    "start_and_idle": [],
    "parse_cost": ["--json", str(RESULTS / "parse_cost.json")],
    "memory": [],
    "small_box": [],
    "capacity": [],
    "edit_visible": [],
    "many_files": [],
    "releases": ["--others"],
    "task_path": [],
}


def main(arguments: list[str]) -> int:
    """Run them one after the other; the exit code is that of the first that failed."""
    names, options = _split(arguments)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or BENCHMARKS:
        print(f"== {name}", flush=True)
        given = BENCHMARKS[name] + (options if name == "task_path" else [])
        code = subprocess.run([sys.executable, HERE / f"{name}.py", *given], check=False).returncode
        if code:
            return code
        say_where(RESULTS / f"{name}.json")
    return 0


def say_where(path: Path) -> None:
    """Add the machine and the versions to a result that does not say them."""
    figures = json.loads(path.read_text())
    if "machine" not in figures:
        write(path, {"machine": machine(), "code": provenance.code(path.stem), **figures})


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
