"""How a worker proves that it is well."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from airflow.providers.celery.executors import celery_executor_utils as provider
from celery.signals import import_modules, worker_ready

from airfleet.zygote import worker_component
from airfleet.zygote.worker_component import Beat


def test_a_worker_whose_beats_go_nowhere_says_so_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beat = Beat(tmp_path / "missing" / "worker.beat")
    beat()
    beat(sender="Celery says who")
    assert capsys.readouterr().err.count("is not told that this worker is well: ") == 1


def test_a_worker_imports_nothing_for_tasks_that_do_not_run_below_it(tmp_path: Path) -> None:
    mine = [(import_modules, provider.on_celery_import_modules), (worker_ready, provider.on_celery_worker_ready)]
    before = [(signal, list(signal.receivers)) for signal, _ in mine]
    try:
        worker_component._connect_ready(Beat(tmp_path / "worker.beat"))
        for signal, receiver in mine:
            assert receiver not in [asked for asked, _ in signal.send(sender=None)]
        assert (tmp_path / "worker.beat").exists()
    finally:
        for signal, receivers in before:
            signal.receivers = receivers
        gc.unfreeze()
