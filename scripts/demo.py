"""The demonstration: a fleet, a file server with samples, and two pipelines run to their end.

::

    start    file server ──> airfleet up -d ──> airfleet trigger (each job) ──> where the results are
    stop     airfleet down, then the file server

Everything is found again by a second ``start``: a file server that still answers is used, a fleet
that is up is left as it is. ``stop`` may be called at any time, and twice.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
EXAMPLE = REPOSITORY / "examples" / "air_quality"
PLACE = REPOSITORY / "build" / "demo"
RESULTS = PLACE / "results"
#: job of the example -> the folder of its results, as its pipeline file says
JOBS = {
    "epa_aqs_ozone_daily_summary": "air-quality/epa_aqs/ozone_daily_summary",
    "noaa_global_summary_of_day": "air-quality/noaa/global_summary_of_day",
}


@dataclass(frozen=True)
class Server:
    """The file server: its process, when that began (a pid alone may be another's by now), its address."""

    pid: int
    began: str
    url: str


def main() -> int:
    """Do what the command line says; the exit code is that of the first command that failed."""
    parser = argparse.ArgumentParser(description="Start or stop the demonstration.")
    parser.add_argument("what", choices=["start", "stop"])
    if parser.parse_args().what == "stop":
        return stop()
    try:
        return start()
    except KeyboardInterrupt:
        print("interrupted; make stop ends what was started", file=sys.stderr)
        return 130


def start() -> int:
    """Bring everything up, run the jobs, and say where things are."""
    PLACE.mkdir(parents=True, exist_ok=True)
    server = running() or serve()
    say(f"the sample archives are served at {server.url}")
    if code := airfleet("up", "-d", "--wait", "--timeout", "5m"):
        return code
    for job in JOBS:
        say(f"\nrunning {job}_job")
        options = ["--param", f"source={server.url}", "--param", f"output={RESULTS}", "--param", "min_chunksize=1000"]
        if code := airfleet("trigger", f"{job}_job", "--unpause", "--wait", "--timeout", "10m", *options):
            return code
    tell_results()
    return 0


def stop() -> int:
    """End the fleet and the file server."""
    code = airfleet("down")
    server = running()
    if server is not None:
        end(server)
        say("the file server is stopped")
    return code


def tell_results() -> None:
    """Where the results are, and what to do next."""
    say("\nresults")
    for job, folder in JOBS.items():
        chunks = sorted((RESULTS / folder).rglob("*.parquet"))
        size = sum(chunk.stat().st_size for chunk in chunks)
        say(f"  {job}: {len(chunks)} Parquet files, {size / 1000:.0f} kB")
        say(f"    {shown(RESULTS / folder)}")
        say(f"    {shown(RESULTS / folder / 'chart.png')}")
    say("\nthe fleet goes on")
    airfleet("status")
    say("\n  make demo   runs the two pipelines again, on the fleet that is up\n  make stop   ends it")


def airfleet(*arguments: str) -> int:
    """Run an airfleet command on the example; its exit code."""
    command = [sys.executable, "-m", "airfleet.cli", "--project", str(EXAMPLE), *arguments]
    return subprocess.run(command, check=False).returncode


# --- the file server -----------------------------------------------------------------------------


def serve() -> Server:
    """Start a file server for the samples and remember it.

    It gets the port that it had before, if that is free: runs that are still to be done know its address.
    """
    server = _serve(_port_before()) or _serve(0)
    if server is None:
        sys.exit(f"the file server did not start; {shown(PLACE / 'server.log')} says why")
    record().write_text(json.dumps(asdict(server)))
    return server


def _serve(port: int) -> Server | None:
    with (PLACE / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "air_quality.serve", "--dir", str(EXAMPLE / "data"), "--port", str(port)],
            cwd=EXAMPLE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    return Server(process.pid, began(process.pid) or "", url) if url else None


def _port_before() -> int:
    server = remembered()
    return int(server.url.rpartition(":")[2]) if server else 0


def running() -> Server | None:
    """The file server of an earlier start, if it still answers."""
    server = remembered()
    if server is None or began(server.pid) != server.began:
        return None
    try:
        with urllib.request.urlopen(server.url, timeout=5):
            return server
    except OSError:
        return None


def remembered() -> Server | None:
    """The file server of the last start, whether it still runs or not."""
    try:
        return Server(**json.loads(record().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def end(server: Server, patience_seconds: float = 5.0) -> None:
    """Ask the server to end, and end it by force when it does not."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience_seconds
        while began(server.pid) == server.began and time.monotonic() < deadline:
            os.kill(server.pid, sign)
            time.sleep(0.05)


def began(pid: int) -> str | None:
    """When a process began, in the kernel's own count; None when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def record() -> Path:
    """The file in which the server is remembered."""
    return PLACE / "server.json"


def say(line: str) -> None:
    """One line for the person, in order with what the commands print."""
    print(line, flush=True)


def shown(path: Path) -> str:
    """A path as a person in the repository would write it."""
    return str(path.relative_to(REPOSITORY))


if __name__ == "__main__":
    sys.exit(main())
