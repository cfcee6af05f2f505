"""The API is away when a task ends, and its worker is killed before it is back: the task succeeds, and ran once."""

from __future__ import annotations

import os
import signal

import pytest

from airfleet.drill.waiting import wait_until
from airfleet.spool import outbox
from airfleet.system import procfs
from airfleet.testing.fleet import FleetUnderTest
from support.pipelines import waiting_task


@pytest.mark.long
def test_an_outcome_that_its_monitor_could_not_tell_is_told_by_the_agent() -> None:
    with FleetUnderTest.make("name: told\nworkers: [{slots: 1}]\n") as fleet:
        run, file = waiting_task(fleet)
        api, worker = (fleet.component(name).pid or 0 for name in ("api-server", "worker"))
        os.kill(api, signal.SIGSTOP)
        try:
            (fleet.root / "said.go").touch()
            kept = fleet.paths.airflow_home / outbox.FOLDER
            wait_until(lambda: kept.exists() and any(outbox.pending(kept)), 60, "its outcome is on disk")
            for pid in procfs.tree(worker):
                procfs.send(pid, signal.SIGKILL)
        finally:
            procfs.send(api, signal.SIGKILL)  # what it had received, it tells nobody
        assert fleet.wait_for_run("waits", run, 120) == "success"
        assert file.read_text().split() == ["begun", "ended"]
        wait_until(lambda: not any(outbox.pending(kept)), 20, "nothing is left to tell")
        assert "from the outbox" in fleet.paths.log("agent").read_text()
