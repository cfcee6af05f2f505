"""Code on its way to Airflow alone: bundles of git, and rsync by cron.

*git*: a push to a bare repository, which a bundle of Airflow's git provider follows. Its scheduler, dag-processor and
worker are told nothing and look: every 300 s by default, every second in the tuned one, which is as often as it can.
A run is triggered as soon as Airflow knows of the new version, so the time is that of an observer who misses nothing.
*rsync*: the folder of the worker is made equal to the author's each minute. Tasks read the file when they start, so
a run is triggered when the file is there. Edits come at moments spread over the minute.

Both run on one host, where nothing has to cross a network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from measuring import spread
from systems.stock import TUNED

from airfleet.drill.waiting import wait_until
from airfleet.fleet.components.postgres import SETTINGS
from airfleet.testing.servers import Servers
from faultlab.systems.stock_airflow import StockAirflow

REPOSITORY: Final = Path(__file__).resolve().parents[1]
PROVIDER: Final = REPOSITORY / ".venv-git-bundles"
PATIENCE_SECONDS: Final = 700.0
POLL_SECONDS: Final = 0.05
CRON_SECONDS: Final = 60.0
DAG: Final = """\
import json, os

from airflow.sdk import DAG
from airflow.providers.standard.operators.python import PythonOperator

def write():
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(json.dumps({edition!r}) + "\\n")

with DAG("ledger", description={edition!r}, schedule=None, is_paused_upon_creation=False):
    PythonOperator(task_id="write", python_callable=write)
"""
#: as often as it can look, beside the settings that help any load
TUNED_BUNDLES: Final[Mapping[str, Mapping[str, str]]] = {
    **TUNED,
    "dag_processor": {**TUNED["dag_processor"], "bundle_refresh_check_interval": "1", "parsing_processes": "2"},
}
GIT: Final = {
    "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@localhost",
}  # fmt: skip
_VERSION: Final = "bundle_version"


def git(edits: int, refresh_seconds: int | None = None) -> dict[str, object]:
    """Measure pushes to git; None is Airflow's own interval."""
    with TemporaryDirectory(prefix="bench-") as scratch:
        folder, ledger = _folder(scratch), Path(scratch, "ledger")
        clone = _repository(folder, {"dags/ledger.py": DAG.format(edition="0")})
        with _airflow(folder, ledger, _git_settings(folder, refresh_seconds)) as stock:
            stock.wait_for_dag("ledger", PATIENCE_SECONDS)
            taken = []
            for number in range(1, edits + 1):
                edition = str(number)
                before = stock.api.get("dags", "ledger")[_VERSION]
                began = time.perf_counter()
                _push(clone, {"dags/ledger.py": DAG.format(edition=edition)})
                _wait(_other_version(stock, before), "Airflow knows the version")
                taken.append(_until_written(stock, ledger, edition, began))
            return {"push_to_run": spread(taken)}


def rsync(edits: int) -> dict[str, object]:
    """Measure edits that cron and rsync bring each minute."""
    if shutil.which("rsync") is None:
        raise SystemExit("rsync is needed: apt-get install rsync")
    with TemporaryDirectory(prefix="bench-") as scratch:
        folder, ledger, ends = _folder(scratch), Path(scratch, "ledger"), threading.Event()
        source, target = folder / "author", folder / "dags"
        for place in (source, target):
            place.mkdir()
            (place / "ledger.py").write_text(DAG.format(edition="0"))
        with _airflow(folder, ledger, TUNED) as stock:
            stock.wait_for_dag("ledger", PATIENCE_SECONDS)
            cron = threading.Thread(target=_cron, args=(source, target, ends), daemon=True)
            cron.start()
            taken = []
            for number in range(1, edits + 1):
                time.sleep(CRON_SECONDS * number / (edits + 1) % CRON_SECONDS)
                text = DAG.format(edition=str(number))
                began = time.perf_counter()
                (source / "ledger.py").write_text(text)
                _wait(_has(target / "ledger.py", text), "the file is there")
                taken.append(_until_written(stock, ledger, str(number), began))
            ends.set()
            cron.join()
            return {"push_to_run": spread(taken)}


