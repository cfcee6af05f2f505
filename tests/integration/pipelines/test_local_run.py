"""``run_pipeline``: one pipeline to its end, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airfleet.errors import FileProblems, UsageError
from airfleet.pipelines.local.runner import RunOutcome, TaskEvent, run_pipeline

STEPS = """
import os, time
def fetch(n, ds): print("fetching", n, ds); return [n, ds]
def flaky(ti):
    if ti.try_number < 2: raise ValueError("not yet")
def broken(rows): raise RuntimeError(f"cannot take {rows}")
def conn():
    from airflow.sdk import Connection, Variable
    return [Connection.get("store").host, Variable.get("word")]
def check(got): assert got == ["store.example", "hi"], got
def choose(ti): return "left" if ti.task_id == "branch" else "right"
def never(): return False
def ready(ds, word):
    if word != "go": raise ValueError(word)
    return len(ds) == 10
def make(): return {"rows": 7, "more": [1, 2]}
def same(got, want): assert repr(got) == repr(want), got
def alone(): import sys; return sys.prefix == sys.base_prefix
def lefty(): return "left"
def wait(): open(os.environ["STARTED"], "w").close(); time.sleep(60)
"""


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return dict(os.environ) | {
        "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://nobody@127.0.0.1:1/the-fleet",
        "AIRFLOW_HOME": "/nonexistent",
        "AIRFLOW_CONN_STORE": "http://store.example",
        "AIRFLOW_VAR_WORD": "hi",
    }


def write(folder: Path, text: str) -> Path:
    (folder / "pipelines").mkdir()
    (folder / "steps.py").write_text(STEPS)
    (folder / "pipelines" / "p.yaml").write_text(text)
    return folder / "pipelines" / "p.yaml"


def kinds(outcome: RunOutcome) -> dict[str, str]:
    return {event.task: event.kind for event in outcome.tasks}


def test_a_run_tells_of_every_task_and_keeps_their_logs(tmp_path: Path, environ: dict[str, str]) -> None:
    file = write(
        tmp_path,
        "dag_id: p\ndefaults: {retry_delay: 1h}\ntasks:\n"
        "  - {id: fetch, uses: 'steps:fetch', with: {n: 3}}\n"
        "  - {id: flaky, uses: 'steps:flaky', retries: 1, needs: [fetch]}\n"
        "  - {id: say, uses: bash, with: {bash_command: {$t: 'echo {{ params.word }}'}}}\n"
        "  - {id: conn, uses: 'steps:conn'}\n"
        "  - {id: check, uses: 'steps:check', with: {got: {$x: conn}}}\n",
    )
    events: list[TaskEvent] = []
    outcome = run_pipeline(file, params={"word": "salut"}, on_event=events.append, environ=environ)
    assert (outcome.dag_id, outcome.state, outcome.ok) == ("p", "success", True), (outcome.logs / "run.log").read_text()
    assert kinds(outcome) == dict.fromkeys(["fetch", "flaky", "say", "conn", "check"], "succeeded")
    assert [(e.kind, e.attempt) for e in events if e.task == "flaky"] == [
        ("started", 1),
        ("retrying", 1),
        ("started", 2),
        ("succeeded", 2),
    ]
    logs = {event.task: Path(str(event.log)).read_text() for event in outcome.tasks}
    assert "fetching 3" in logs["fetch"]
    assert "salut" in logs["say"]
    assert "fetching" not in logs["say"]
    assert all(event.seconds is not None for event in outcome.tasks)


def test_a_failed_task_shows_its_error_and_what_it_held_up(tmp_path: Path, environ: dict[str, str]) -> None:
    file = write(
        tmp_path,
        "dag_id: p\ntasks:\n"
        "  - {id: fetch, uses: 'steps:fetch', with: {n: 3}}\n"
        "  - {id: store, uses: 'steps:broken', with: {rows: {$x: fetch}}}\n"
        "  - {id: after, needs: [store]}\n"
        "  - {id: always, needs: [store], trigger_rule: all_done}\n"
        '  - {id: nul, uses: bash, with: {bash_command: "echo a\\0b"}}\n'
        "  - {id: branch, uses: branch_python, with: {python_callable: 'steps:lefty'}}\n"
        "  - {id: lefty, needs: [branch]}\n",
    )
    outcome = run_pipeline(file, environ=environ)
    # As in Airflow, the leaves decide: one failed upstream, one ran.
    assert outcome.state == "failed"
    assert kinds(outcome) == {
        "fetch": "succeeded",
        "store": "failed",
        "after": "upstream_failed",
        "always": "succeeded",
        "nul": "failed",
        "branch": "failed",
        "lefty": "upstream_failed",
    }
    by_id = {event.task: event for event in outcome.tasks}
    assert str(by_id["store"].error).startswith("RuntimeError: cannot take [3, ")
    assert "RuntimeError: cannot take" in Path(str(by_id["store"].log)).read_text()
    assert "embedded null byte" in str(by_id["nul"].error)
    assert "Invalid tasks found: {'left'}" in str(by_id["branch"].error)


def test_values_arrive_as_they_were_written_and_outputs_whatever_the_order_in_the_file(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    pull = "{$t: \"{{ ti.xcom_pull('make', key='more') }}\"}"
    file = write(
        tmp_path,
        "dag_id: p\nparams: {limit: .inf, miss: .nan}\ntasks:\n"
        "  - {id: key, uses: 'steps:same', with: {got: {$x: {task: make, key: rows}}, want: 7}}\n"
        "  - {id: whole, uses: 'steps:same', with: {got: {$x: make}, want: {rows: 7, more: [1, 2]}}}\n"
        "  - {id: literal, uses: 'steps:same', with: {got: ['{% raw {# {{ x', {$x: {task: make, key: rows}}],"
        " want: {$const: ['{% raw {# {{ x', 7]}}}\n"
        "  - {id: nan, uses: 'steps:same', with: {got: .nan, want: .nan}}\n"
        f"  - {{id: text, uses: 'steps:same', needs: make, with: {{got: {pull}, want: '[1, 2]'}}}}\n"
        "  - {id: native, uses: 'steps:same', needs: make, render_template_as_native_obj: true,"
        f" with: {{got: {pull}, want: [1, 2]}}}}\n"
        "  - {id: touch, uses: bash, with: {bash_command: touch x.sh, cwd: '${{ env.HERE }}'}}\n"
        "  - {id: alone, uses: external_python, with: {python: '${{ env.PYTHON }}', python_callable: 'steps:alone',"
        " expect_airflow: false}}\n"
        "  - {id: other, uses: 'steps:same', with: {got: {$x: alone}, want: true}}\n"
        "  - {id: make, uses: 'steps:make', multiple_outputs: true, priority_weight: 99999999999}\n",
    )
    python = Path(sys.base_prefix) / "bin" / "python3"
    outcome = run_pipeline(file, environ=environ | {"HERE": str(tmp_path), "PYTHON": str(python)})
    logs = {event.task: Path(str(event.log)).read_text() for event in outcome.tasks if event.kind == "failed"}
    assert (outcome.state, logs) == ("success", {})
    assert len(outcome.tasks) == 10
    assert (tmp_path / "x.sh").exists()


def test_branches_short_circuits_and_sensors_take_functions_by_name(tmp_path: Path, environ: dict[str, str]) -> None:
    file = write(
        tmp_path,
        "dag_id: p\ntasks:\n"
        "  - {id: sensor, uses: python_sensor, with: {python_callable: 'steps:ready', op_kwargs: {word: go},"
        " poke_interval: 1s, timeout: 1m}}\n"
        "  - {id: branch, uses: branch_python, needs: [sensor], with: {python_callable: 'steps:choose'}}\n"
        "  - {id: left, needs: [branch]}\n"
        "  - {id: right, needs: [branch]}\n"
        "  - {id: gate, uses: short_circuit, needs: [sensor], with: {python_callable: 'steps:never'}}\n"
        "  - {id: behind, needs: [gate]}\n"
        "  - {id: delta, uses: time_delta_sensor, with: {delta: 1s, poke_interval: 1s}}\n"
        "  - {id: both, needs: [left, right]}\n"
        "  - {id: join, needs: [left, right], trigger_rule: none_failed_min_one_success}\n",
    )
    outcome = run_pipeline(file, environ=environ)
    assert kinds(outcome) == {
        **dict.fromkeys(["sensor", "branch", "left", "gate", "delta", "join"], "succeeded"),
        **dict.fromkeys(["right", "behind", "both"], "skipped"),
    }, [Path(str(task.log)).read_text() for task in outcome.tasks if task.kind == "failed"]


def test_variables_of_the_fleet_reach_the_file_when_it_is_checked_and_when_it_is_built(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    file = write(
        tmp_path,
        "dag_id: p_${{ vars.stage }}\ntasks:\n"
        "  - {id: say, uses: bash, with: {bash_command: 'echo stage is ${{ vars.stage }}'}}\n",
    )
    outcome = run_pipeline(file, environ=environ | {"AIRFLEET_VAR_stage": "test"})
    assert (outcome.dag_id, outcome.state) == ("p_test", "success")
    assert "stage is test" in Path(str(outcome.tasks[0].log)).read_text()


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, -signal.SIGINT, b"KeyboardInterrupt"), (signal.SIGTERM, 1, b"ended by SIGTERM")],
)
def test_a_signal_ends_the_run_and_everything_it_started(
    number: signal.Signals, code: int, said: bytes, tmp_path: Path, environ: dict[str, str]
) -> None:
    file = write(tmp_path, "dag_id: p\ntasks: [{id: wait, uses: 'steps:wait'}]\n")
    started = tmp_path / "started"
    script = (
        "import sys, pathlib; from airfleet.pipelines.local.runner import run_pipeline;"
        " run_pipeline(pathlib.Path(sys.argv[1]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(file)],
        env=environ | {"STARTED": str(started), "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 90
    while not started.exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=90)
    assert process.returncode == code
    assert said in errors
    assert not list(tmp_path.glob("airfleet-run-*"))
    assert not [line for line in running() if str(tmp_path) in line]


def running() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return [text for text in found if "_AIRFLOW_PARSING_CONTEXT_DAG_ID=p" in text]


def test_a_wrong_file_is_told_without_a_run(tmp_path: Path, environ: dict[str, str]) -> None:
    file = write(tmp_path, "dag_id: p\ntasks: [{id: a, retries: many}]\n")
    with pytest.raises(FileProblems, match=r"tasks\.a\.retries: must be a whole number, not the text 'many'"):
        run_pipeline(file, environ=environ)


def test_what_the_operator_refuses_is_told_at_its_place(tmp_path: Path, environ: dict[str, str]) -> None:
    file = write(tmp_path, "dag_id: p\ntasks:\n  - id: a\n    uses: picky_operator.Picky\n    with: {colour: red}\n")
    (tmp_path / "picky_operator.py").write_text(
        "from airflow.sdk import BaseOperator\n\n\nclass Picky(BaseOperator):\n"
        "    def __init__(self, colour, **kwargs):\n        raise ValueError('`colour` must be green')\n"
    )
    with pytest.raises(FileProblems, match=f"^{file}:5:.*Picky refuses its arguments"):
        run_pipeline(file, environ=environ)


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ({}, "has 2 jobs\nhint: choose one with --job: one, two"),
        ({"job": "tow"}, "has no job 'tow'\nhint: did you mean 'two'?"),
        ({"dag_id": "x"}, "has no Dag 'x'\nhint: it has one, two"),
    ],
)
def test_the_job_must_be_chosen(tmp_path: Path, environ: dict[str, str], choice: dict[str, str], sentence: str) -> None:
    file = write(tmp_path, "dag_id: ${{ job.name }}\njobs: [{name: one}, {name: two}]\ntasks: [{id: a}]\n")
    with pytest.raises(UsageError) as caught:
        run_pipeline(file, environ=environ, **choice)  # type: ignore[arg-type]
    assert str(caught.value) == f"{file} {sentence}"


README = Path(__file__).parents[3] / "README.md"


def test_the_pipeline_of_the_readme_runs_as_it_stands_there(tmp_path: Path, environ: dict[str, str]) -> None:
    for name, body in re.findall(r"^```\w+ (\S+)\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(body.replace("https://data.example.com", tmp_path.as_uri()))
    (tmp_path / "ozone.csv").write_text("one\ntwo\nthree\n")
    outcome = run_pipeline(tmp_path / "pipelines" / "weather.yaml", job="ozone", environ=environ)
    assert outcome.ok, (outcome.logs / "run.log").read_text()
    [report] = [event for event in outcome.tasks if event.task == "report"]
    assert "3 rows on 20" in Path(str(report.log)).read_text()
