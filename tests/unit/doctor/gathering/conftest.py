"""A fleet that was started once, on this machine, and processes with its mark."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airfleet.agent.control import Snapshot
from airfleet.client.project import Project
from airfleet.doctor.facts import FileCheck
from airfleet.doctor.finding import Unknown
from airfleet.doctor.gathering.situation import Situation
from airfleet.drill.waiting import wait_until
from airfleet.fleet import planner, preview
from airfleet.fleet.config.spec import Fleet
from airfleet.fleet.planning.paths import fleet_id
from airfleet.fleet.servers import secrets
from airfleet.system import process_tree, procfs


@pytest.fixture
def situation(tmp_path: Path) -> Situation:
    """A fleet with secrets that is down."""
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    here = Project(tmp_path, {})
    here.paths.home.mkdir(mode=0o711)
    kept = secrets.load_or_generate(here.paths.secrets)
    fleet = Fleet("shop", str(tmp_path))
    plan = planner.plan(preview.context(fleet, "local", here.paths, kept))
    down = Unknown("the fleet is not running", "airfleet up")
    return Situation(here, here.paths, FileCheck(0), fleet, kept, plan, down)


@pytest.fixture
def snapshot(situation: Situation) -> Snapshot:
    """What an agent says of it that is this very process."""
    return Snapshot("shop", "ready", os.getpid(), str(situation.paths.home))


@pytest.fixture
def marked(situation: Situation) -> Iterator[Callable[..., int]]:
    """Start a program with the mark of the fleet, and more variables; its pid."""
    with ExitStack() as ended:

        def start(*words: str, **more: str) -> int:
            mark = {process_tree.MARK: fleet_id(situation.paths.home)}
            process = subprocess.Popen(words, env={**os.environ, **mark, **more}, start_new_session=True)
            ended.callback(process.wait)
            ended.callback(process.kill)
            wait_until(lambda: process_tree.MARK in procfs.environment(process.pid), 10, "it has its mark")
            return process.pid

        yield start
