"""The clouds and the database on this machine: ``python -m lightning.clouds [--years 2022 2023] [-- COMMAND ...]``.

Starts emulators of BigQuery, Google Cloud Storage and S3 and a PostgreSQL on free loopback ports, fills
BigQuery with made-up tiles, and runs COMMAND with the connections to them, or without one prints them and
waits for Ctrl-C. All are stopped again, and their files removed.

The emulators have an environment of their own (``make .venv-emulators/.installed``), because they want
other versions of what they share with the pipeline; ``LIGHTNING_EMULATORS`` is its Python.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airfleet.drill.waiting import wait_until
from airfleet.testing.lifetime import Startable
from airfleet.testing.ports import free_ports
from airfleet.testing.servers import Servers
from lightning import sample
from lightning.errors import CloudError
from lightning.tiles import BIGQUERY

PROJECT, DATASET, BUCKET = "local", "noaa_lightning", "lightning"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
#: a folder below the storage emulator's own
_BUCKETS = ".cloudstorage"
_EXTENSION = """
import pathlib, duckdb_extension_spatial as package
print(next(pathlib.Path(package.__file__).parent.rglob("*.duckdb_extension")))
"""
_FIELDS = [("date", "DATE"), ("number_of_strikes", "INTEGER"), ("center_point_geom", "GEOGRAPHY")]


@dataclass
class Clouds(Startable):
    """The emulators, while they run; their files are below ``folder``."""

    folder: Path
    python: Path
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list, repr=False)
    _ports: tuple[int, ...] = ()

    @property
    def bigquery(self) -> str:
        """The address of BigQuery."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def gcs(self) -> str:
        """The address of Google Cloud Storage."""
        return f"http://127.0.0.1:{self._ports[2]}"

    @property
    def s3(self) -> str:
        """The address of S3."""
        return f"http://127.0.0.1:{self._ports[3]}"

    @property
    def buckets(self) -> Path:
        """The folder in which every bucket of Google Cloud Storage is a folder."""
        return self.folder / _BUCKETS

    def environment(self) -> dict[str, str]:
        """What tasks have in their environment to reach them."""
        google = {"conn_type": "google_cloud_platform", "extra": {"is_anonymous": True, "project": PROJECT}}
        keys = {"login": "local", "password": "local-secret"}
        amazon = {"conn_type": "aws", **keys, "extra": {"endpoint_url": self.s3, "region_name": "us-east-1"}}
        return {
            "LIGHTNING_S3": self.s3,
            "LIGHTNING_S3_SECRET": keys["password"],
            "BIGQUERY_EMULATOR_HOST": self.bigquery,
            "STORAGE_EMULATOR_HOST": self.gcs,
            "AIRFLOW_CONN_LIGHTNING_GOOGLE": json.dumps(google),
            "AIRFLOW_CONN_LIGHTNING_S3": json.dumps(amazon),
            "AIRFLOW_VAR_LIGHTNING_DATASET": f"{PROJECT}.{DATASET}",
            "AIRFLOW_VAR_LIGHTNING_GCS_BUCKET": BUCKET,
            "AIRFLOW_VAR_LIGHTNING_S3_BUCKET": BUCKET,
        }

    def start(self) -> None:
        """Start all of them and wait until they answer. Raises CloudError."""
        self._ports = tuple(free_ports(4))
        rest, grpc, gcs, s3 = map(str, self._ports)
        self.folder.mkdir(parents=True, exist_ok=True)
        programs = self.python.parent
        server = Path(__file__).with_name("gcs_server.py")
        self._begin("gcs", [str(self.python), str(server), str(self.folder), gcs, BUCKET])
        self._begin("s3", [str(programs / "moto_server"), "-H", "127.0.0.1", "-p", s3])
        bigquery = ["start", "--rest-port", rest, "--grpc-port", grpc, "--project", PROJECT, "--log-level", "warning"]
        self._begin("bigquery", [str(programs / "bqemulator"), *bigquery], self._bigquery_environment())
        for process, address in zip(self._started, (self.gcs, self.s3, f"{self.bigquery}/healthz"), strict=True):
            self._wait_for(process, address)
        _send(f"{self.s3}/{BUCKET}", None, "PUT")
        self._call("datasets", {"datasetReference": {"projectId": PROJECT, "datasetId": DATASET}})

    def stop(self) -> None:
        """End them."""
        for process in self._started:
            process.terminate()
        for process in self._started:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._started.clear()

    def fill(self, year: int, rows: int, seed: int) -> Path:
        """Make the table of ``year`` in BigQuery, with made-up tiles; the file with the same rows."""
        path = sample.write(self.buckets / BUCKET / "extract", year, rows, seed, BIGQUERY)
        self.load(year, path)
        return path

    def load(self, year: int, path: Path) -> None:
        """Let the table of ``year`` hold the rows of ``path``, which lies in a bucket."""
        reference = {"projectId": PROJECT, "datasetId": DATASET, "tableId": f"lightning_{year}"}
        fields = [{"name": name, "type": kind} for name, kind in _FIELDS]
        job = {
            "sourceUris": [f"gs://{path.relative_to(self.buckets).as_posix()}"],
            "sourceFormat": "CSV",
            "skipLeadingRows": 1,
            "schema": {"fields": fields},
            "destinationTable": reference,
            "writeDisposition": "WRITE_TRUNCATE",
        }
        with contextlib.suppress(CloudError):  # it is there already
            self._call(f"datasets/{DATASET}/tables", {"tableReference": reference, "schema": {"fields": fields}})
        done = self._call("jobs", {"configuration": {"load": job}})
        if error := done["status"].get("errorResult"):
            raise CloudError(f"BigQuery's emulator does not take {path}: {error}")

    # --- below ---------------------------------------------------------------------------------------

    def _begin(self, name: str, command: Sequence[str], more: dict[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            environ = os.environ | (more or {})
            self._started.append(
                subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            )

    def _wait_for(self, process: subprocess.Popen[bytes], address: str) -> None:
        def answers() -> bool:
            if process.poll() is not None:
                raise CloudError(f"an emulator did not start; its log is in {self.folder}: {process.args!r}")
            try:
                _send(address, None)
            except (urllib.error.URLError, OSError) as error:
                return isinstance(error, urllib.error.HTTPError)
            return True

        wait_until(answers, START_SECONDS, f"{address} answers")

    def _bigquery_environment(self) -> dict[str, str]:
        """DuckDB looks for its extensions below the home folder, and would download them otherwise."""
        found = subprocess.run([self.python, "-c", _EXTENSION], capture_output=True, text=True, check=True)
        extension = Path(found.stdout.strip())
        machine = "linux_arm64" if os.uname().machine == "aarch64" else "linux_amd64"
        place = self.folder / "home" / ".duckdb" / "extensions" / extension.parent.name / machine / extension.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            place.symlink_to(extension)
        return {
            "HOME": str(self.folder / "home"),
            "BQEMU_GCS_LOCAL_ROOT": str(self.buckets),
            "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
        }

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = json.loads(_send(f"{self.bigquery}/bigquery/v2/projects/{PROJECT}/{path}", body))
        except urllib.error.HTTPError as error:
            raise CloudError(f"BigQuery's emulator: {error.read().decode(errors='replace')}") from error
        return answer


@contextlib.contextmanager
def database(folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL whose files are below ``folder``, while the block runs."""
    with Servers(folder) as servers:
        yield servers.database("lightning")


def emulators_python() -> Path:
    """The Python of the environment with the emulators.

    Raises:
        CloudError: there is none.
    """
    said = os.environ.get("LIGHTNING_EMULATORS")
    places = [Path(said)] if said else [up / ".venv-emulators/bin/python" for up in Path(__file__).resolve().parents]
    found = next((place for place in places if (place.parent / "bqemulator").exists()), None)
    if found is None:
        raise CloudError("the clouds' emulators are not installed: run 'make .venv-emulators/.installed' in the clone")
    return found


def connections(database_url: str) -> dict[str, str]:
    """The connections that do not lead to a cloud."""
    spark = json.dumps({"conn_type": "spark", "host": "local[2]"})
    return {"AIRFLOW_CONN_LIGHTNING_DB": database_url, "AIRFLOW_CONN_LIGHTNING_SPARK": spark}


def main(arguments: list[str] | None = None) -> int:
    """Start everything; the exit code of the command."""
    parser = argparse.ArgumentParser(prog="lightning.clouds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--years", type=int, nargs="+", default=[2022, 2023], help="tables to make")
    parser.add_argument("--rows", type=int, default=20_000, help="tiles a year")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-clouds", action="store_true", help="only the database: the pipeline reads local files")
    parser.add_argument("command", nargs="*", help="what to run; behind --")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="lightning-"))
    folder.chmod(0o755)  # the user that PostgreSQL runs as, when we are root, must reach its data
    try:
        with contextlib.ExitStack() as stack:
            environment = connections(stack.enter_context(database(folder / "servers")))
            if not options.no_clouds:
                clouds = stack.enter_context(Clouds(folder / "clouds", emulators_python()))
                environment |= clouds.environment()
                for year in options.years:
                    clouds.fill(year, options.rows, options.seed)
            return _use(environment, options.command)
    except CloudError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _use(environment: dict[str, str], command: list[str]) -> int:
    if command:
        return subprocess.run(command, env=os.environ | environment, check=False).returncode
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    print("# Ctrl-C stops them", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    return 0


def _send(address: str, body: dict[str, Any] | None, method: str | None = None) -> bytes:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json"} if body is not None else {}
    request = urllib.request.Request(address, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    sys.exit(main())
