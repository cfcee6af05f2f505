"""A test that needs what is not here is left out and counted; where nothing may be left out, it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.documents import REPOSITORY

TESTS = """\
import pytest

@pytest.mark.needs("nginx")
def test_a_proxy(): pass

@pytest.mark.needs("nginx", "chromium")
def test_a_page_behind_it(): pass

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.needs("chromium"))])
def test_without_or_with_it(n): pass
"""
#: a machine that lacks some programs
CONFTEST = """\
from support import left_out
from support.left_out import pytest_collection_modifyitems, pytest_terminal_summary

left_out.system_packages._is_here = lambda name: name not in ("nginx", "chromium")
left_out.system_packages.manager_here = lambda: left_out.system_packages.Manager.APT
"""


def run(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_needy.py").write_text(TESTS)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = needs(name): a program\n")
    plugins = ("-p", "tests.no_skips", "-p", "no:cacheprovider")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLEET")}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "-c", folder / "pytest.ini", folder],
        cwd=REPOSITORY,
        env=kept | {"PYTHONPATH": str(REPOSITORY / "tests"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tests_that_lack_something_are_skipped_and_counted_by_what_they_lack(tmp_path: Path) -> None:
    record = tmp_path / "left_out.jsonl"
    done = run(tmp_path, AIRFLEET_LEFT_OUT=str(record))
    assert done.returncode == 0, done.stdout
    assert (
        "left out: 3 tests: 2 for want of chromium (apt-get install chromium chromium-driver), "
        "2 for want of nginx (apt-get install nginx)\n"
    ) in done.stdout
    assert "1 passed, 3 skipped" in done.stdout
    assert len(record.read_text().splitlines()) == 4


def test_where_nothing_may_be_left_out_they_fail(tmp_path: Path) -> None:
    done = run(tmp_path, AIRFLEET_NO_SKIPS="1")
    assert done.returncode == 1
    assert "no test may be skipped here (Skipped: needs nginx and chromium)" in done.stdout
    assert "3 failed" in done.stdout or "3 error" in done.stdout


@pytest.mark.parametrize("word", ["ngnix", "docker"])
def test_a_need_that_nobody_knows_is_an_error(word: str, tmp_path: Path) -> None:
    (tmp_path / "test_misspelt.py").write_text(f"import pytest\n\n@pytest.mark.needs({word!r})\ndef test_a(): pass\n")
    done = run(tmp_path)
    assert done.returncode != 0
    assert f"KeyError: '{word}'" in done.stdout + done.stderr
