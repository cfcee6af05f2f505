"""``why``: the verdict on a run, from facts alone and through the API."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airfleet.agent.states import State
from airfleet.cli.diagnosis import diagnosis
from airfleet.cli.diagnosis import facts as evidence
from airfleet.cli.diagnosis.facts import Log, RunFacts
from airfleet.cli.queries import task_logs
from airfleet.client.api_client import Api
from airfleet.client.project import Project
from support.command_line import Airfleet
from support.fake_agent import component
from support.fake_airflow import FakeAirflow, dag, pool, run, task

NOW = dt.datetime(2026, 1, 31, 6, 1, tzinfo=dt.UTC)
UPSTREAM: dict[str, tuple[str, ...]] = {"extract": (), "load": ("extract",), "report": ("load",)}


def facts(*instances: dict[str, Any], state: str = "running", **more: Any) -> RunFacts:
    given: dict[str, Any] = {
        "dag": dag("orders"),
        "run": run("orders", state=state),
        "upstream": UPSTREAM,
        "pools": {"default_pool": pool("default_pool")},
        "queues": ("default", "big"),
        "slots": 4,
        **more,
    }
    return RunFacts(now=NOW, instances=instances, **given)


def sentences(found: RunFacts) -> list[str]:
    return [finding.sentence for finding in diagnosis.judge(found).findings]


def waiting(**more: Any) -> dict[str, Any]:
    return task("orders", "extract", more.pop("state", "scheduled"), **more)


REASONS = {
    "queue without a worker": (
        facts(waiting(state="queued", queue="gpu")),
        "task 'extract' waits: no worker listens to the queue 'gpu' (workers listen to default, big)",
    ),
    "no such pool": (facts(waiting(pool="db")), "task 'extract' waits: there is no pool 'db'"),
    "full pool": (
        facts(waiting(pool="db"), pools={"db": pool("db", 2, 0)}),
        "task 'extract' waits: the pool 'db' is full (2 of 2 slots taken)",
    ),
    "a pool with too little room for this task": (
        facts(waiting(pool="db", pool_slots=3), pools={"db": pool("db", 4, 2)}),
        "task 'extract' waits: the pool 'db' is full (2 of 4 slots taken)",
    ),
    "max_active_tasks": (
        facts(
            waiting(), task("orders", "other", "running", start_date="2026-01-31T06:00:30Z"),
            dag=dag("orders", max_active_tasks=1),
        ),
        "task 'extract' waits: 1 task of the run must end first: max_active_tasks is 1",
    ),
    "all slots taken": (
        facts(waiting(state="queued"), running_tasks=4),
        "task 'extract' waits: all 4 slots of the workers are taken",
    ),
    "in the queue": (
        facts(waiting(state="queued"), running_tasks=1),
        "task 'extract' waits: it is in the queue 'default', and no worker has taken it yet",
    ),
    "in Airflow's words": (
        facts(
            waiting(state=None),
            blocked={
                ("extract", -1): (
                    ("Dag Not Paused", "Task's DAG 'orders' is paused."),
                    ("Previous Dagrun State", "depends_on_past is true for this task's DAG, but the previous failed."),
                )
            },
        ),
        "task 'extract' waits: depends_on_past is true for this task's DAG, but the previous failed.",
    ),
    "not looked at": (facts(waiting(state=None)), "task 'extract' waits: the scheduler has not looked at it yet"),
    "deferred": (
        facts(waiting(state="deferred", trigger={"classpath": "airflow.triggers.temporal.DateTimeTrigger"})),
        "task 'extract' waits: it waits for an event (DateTimeTrigger)",
    ),
    "deferred without a triggerer": (
        facts(waiting(state="deferred"), components=(component("worker"),)),
        "task 'extract' waits: it waits for an event, but no triggerer runs",
    ),
    "a sensor": (
        facts(waiting(state="up_for_reschedule")),
        "task 'extract' waits: it is a sensor that looks again later",
    ),
    "mapped": (facts(waiting(map_index=2, pool="db")), "task 'extract[2]' waits: there is no pool 'db'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_why_a_task_waits(name: str) -> None:
    found, sentence = REASONS[name]
    assert sentence in sentences(found)


def test_tasks_that_wait_for_the_same_reason_are_told_together() -> None:
    instances = [task("orders", f"t{n}", "scheduled", pool="db") for n in range(7)]
    assert sentences(facts(*instances)) == [
        "tasks 't0', 't1', 't2', 't3' and 3 more wait: there is no pool 'db'",
    ]


def test_tasks_behind_others_are_told_after_what_holds_them_up() -> None:
    found = facts(
        task("orders", "extract", "running", start_date="2026-01-31T06:00:30Z", hostname="box"),
        task("orders", "load", None),
        task("orders", "report", None),
    )
    assert sentences(found) == [
        "task 'extract' has been running for 30.0s on box",
        "tasks 'load', 'report' wait for tasks before them ('load' for 'extract')",
    ]


def test_an_unhealthy_worker_is_part_of_the_reason() -> None:
    worker = component("worker", State.BACKOFF, reason="killed by signal 9")
    assert sentences(facts(waiting(state="queued"), components=(worker,)))[0] == (
        "the worker is not healthy (restarting: killed by signal 9)"
    )


QUEUED = {
    "max_active_runs": (
        {"active_runs": 1, "dag": dag("orders", max_active_runs=1)},
        ["1 run of the Dag must end first: max_active_runs is 1"],
    ),
    "not yet": (
        {"run": run("orders", state="queued", run_after="2026-01-31T07:00:00Z")},
        ["it may not start before 2026-01-31 07:00 UTC"],
    ),
    "paused": ({"dag": dag("orders", is_paused=True)}, ["Dag 'orders' is paused: nothing of it starts"]),
    "scheduler": (
        {"components": (component("scheduler", State.STARTING),)},
        ["the scheduler is not healthy (starting)", "the scheduler has not started it yet"],
    ),
}


@pytest.mark.parametrize("name", QUEUED)
def test_why_a_run_is_queued(name: str) -> None:
    more, said = QUEUED[name]
    verdict = diagnosis.judge(facts(state="queued", **more))
    assert verdict.sentence == "run manual__1 of 'orders' is queued"
    assert [finding.sentence for finding in verdict.findings] == said


NO_RUN = {
    "manual": ({}, ["it has no schedule: it runs when it is triggered"]),
    "due later": (
        {"timetable_summary": "@daily", "next_dagrun_run_after": "2026-01-31T08:01:00Z"},
        ["its first run is due at 2026-01-31 08:01 UTC, in 2h00m"],
    ),
    "overdue": (
        {"timetable_summary": "@daily", "next_dagrun_run_after": "2026-01-31T05:00:00Z"},
        ["a run has been due since 2026-01-31 05:00 UTC; the scheduler has not made it yet"],
    ),
    "overdue but paused": (
        {"timetable_summary": "@daily", "next_dagrun_run_after": "2026-01-31T05:00:00Z", "is_paused": True},
        ["Dag 'orders' is paused: nothing of it starts"],
    ),
    "nothing due": (
        {"timetable_summary": "@once"},
        ["nothing is due: its schedule has no further run, or it waits for an asset"],
    ),
}


@pytest.mark.parametrize("name", NO_RUN)
def test_why_a_dag_has_not_run(name: str) -> None:
    more, said = NO_RUN[name]
    verdict = diagnosis.judge(RunFacts(dag=dag("orders", **more), now=NOW))
    assert (verdict.sentence, verdict.state) == ("Dag 'orders' has not run yet", "no_run")
    assert [finding.sentence for finding in verdict.findings] == said


def test_a_failed_task_names_what_did_not_run_because_of_it() -> None:
    found = facts(
        task("orders", "extract", "failed", duration=3.0, end_date="x", try_number=2, max_tries=1),
        task("orders", "load", "upstream_failed"),
        task("orders", "report", "upstream_failed"),
        state="failed",
        logs={("extract", -1): Log(("reading",), "KeyError: 'price'", ("steps.py:3 in load",))},
    )
    (finding,) = diagnosis.judge(found).findings
    assert finding.sentence == (
        "task 'extract' failed after 3.0s (attempt 2 of 2); because of it tasks 'load', 'report' did not run"
    )
    assert finding.cause == "the task's code looked for 'price' where it is not"
    assert finding.next == "airfleet trigger orders --wait"


def test_a_task_that_will_be_tried_again() -> None:
    (finding,) = diagnosis.judge(facts(task("orders", "extract", "up_for_retry", max_tries=2))).findings
    assert (finding.kind, finding.sentence) == (
        "retrying",
        "task 'extract' failed (attempt 1 of 3) and will be tried again",
    )


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("PT1H", "no task failed: the run took longer than dagrun_timeout allows (PT1H)"),
        (None, "no task failed: the run was set to failed, or its tasks were removed from the Dag"),
    ],
)
def test_a_run_that_failed_without_a_failed_task(limit: str | None, sentence: str) -> None:
    found = facts(task("orders", "extract", "skipped"), state="failed", dag=dag("orders", dag_run_timeout=limit))
    assert sentences(found) == [sentence]


def test_a_run_that_succeeded_needs_no_words() -> None:
    done = run("orders", state="success", duration=8.0, end_date="2026-01-31T06:00:08Z")
    verdict = diagnosis.judge(facts(task("orders", "extract", "success"), run=done))
    assert verdict.sentence == "run manual__1 of 'orders' succeeded after 8.0s"
    assert verdict.findings == ()


def message(event: str, **more: Any) -> dict[str, Any]:
    return {"timestamp": "2026-01-31T06:00:01.5Z", "event": event, "level": "info", **more}


LOG = [
    {"event": "::group::Log message source details", "sources": ["/logs/1.log"]},
    {"event": "/logs/attempt=1.log"},
    {"event": "::endgroup::"},
    message("Filling up the DagBag from /shop/pipelines/orders.yaml"),
    message("reading in.csv\nof today"),
    message(
        "Task failed with exception",
        level="error",
        error_detail=[
            {
                "exc_type": "ModuleNotFoundError",
                "exc_value": "No module named 'pandas'",
                "frames": [
                    {"filename": "/venv/site-packages/airflow/x.py", "lineno": 1, "name": "run"},
                    {"filename": "/shop/shop/steps.py", "lineno": 12, "name": "load"},
                ],
            }
        ],
    ),
    message("::group::Post Execute"),
]


def test_the_end_of_a_structured_log() -> None:
    assert evidence.read_log(LOG) == Log(
        ("06:00:01 reading in.csv", "06:00:01 of today", "06:00:01 ERROR Task failed with exception"),
        "ModuleNotFoundError: No module named 'pandas'",
        ("/shop/shop/steps.py:12 in load",),
    )


def test_a_task_that_exits_says_its_code() -> None:
    entry = {"timestamp": "2026-11-25T21:38:46.25Z", "level": "error", "event": "Task exited", "exit_code": 2}
    assert evidence.read_log([entry]) == Log(("21:38:46 ERROR Task exited with code 2",))


def test_the_end_of_a_log_of_plain_lines() -> None:
    assert evidence.read_log(["one\ntwo", "three"]) == Log(("one", "two", "three"))


@pytest.fixture
def failed(airflow: FakeAirflow) -> FakeAirflow:
    airflow.dags = {"orders": dag("orders")}
    airflow.tasks = {"orders": {"extract": ["load"], "load": []}}
    airflow.runs = [
        run("orders", "old", "success", run_after="2026-01-01T00:00:00Z", duration=2.0, end_date="x"),
        run("orders", state="failed", duration=4.0, end_date="2026-01-31T06:00:04Z"),
    ]
    airflow.instances = [
        task("orders", "load", "upstream_failed"),
        task("orders", "extract", "failed", duration=3.0, end_date="2026-01-31T06:00:03Z"),
    ]
    airflow.logs = {"extract": LOG}
    return airflow


def test_why_tells_the_latest_run_with_log_cause_and_next_command(
    failed: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    attempts = project.paths.task_logs / "dag_id=orders" / "run_id=manual__1" / "task_id=extract"
    attempts.mkdir(parents=True)
    (attempts / "attempt=1.log").write_text("")
    result = airfleet("why", "orders")
    assert result.code == 0
    assert result.out == (
        "run manual__1 of 'orders' failed after 4.0s\n"
        "\n"
        "✗ task 'extract' failed after 3.0s; because of it task 'load' did not run\n"
        "    06:00:01 reading in.csv\n"
        "    06:00:01 of today\n"
        "    06:00:01 ERROR Task failed with exception\n"
        "  ModuleNotFoundError: No module named 'pandas'\n"
        "    at /shop/shop/steps.py:12 in load\n"
        "  likely cause: the worker has no Python module 'pandas'\n"
        "  what helps:   install it into the fleet's environment, or put it beside pipelines/ in the project\n"
        f"  its whole log: {attempts / 'attempt=1.log'}\n"
        "\n"
        "next: airfleet trigger orders --wait\n"
    )


def test_a_log_on_this_machine_is_read_from_its_end_and_no_api_is_asked_for_it(
    failed: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    file = project.paths.task_logs / "dag_id=orders" / "run_id=manual__1" / "task_id=extract" / "attempt=1.log"
    file.parent.mkdir(parents=True)
    with file.open("w") as log:
        log.seek(20 * 2**30)  # most of it is a hole: whoever reads it all needs 20 GB
        log.write("\n" + "".join(json.dumps(entry) + "\n" for entry in LOG))
    result = airfleet("why", "orders")
    assert "likely cause: the worker has no Python module 'pandas'" in result.out
    assert not [path for _, path, _ in failed.requests if "/logs/" in path]


def test_a_log_elsewhere_is_streamed(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.logs["extract"] = [message(f"line {number}" + "x" * 100) for number in range(20_000)] + LOG
    result = airfleet("why", "orders")
    assert "likely cause: the worker has no Python module 'pandas'" in result.out
    assert "could be read in time" not in result.out


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def endless() -> Iterator[str]:
    """A server whose answer never ends, as long as somebody reads it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(b'{"event": "still here"}\n' * 4000)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with listening(Handler) as url:
        yield url


