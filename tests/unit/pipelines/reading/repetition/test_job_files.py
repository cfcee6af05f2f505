"""Jobs in files of their own: their values, and problems at their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from airfleet.pipelines.checks.pipeline_checks import CheckedFile, read_and_check

TASKS = "tasks: [{id: t, uses: bash, with: {bash_command: \"echo ${{ job.q or 'none' }}\"}}]\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pipelines" / "_jobs").mkdir(parents=True)
    (tmp_path / "fleet.yaml").write_text("")
    return tmp_path / "pipelines"


def checked(project: Path, jobs: str, files: dict[str, str], more: str = "", **environ: str) -> CheckedFile:
    for name, text in files.items():
        (project / name).write_text(text)
    (project / "p.yaml").write_text(f"dag_id: 'd_${{{{ job.name }}}}'\n{more}jobs: {jobs}\n{TASKS}")
    return read_and_check(project / "p.yaml", environ=environ)


def made(found: CheckedFile) -> list[tuple[str, object]]:
    return [(pipeline.dag_id, pipeline.tasks[0].args["bash_command"]) for pipeline in found.pipelines]


FILES = [
    ("{from: j.csv}", {"j.csv": "name,q\na,007\nb,\n"}, [("d_a", "echo 007"), ("d_b", "echo none")]),
    ("{from: j.yaml}", {"j.yaml": "- {name: a, q: 1}\n- {name: b}\n"}, [("d_a", "echo 1"), ("d_b", "echo none")]),
    ("{from: j.yaml}", {"j.yaml": "a: {q: 1}\nb:\n"}, [("d_a", "echo 1"), ("d_b", "echo none")]),
    ("{from: j.yaml}", {"j.yaml": "name: a\nq: '${{ env.Q }}'\n"}, [("d_a", "echo of env")]),
    ("{from: j.json}", {"j.json": '[\n\t{"name": "a", "q": "x\\/y"}\n]\n'}, [("d_a", "echo x/y")]),
    ("{from: '_jobs/*.yaml'}", {"_jobs/b.yaml": "q: 1\n", "_jobs/a.yaml": "{name: z, q: 2}\n"},
     [("d_z", "echo 2"), ("d_b", "echo 1")]),
    ("{from: '_jobs/*'}", {"_jobs/t.csv": "name,q\na,1\nb,2\n"}, [("d_a", "echo 1"), ("d_b", "echo 2")]),
    ("{from: [j.csv, '${{ env.FILE }}'], x: {q: 3}}", {"j.csv": "name\na\n", "k.csv": "name\nb\n"},
     [("d_a", "echo none"), ("d_b", "echo none"), ("d_x", "echo 3")]),
    ("[{from: j.csv}, {name: x, from: here}]", {"j.csv": "name\na\n"}, [("d_a", "echo none"), ("d_x", "echo none")]),
]  # fmt: skip


@pytest.mark.parametrize(("jobs", "files", "dags"), FILES)
def test_jobs_of_files(jobs: str, files: dict[str, str], dags: list[tuple[str, object]], project: Path) -> None:
    found = checked(project, jobs, files, Q="of env", FILE="k.csv")
    assert ([str(problem) for problem in found.problems], made(found)) == ([], dags)


def test_a_file_of_jobs_is_looked_at_from_then_on(project: Path) -> None:
    found = checked(
        project, "[{from: '_jobs/*.yaml'}, {from: j.csv}]", {"_jobs/a.yaml": "q: 1\n", "j.csv": "name\nb\n"}
    )
    assert {Path(name).name for name in found.taken_in} >= {"_jobs", "a.yaml", "j.csv"}


PROBLEMS = [
    ("{from: j.csv}", {}, ["p.yaml:2:14: jobs.from: there is no file 'j.csv'"], []),
    ("{from: ../../j.csv}", {}, ["p.yaml:2:14: jobs.from: '../../j.csv' lies outside the project"], []),
    ("{from: 5}", {}, ["p.yaml:2:14: jobs.from: must be the path of a file, not a number"], []),
    ("{from: j.txt}", {"j.txt": ""}, [
        "p.yaml:2:14: jobs.from: 'j.txt' is no file of jobs: its name has to end in .csv, .json, .yaml or .yml"], []),
    ("{from: 'x/*.yaml'}", {}, ["p.yaml:2:14: jobs.from: there is no folder 'x'"], []),
    ("{from: '_jobs/*.yaml'}", {}, ["p.yaml:2:14: jobs.from: no file fits '_jobs/*.yaml'"], []),
    ("{from: j.yaml}", {"j.yaml": ""}, ["p.yaml:2:14: jobs.from: 'j.yaml' has no jobs"], []),
    ("{from: j.yaml}", {"j.yaml": "[]"}, ["p.yaml:2:14: jobs.from: 'j.yaml' has no jobs"], []),
    ("{from: j.yaml}", {"j.yaml": "{}"}, ["p.yaml:2:14: jobs.from: 'j.yaml' has no jobs"], []),
    ("{from: []}", {}, ["p.yaml:2:14: jobs.from: names no file"], []),
    ("{from: j.csv}", {"j.csv": "name\n"}, ["p.yaml:2:14: jobs.from: 'j.csv' has no jobs"], []),
    ("{from: j.yaml}", {"j.yaml": "a: 1\n"}, [
        "j.yaml:1:1: jobs.from: a file of jobs is a list of them, or a mapping from their names to mappings\n"
        "hint: a file for each job is found by a pattern: from: 'jobs/*.yaml'"], []),
    ("{from: j.yaml}", {"j.yaml": "- {name: a}\n- {q: 1}\n- 5\n"}, [
        "j.yaml:2:3: jobs[1]: the job has no 'name'",
        "j.yaml:3:3: jobs[2]: a job must be a mapping of its values, with a 'name'"], ["d_a"]),
    ("{from: j.yaml}", {"j.yaml": "- {name: a, q: '${{ env.NOPE }}'}\n- {name: b}\n"}, [
        "j.yaml:1:25: jobs.a.q: the environment has no 'NOPE'\n"
        "hint: give a default: ${{ env.NOPE or 'text' }}"], ["d_b"]),
    ("[{from: j.yaml}, {name: a}]", {"j.yaml": "- {name: a}\n"}, [
        "p.yaml:2:31: jobs.a: two jobs have this name\nhint: j.yaml:1:10 already has this name"], ["d_a"]),
    ("{from: j.csv}", {"j.csv": "name,q\na,1,2\nb,2\n"}, [
        "j.csv:2:5: the row has 3 cells, and the table 2 columns\n"
        "hint: put text with separators in double quotes"], ["d_b"]),
    ("{from: j.yaml}", {"j.yaml": "- {name: a\n"}, [
        "j.yaml:2:1: the mapping that begins with '{' is not closed here (it begins in line 1)\n"
        "hint: a ',' or a '}' is missing"], []),
]  # fmt: skip


@pytest.mark.parametrize(("jobs", "files", "said", "dags"), PROBLEMS)
def test_what_is_wrong_with_files_of_jobs(
    jobs: str, files: dict[str, str], said: list[str], dags: list[str], project: Path
) -> None:
    found = checked(project, jobs, files)
    problems = [str(problem).replace(f"{project}/", "") for problem in found.problems]
    assert (problems, [pipeline.dag_id for pipeline in found.pipelines]) == (said, dags)
