"""Completions, hovers and definitions in a file with tests, at a place that is written ``|``."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.editor import case_files
from airfleet.editor.case_files import CaseFile
from airfleet.editor.completions import Completion
from airfleet.editor.file_problems import Workspace
from airfleet.editor.spots import spot, written_at
from unit.editor.test_spots import position

ORDERS = """\
dag_id: orders
params: {region: eu, day: 1}
tasks:
- {id: fetch, uses: bash, with: {bash_command: ls, cwd: /}}
- {id: load, uses: "shop.steps:load", needs: [fetch]}
"""
JOBS = "dag_id: x_${{ job.name }}\njobs: [{name: eu}, {name: us}]\ntasks:\n- id: only_${{ job.name }}\n"
HERE = "cases:\n- name: a\n  "


@pytest.fixture
def cases(tmp_path: Path) -> CaseFile:
    (tmp_path / "fleet.yaml").write_text("name: shop\n")
    (tmp_path / "orders.yaml").write_text(ORDERS)
    (tmp_path / "jobs.yaml").write_text(JOBS)
    return CaseFile(tmp_path / "orders.test.yaml", Workspace({}).pipelines)


def offered(text: str, cases: CaseFile) -> dict[str, Completion]:
    found = spot(*position(text))
    assert found is not None
    return {one.label: one for one in case_files.completions(found, cases)}


@pytest.mark.parametrize(
    ("text", "some", "none"),
    [
        ("|", {"cases", "pipeline", "mocks"}, {"name", "expect", "dag_id"}),
        (HERE + "|", {"expect", "mocks", "date"}, {"name", "cases", "tasks"}),
        (HERE + "mocks:\n    |", {"fetch", "load"}, {"returns", "name"}),
        (HERE + "mocks: {load: {|}}", {"returns", "fails", "skips"}, {"fetch"}),
        (HERE + "expect:\n    |", {"run", "tasks", "order"}, {"state"}),
        (HERE + "expect: {tasks: {|}}", {"fetch", "load"}, {"state"}),
        (HERE + "expect: {tasks: {load: {|}}}", {"state", "returns", "copies"}, {"run"}),
        (HERE + "expect: {tasks: {'fetch[0]': {rendered: {|}}}}", {"bash_command", "cwd"}, {"state"}),
        (HERE + "expect: {tasks: {load: |}}", {"success", "upstream_failed"}, {"true"}),
        (HERE + "expect: {tasks: {load: {state: |}}}", {"success", "deferred"}, {"true"}),
        (HERE + "expect: {run: |}", {"success", "failed"}, {"skipped"}),
        (HERE + "expect: {order: [fetch, |]}", {"fetch", "load"}, {"success"}),
        (HERE + "mocks: {load: {skips: |}}", {"true", "false"}, {"success"}),
        (HERE + "params: {|}", {"region", "day"}, {"fetch"}),
        (HERE + "connections: {shop: {|}}", {"type", "host"}, {"mocks"}),
        (HERE + "variables: {mocks: {x: {|}}}", set(), {"returns"}),
        ("pipeline: |", {"orders.yaml", "jobs.yaml"}, {"orders.test.yaml"}),
        ("pipeline: jobs.yaml\njob: |", {"eu", "us"}, {"fetch"}),
        ("pipeline: jobs.yaml\njob: us\nmocks: {|}", {"only_us"}, {"only_eu", "fetch"}),
        (HERE + "job: us\n  pipeline: jobs.yaml\n  mocks: {|}", {"only_us"}, {"only_eu", "fetch"}),
        ("pipeline: gone.yaml\nmocks: {|}", set(), {"fetch"}),
    ],
)
def test_what_may_stand_there_is_offered(text: str, some: set[str], none: set[str], cases: CaseFile) -> None:
    found = offered(text, cases).keys()
    assert some <= found
    assert not none & found


def test_a_key_comes_with_its_meaning_and_its_colon(cases: CaseFile) -> None:
    found = offered(HERE + "expect: {|}", cases)["order"]
    assert found.detail == "tasks that begin in this order, whatever runs between them"
    assert found.text == "order: "


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HERE + "exp|ect: {run: failed}", "**expect**\n\nthe end of the run (it succeeds)"),
        (HERE + "mocks: {lo|ad: {skips: true}}", "**load**: task, uses `shop.steps:load`, orders.yaml, line 5"),
        (HERE + "expect: {tasks: {'fetch[|0]': success}}", "**fetch**: task, uses `bash`, orders.yaml, line 4"),
        (HERE + "expect: {order: [fe|tch]}", "**fetch**: task, uses `bash`, orders.yaml, line 4"),
        (HERE + "mocks: {load: {ski|ps: true}}", "**skips**\n\nthe task skips itself"),
        (HERE + "mocks: {nobo|dy: {skips: true}}", None),
        (HERE + "variables: {fet|ch: 1}", None),
    ],
)
def test_a_hover_says_what_a_key_means_and_which_task_is_named(text: str, says: str | None, cases: CaseFile) -> None:
    written = written_at(*position(text))
    assert written is not None
    assert case_files.hover(written, cases) == says


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (HERE + "mocks: {lo|ad: {skips: true}}", ("orders.yaml", 5)),
        (HERE + "expect: {order: [fe|tch]}", ("orders.yaml", 4)),
        ("pipeline: jo|bs.yaml", ("jobs.yaml", 1)),
        ("pipeline: go|ne.yaml", None),
        (HERE + "expect: {ru|n: failed}", None),
    ],
)
def test_a_definition_is_in_the_pipeline(text: str, place: tuple[str, int] | None, cases: CaseFile) -> None:
    written = written_at(*position(text))
    assert written is not None
    found = case_files.definition(written, cases)
    assert (found and (Path(found.file).name, found.line)) == place
