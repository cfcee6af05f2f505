"""The execution API of an embedded fleet, and that of a local run, serve the version that tasks speak (ADR 5)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import json
from airfleet.zygote import preload as preloading
preloading.import_airflow()
preloading.build_api()
import airflow.api_fastapi.app
from airflow.sdk.api.datamodels._generated import API_VERSION
application = airflow.api_fastapi.app.cached_app(apps="all")
execution = next(r.app for r in application.routes if getattr(r, "path", "") == "/execution")
"""
LOCAL = """
import json
from airfleet.system import fast_import as startup
from airflow.sdk.api.client import Client
from airflow.sdk.api.datamodels._generated import API_VERSION
from airflow.sdk.execution_time.supervisor import in_process_api_server
api = in_process_api_server()
execution = api.app
startup.serve_current_version_only(execution)
Client(base_url="http://in-process.invalid", token="", transport=api.transport).get("health").raise_for_status()
"""
TELL = """
routers = execution.router.versioned_routers
print(json.dumps({
    "served": sorted(str(version) for version in routers),
    "spoken": API_VERSION,
    "routes": sorted({route.path for route in routers[max(routers)].routes}),
}))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the built application serves, with every version and with the current one alone."""
    home = tmp_path_factory.mktemp("airflow")
    wanted = {"all": (PROGRAM, "all"), "current": (PROGRAM, "current"), "local": (LOCAL, "current")}
    with ThreadPoolExecutor() as pool:
        building = {name: pool.submit(_build, *one, home / name) for name, one in wanted.items()}
        return {name: one.result() for name, one in building.items()}


@pytest.mark.parametrize("which", ["current", "local"])
def test_the_one_version_is_the_one_that_tasks_speak(built: dict[str, dict[str, Any]], which: str) -> None:
    assert built[which]["served"] == [built[which]["spoken"]]
    assert len(built["all"]["served"]) > 1
    assert built["all"]["spoken"] in built["all"]["served"]


@pytest.mark.parametrize("which", ["current", "local"])
def test_it_has_every_route_that_this_version_has_among_all(built: dict[str, dict[str, Any]], which: str) -> None:
    assert built[which]["routes"] == built["all"]["routes"]
    assert any(route.endswith("/run") for route in built[which]["routes"])


def _build(program: str, which: str, home: Path) -> dict[str, Any]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "_AIRFLOW"))}
    environment |= {"AIRFLOW_HOME": str(home), "AIRFLEET_EXECUTION_API": which}
    done = subprocess.run(
        [sys.executable, "-c", program + TELL],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