def test_an_answer_without_an_end_is_cut_off() -> None:
    with endless() as url:
        data, is_whole, is_end = Api(url, "admin", "", token="t").end_of("x", seconds=1.0, most_bytes=100_000)
    assert (is_whole, is_end) == (False, False)
    assert len(data) <= 200_000 + 64 * 1024


@pytest.mark.parametrize("line", ["not json", "[1]", '{"event": 3}', '"text"', "[" * 100_000])
def test_a_line_that_is_no_message_is_text(line: str) -> None:
    assert list(task_logs.entries(line.encode(), is_whole=True)) == [line]


def test_half_a_line_at_the_beginning_is_left_out_but_when_there_is_no_other() -> None:
    assert list(task_logs.entries(b"half\nwhole\n", is_whole=False)) == ["whole"]
    assert list(task_logs.entries(b"half", is_whole=False)) == ["half"]


def test_a_log_with_nothing_to_tell_is_none() -> None:
    assert evidence.read_log([]) == Log()


NO_DAG = [message("Dag not found during start up", level="error", path="fresh.yaml"), message("Rescheduling task")]


def test_a_task_whose_dag_is_not_on_the_worker_yet_is_no_sensor(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.runs = [run("orders")]
    failed.instances = [task("orders", "extract", "up_for_reschedule", hostname="work1.3fa80c12")]
    failed.logs = {"extract": NO_DAG}
    result = airfleet("why", "orders")
    assert (
        "task 'extract' waits: host 'work1' has no pipelines/fresh.yaml, or that file is another one there and has not "
        "got the Dag\n  what helps:   bring the file there: the worker looks again each minute"
    ) in result.out


def test_a_task_that_failed_because_its_dag_never_came_says_so(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.instances = [task("orders", "extract", "failed", hostname="work1.3fa80c12")]
    failed.logs = {"extract": [NO_DAG[0], message("Startup reschedule limit exceeded", level="error")]}
    assert "likely cause: host 'work1' has no pipelines/fresh.yaml" in airfleet("why", "orders").out


def test_why_as_json(failed: FakeAirflow, airfleet: Airfleet) -> None:
    data = json.loads(airfleet("why", "orders", "manual__1", "-o", "json").out)
    assert (data["run_id"], data["state"], data["findings"][0]["kind"]) == ("manual__1", "failed", "failed")
    assert data["findings"][0]["tasks"] == ["extract"]


def test_why_of_a_named_run(failed: FakeAirflow, airfleet: Airfleet) -> None:
    assert airfleet("why", "orders", "old").out == "run old of 'orders' succeeded after 2.0s\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["ordres"], "error: no Dag named 'ordres'\nhint: did you mean 'orders'?\n"),
        (["orders", "manual__2"], "error: Dag 'orders' has no run 'manual__2'\nhint: did you mean 'manual__1'?\n"),
        (["orders", "x"], "error: Dag 'orders' has no run 'x'\nhint: the latest is manual__1\n"),
    ],
)
def test_why_of_what_is_not_there(argv: list[str], said: str, failed: FakeAirflow, airfleet: Airfleet) -> None:
    result = airfleet("why", *argv)
    assert (result.code, result.out, result.err) == (1, "", said)


def test_a_log_that_is_gone_does_not_hide_the_failure(failed: FakeAirflow, airfleet: Airfleet) -> None:
    failed.logs = {}
    out = airfleet("why", "orders").out
    assert "✗ task 'extract' failed after 3.0s" in out
    assert "    (its log cannot be read: TaskInstance not found)\n" in out


def test_why_of_a_waiting_run_compares_with_fleet_yaml(
    failed: FakeAirflow, airfleet: Airfleet, project: Project
) -> None:
    project.fleet_file.write_text("name: shop\nworkers: [{name: w, queues: [a, b], slots: 2}]\n")
    failed.runs[1] |= {"state": "running", "duration": None, "end_date": None}
    failed.instances = [task("orders", "extract", "queued", queue="gpu"), task("orders", "load", None)]
    out = airfleet("why", "orders").out
    assert "· task 'extract' waits: no worker listens to the queue 'gpu' (workers listen to a, b)\n" in out
    assert "· task 'load' waits for tasks before it ('load' for 'extract')\n" in out


def test_why_without_a_running_fleet(project: Project, airfleet: Airfleet) -> None:
    result = airfleet("why", "orders")
    assert result.code == 1
    assert result.err == f"error: the fleet in {project.root} is not running\nhint: airfleet up\n"
