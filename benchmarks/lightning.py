"""The engines of examples/lightning on a year of made-up tiles: rows a second and memory.

``make .venv-lightning/.installed``, then ``.venv-core/bin/python benchmarks/lightning.py [--rows 10000000]``.
Every step is a process of its own, as in the pipeline; the memory is that of it and everything below it, pages
that they share counted once. Both engines must give the same results, file by file.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from measuring import pss_mb, report, spread, tree

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = REPOSITORY / "examples" / "lightning"
BIN = REPOSITORY / ".venv-lightning" / "bin"
YEAR = 2023
NOTES = (
    "One year of made-up tiles in NCEI's format. `unpack` reads the gzip file and checks that it is whole; the engines "
    "read its rows, check them, and write strikes per day, month and tile. Spark is local[2] with a driver of 1 GB, "
    "DuckDB has two threads and 512 MB. Spark's time holds the start of Java."
)
UNPACK = "from lightning import intake; intake.take(Path({source!r}), Path({raw!r}), NCEI)"
DUCK = "from lightning import duck; duck.aggregate(Path({raw!r}), Path({out!r}), NCEI, {year})"
BEFORE = "from pathlib import Path; from lightning.tiles import NCEI; "
JAVA = "import os; from pathlib import Path; from lightning import java; print(java.home(os.environ, Path({folder!r})))"
RESULTS = ("daily", "monthly", "tiles")


@dataclass(frozen=True)
class Used:
    """What a step took."""

    seconds: float
    peak_mb: float


def main() -> None:
    """Make the file, run every step some times, and report."""
    parser = argparse.ArgumentParser(description="The engines of examples/lightning.")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airfleet-bench-") as folder:
        steps = measured(Path(folder), options.rows, options.repeats)
    figures = {
        name: {"seconds": spread([one.seconds for one in used]), "peak_mb": round(max(one.peak_mb for one in used))}
        for name, used in steps.items()
    }
    rows = [
        (name, *_cells(options.rows, min(one.seconds for one in used), max(one.peak_mb for one in used)))
        for name, used in steps.items()
    ]
    head = ("step", "seconds", "rows a second", "peak memory, MB")
    report("lightning", {"rows": options.rows, "steps": figures}, head, rows, NOTES)


def measured(folder: Path, rows: int, repeats: int) -> dict[str, list[Used]]:
    """The steps, each as often as asked for."""
    environ = {**os.environ, "PYTHONPATH": str(EXAMPLE)}
    source, raw = folder / f"nldn-tiles-{YEAR}.csv.gz", folder / "raw.csv"
    duck_out, spark_out = folder / "duckdb", folder / "spark"
    python = str(BIN / "python")
    generate = [python, "-m", "lightning.sample", "--rows", str(rows), "--years", str(YEAR), "--out", str(folder)]
    used = {"generate": [run(generate, environ)]}
    unpack = [python, "-c", BEFORE + UNPACK.format(source=str(source), raw=str(raw))]
    used["unpack"] = [run(unpack, environ) for _ in range(repeats)]
    duck = [python, "-c", BEFORE + DUCK.format(raw=str(raw), out=str(duck_out), year=YEAR)]
    used["duckdb"] = [run(duck, environ) for _ in range(repeats)]
    spark, spark_environ = spark_step(folder, raw, spark_out, environ)
    used["spark"] = [run(spark, spark_environ) for _ in range(repeats)]
    for name in RESULTS:
        _same(duck_out / name, spark_out / name)
    return used


def spark_step(folder: Path, raw: Path, out: Path, environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Spark's command and environment."""
    asked = [str(BIN / "python"), "-c", JAVA.format(folder=str(folder))]
    home = subprocess.run(asked, env=dict(environ), check=True, capture_output=True, text=True).stdout.strip()
    settings = {"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "4", "spark.local.dir": str(folder)}
    options = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    job = [str(EXAMPLE / "lightning" / "spark_job.py"), str(raw), str(out), "ncei", str(YEAR)]
    command = [str(BIN / "spark-submit"), "--master", "local[2]", "--driver-memory", "1g", *options, *job]
    path = os.pathsep.join((str(BIN), f"{home}/bin", environ.get("PATH", os.defpath)))
    return command, {**environ, "JAVA_HOME": home, "PATH": path, "PYSPARK_PYTHON": str(BIN / "python")}


def run(command: Sequence[str], environ: Mapping[str, str]) -> Used:
    """Run a command to its end, and watch its memory."""
    print("+", shlex.join(command)[:110], flush=True)
    began, peaks, ended = time.perf_counter(), [0.0], threading.Event()
    with subprocess.Popen(
        command, env=dict(environ), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:

        def watch() -> None:
            while not ended.wait(0.2):
                peaks.append(pss_mb(tree(process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, errors = process.communicate()
        seconds = time.perf_counter() - began
        ended.set()
        watcher.join()
    if process.returncode:
        sys.exit(errors[-4000:])
    return Used(round(seconds, 2), max(peaks))


def _same(one: Path, other: Path) -> None:
    (first,), (second,) = (sorted(folder.glob("*.csv")) for folder in (one, other))
    if not filecmp.cmp(first, second, shallow=False):
        sys.exit(f"the engines do not agree on {one.name}")


def _cells(rows: int, seconds: float, peak_mb: float) -> tuple[str, str, str]:
    return f"{seconds:.1f}", f"{rows / seconds:,.0f}", f"{peak_mb:,.0f}"


if __name__ == "__main__":
    main()
