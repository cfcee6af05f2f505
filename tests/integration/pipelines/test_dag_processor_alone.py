"""The dag-processor without an agent, as Airflow's own chart starts it: in a database that Airflow alone has made."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from support.airflow_home import Home

PIPELINE = "dag_id: hello\ntasks:\n  - {id: hi, uses: bash, with: {bash_command: echo hi}}\n"
WAIT_SECONDS = 90.0


def dags(home: Home) -> list[tuple[object, ...]]:
    return home.query("SELECT dag_id, relative_fileloc FROM dag")


def test_pipelines_are_found(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "pipelines")
    home.path.mkdir()
    home.pipelines.mkdir()
    (home.pipelines / "hello.yaml").write_text(PIPELINE)
    migrated = home.airflow("db", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    words = [sys.executable, "-m", "airfleet.dag_processor"]
    with subprocess.Popen(words, env=home.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as processor:
        try:
            deadline = time.monotonic() + WAIT_SECONDS
            while not dags(home):
                assert processor.poll() is None, "it has ended"
                assert time.monotonic() < deadline, "no pipeline was found"
                time.sleep(0.2)
        finally:
            processor.send_signal(signal.SIGTERM)
            processor.wait(30)
    assert dags(home) == [("hello", "hello.yaml")]