def _until_written(stock: StockAirflow, ledger: Path, edition: str, began: float) -> float:
    """Trigger a run, and give the seconds from the beginning to a line of this edition."""
    run = stock.trigger("ledger")
    _wait(lambda: ledger.exists() and json.dumps(edition) in ledger.read_text(), f"edition {edition} runs")
    taken = time.perf_counter() - began
    assert stock.wait_for_run("ledger", run) == "success"
    return taken


def _other_version(stock: StockAirflow, before: str) -> Callable[[], bool]:
    return lambda: stock.api.get("dags", "ledger")[_VERSION] != before


def _has(file: Path, text: str) -> Callable[[], bool]:
    return lambda: file.read_text() == text


def _wait(found: Callable[[], bool], what: str, pause: float = POLL_SECONDS) -> None:
    wait_until(found, PATIENCE_SECONDS, what, pause)


def _cron(source: Path, target: Path, ends: threading.Event) -> None:
    while not ends.wait(CRON_SECONDS - time.time() % CRON_SECONDS):
        subprocess.run(["rsync", "-a", "--delete", f"{source}/", f"{target}/"], check=True)


def _folder(scratch: str) -> Path:
    Path(scratch).chmod(0o755)  # embedded servers run as another user when we are root
    return Path(scratch)


def _airflow(folder: Path, ledger: Path, settings: Mapping[str, Mapping[str, str]]) -> StockAirflow:
    (folder / "dags").mkdir(exist_ok=True)
    packages = next(PROVIDER.glob("lib/*/site-packages"))
    environ = {"LEDGER": str(ledger), "PYTHONPATH": str(packages), "MALLOC_ARENA_MAX": "2"}
    servers = Servers(folder / "servers", postgres=SETTINGS)
    return _Served(folder / "airflow", dags=folder / "dags", settings=settings, environ=environ, given_servers=servers)


class _Served(StockAirflow):
    """Airflow with servers that begin and end with it."""

    def start(self) -> None:
        """Start the servers first."""
        self.servers.start()
        super().start()

    def stop(self) -> None:
        """End the servers last."""
        super().stop()
        self.servers.stop()


def _git_settings(folder: Path, refresh_seconds: int | None) -> Mapping[str, Mapping[str, str]]:
    settings = TUNED if refresh_seconds is None else TUNED_BUNDLES
    given = {"tracking_ref": "main", "subdir": "dags", "repo_url": f"file://{folder / 'bare'}"}
    often = {} if refresh_seconds is None else {"refresh_interval": refresh_seconds}
    bundle = {
        "name": "shop",
        "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": {**given, **often},
    }
    of_bundles = {
        "dag_bundle_config_list": json.dumps([bundle]),
        # Airflow's default is one folder for the machine, with the clone of an earlier measurement in it.
        "dag_bundle_storage_path": str(folder / "bundles"),
    }
    return {**settings, "dag_processor": {**settings.get("dag_processor", {}), **of_bundles}}


def _repository(folder: Path, files: Mapping[str, str]) -> Path:
    """Make a bare repository with one commit; return its clone."""
    clone = folder / "clone"
    _git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "bare")
    _git(folder, "clone", "--quiet", "bare", "clone")
    _git(clone, "checkout", "--quiet", "-B", "main")
    _push(clone, files)
    return clone


def _push(clone: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(text)
    _git(clone, "add", "--all")
    _git(clone, "commit", "--quiet", "--message", "edit")
    _git(clone, "push", "--quiet", "origin", "main")


def _git(folder: Path, *words: str) -> None:
    environ = {**os.environ, **GIT}
    subprocess.run(["git", *words], cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL)
