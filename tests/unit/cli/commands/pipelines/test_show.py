"""``show``: a pipeline drawn, as a picture and as data."""

from __future__ import annotations

import json

import pytest

from airfleet.client.project import Project
from support.command_line import Airfleet

PIPELINE = """\
dag_id: ${{ job.name }}_job
schedule: "@daily"
jobs: [{name: eu}, {name: us}]
tasks:
  - {id: fetch, uses: bash, with: {bash_command: ls}}
  - {id: store, needs: [fetch]}
  - {id: report, needs: [fetch, store]}
"""


@pytest.fixture
def jobs(project: Project) -> str:
    (project.root / "pipelines" / "jobs.yaml").write_text(PIPELINE)
    return "pipelines/jobs.yaml"


def test_show_draws_jobs_that_look_alike_once(jobs: str, airfleet: Airfleet) -> None:
    result = airfleet("show", jobs)
    assert result.code == 0
    assert result.out == (
        "eu_job: 3 tasks, schedule @daily\n"
        "us_job: 3 tasks, schedule @daily\n"
        "\n"
        "┌───────┐   ┌───────┐   ┌────────┐\n"
        "│ fetch ├──▶│ store ├──▶│ report │\n"
        "└───────┘   └───────┘   └────────┘\n"
        "\n"
        "1 implied arrow left out (--all-arrows)\n"
    )


def test_show_one_job_as_json(jobs: str, airfleet: Airfleet) -> None:
    assert json.loads(airfleet("show", jobs, "--job", "us", "-o", "json").out) == [
        {
            "dag_id": "us_job",
            "job": "us",
            "schedule": "@daily",
            "tasks": [
                {"id": "fetch", "uses": "bash", "needs": [], "layer": 0, "group": None, "expand": None},
                {"id": "store", "uses": None, "needs": ["fetch"], "layer": 1, "group": None, "expand": None},
                {"id": "report", "uses": None, "needs": ["fetch", "store"], "layer": 2, "group": None, "expand": None},
            ],
        }
    ]


def test_show_as_a_picture(jobs: str, airfleet: Airfleet) -> None:
    assert airfleet("show", jobs, "-o", "svg").out.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert airfleet("show", jobs, "-o", "dot").out.startswith('digraph "jobs" {\n')


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["pipelines/job.yaml"], 1, "error: no such file: pipelines/job.yaml\nhint: did you mean 'jobs.yaml'?\n"),
        (
            ["pipelines/jobs.yaml", "--job", "asia"],
            2,
            "error: pipelines/jobs.yaml has no job 'asia'\nhint: it has eu, us\n",
        ),
    ],
)
def test_show_of_what_is_not_there(argv: list[str], code: int, said: str, jobs: str, airfleet: Airfleet) -> None:
    result = airfleet("show", *argv)
    assert (result.code, result.err) == (code, said)


def test_show_of_a_broken_file_tells_its_problems(project: Project, airfleet: Airfleet) -> None:
    (project.root / "pipelines" / "broken.yaml").write_text("dag_id: x\ntasks: [{id: a, needs: [b]}]\n")
    result = airfleet("show", "pipelines/broken.yaml")
    assert result.code == 1
    assert result.err == "pipelines/broken.yaml:2:25: tasks.a.needs[0]: there is no task 'b' [AF120]\n"


GROUPED = """
dag_id: d
tasks:
- {id: ls, uses: bash, with: {bash_command: ls}}
- {group: g, expand: {file: {$x: ls}}, tasks: [{id: cat, uses: bash, with: {bash_command: {$item: file}}}]}
- {id: end, needs: [g]}
"""


def test_show_says_what_is_repeated_and_what_is_in_a_group(airfleet: Airfleet, project: Project) -> None:
    (project.root / "pipelines" / "grouped.yaml").write_text(GROUPED)
    shown = airfleet("show", "pipelines/grouped.yaml")
    assert "g runs for each of its items: × file" in shown.out
    [data] = json.loads(airfleet("show", "pipelines/grouped.yaml", "-o", "json").out)
    assert [(task["id"], task["group"], task["needs"]) for task in data["tasks"]] == [
        ("ls", None, []),
        ("g.cat", "g", ["ls"]),
        ("end", None, ["g.cat"]),
    ]
    assert 'subgraph "g × file"' in airfleet("show", "pipelines/grouped.yaml", "-o", "mermaid").out
