"""Every benchmark, or those that are named: ``python benchmarks/run.py [NAME …]``.

Each prints a table and writes ``benchmarks/results/<name>.json``. Run them on a machine that does nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measuring import RESULTS, machine

HERE = Path(__file__).resolve().parent
BENCHMARKS = {
    "cli_start": [],
    "start_and_idle": [],
    "parse_cost": ["--json", str(RESULTS / "parse_cost.json")],
}


def main(names: list[str]) -> int:
    """Run them one after the other; the exit code is that of the first that failed."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or BENCHMARKS:
        print(f"== {name}", flush=True)
        code = subprocess.run([sys.executable, HERE / f"{name}.py", *BENCHMARKS[name]], check=False).returncode
        if code:
            return code
        say_where(RESULTS / f"{name}.json")
    return 0


def say_where(path: Path) -> None:
    """Add the machine and the versions to a result that does not say them."""
    figures = json.loads(path.read_text())
    path.write_text(json.dumps({"machine": machine()} | figures, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
