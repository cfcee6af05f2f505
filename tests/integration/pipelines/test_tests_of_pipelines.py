"""``airfleet test`` and the plugin of pytest, on the files of the how-to page: real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from support import documents

PAGE = documents.REPOSITORY / "docs" / "how-to" / "test-a-pipeline.md"
WRONG = """
cases:
  - name: too many
    date: 2026-01-31
    variables: {shop: Alma}
    mocks: {fetch: {returns: "7,8"}}
    expect: {tasks: {count: {returns: 3}}}
  - name: noisy
    mocks: {fetch: {returns: "7,8"}}
    expect: {tasks: {say: success}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    (tmp_path / "pipelines").mkdir()
    for block in documents.blocks(PAGE):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
    return tmp_path


def call(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return subprocess.run([sys.executable, "-m", *words], cwd=project, capture_output=True, text=True, env=environ)


def test_the_tests_of_the_page_pass(project: Path) -> None:
    done = call(project, "airfleet.cli", "test", "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [(case["case"], case["state"]) for case in told["cases"]] == [
        ("a day with orders", "passed"),
        ("the shop is down", "passed"),
    ]
    assert call(project, "airfleet.cli", "check").returncode == 0


def test_the_tests_of_the_examples_pass() -> None:
    done = call(documents.REPOSITORY / "examples" / "etl_classics", "airfleet.cli", "test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓ bad data are refused" in done.stdout


def test_a_failed_case_is_told_with_its_place_and_with_what_went_wrong(project: Path) -> None:
    (project / "pipelines" / "orders.test.yaml").write_text(WRONG)
    done = call(project, "airfleet.cli", "test", "pipelines")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "✗ too many" in done.stdout
    assert "pipelines/orders.test.yaml:7:39: task 'count' returned 2, not 3" in done.stdout
    assert "task 'say' ended as 'failed' with" in done.stdout
    assert "Variable shop not found" in done.stdout
    assert "2 failed, 0 passed" in done.stderr


def test_a_case_that_ends_the_process_has_failed_and_the_others_run(project: Path) -> None:
    (project / "shop.py").write_text("import os\ndef count(orders):\n    os._exit(3) if orders == 'x' else None\n")
    (project / "pipelines" / "orders.test.yaml").write_text(
        "mocks: {say: {returns: 1}, fetch: {returns: y}}\n"
        "cases: [{name: a}, {name: b, mocks: {fetch: {returns: x}}}, {name: c}]\n"
    )
    done = call(project, "airfleet.cli", "test", "-o", "json")
    cases = json.loads(done.stdout)["cases"]
    assert [(case["case"], case["state"]) for case in cases] == [("a", "passed"), ("b", "failed"), ("c", "passed")]
    assert cases[1]["problems"][0]["sentence"] == "the process of the tests ended in this case"


def test_a_file_without_cases_is_said(project: Path) -> None:
    (project / "none.test.yaml").write_text("cases: []\n")
    done = call(project, "airfleet.cli", "test", "none.test.yaml")
    assert (done.returncode, "there are no cases in the test files" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ("-k", "nothing"),
            2,
            "no case has 'nothing' in its name\nhint: there are a day with orders, the shop is down",
        ),
        (("shop.py",), 1, "shop.py is no test file: its name does not end in .test.yaml"),
        (("away.test.yaml",), 1, "no such file or folder: away.test.yaml"),
    ],
)
def test_what_is_asked_for_has_to_be_there(project: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = call(project, "airfleet.cli", "test", *words)
    assert done.returncode == code
    assert said in done.stderr


def test_a_wrong_test_file_is_told_before_anything_runs(project: Path) -> None:
    (project / "pipelines" / "orders.test.yaml").write_text("cases: [{name: a, mocks: {fetsh: {returns: 1}}}]\n")
    for command in ("test", "check"):
        done = call(project, "airfleet.cli", command)
        assert done.returncode == 1
        assert "'orders' has no task 'fetsh'" in done.stdout + done.stderr


def test_pytest_finds_the_same_cases(project: Path) -> None:
    (project / "pipelines" / "more.test.yaml").write_text(WRONG.replace("cases:", "pipeline: orders.yaml\ncases:"))
    installed = any(one.name == "airfleet" for one in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "airfleet.testing.pytest_plugin")
    done = call(project, "pytest", *plugin, "-q", "-p", "no:cacheprovider", "pipelines")
    assert "2 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert (
        "pipelines/more.test.yaml:8:39: cases[0].expect.tasks.count.returns: task 'count' returned 2, not 3"
        in done.stdout
    )
