"""What is done to runs while they run and after them, as a person or a program would, and what is seen then."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from airfleet.client.api_client import ApiError
from airfleet.drill.waiting import wait_until
from airfleet.system.procfs import is_alive
from semantics.installation import PAUSE_SECONDS, Installation

Act = Callable[[Installation, str], Mapping[str, Any]]
#: a task that somebody ended from outside hears of it at its next heartbeat, and may then take its time
END_SECONDS = 90.0
#: what is still there after this long stays
STAYS_SECONDS = 6.0

VARIABLES = {
    "semantics_word": "a word",
    "semantics_json": '{"a": [1, 2]}',
    "semantics_password": "s3cret-words-of-a-variable",
}
CONNECTION = {
    "connection_id": "semantics_connection",
    "conn_type": "http",
    "host": "example.test",
    "login": "me",
    "password": "s3cret-of-a-connection",
    "port": 8443,
    "extra": '{"api_key": "s3cret-key", "plain": "shown"}',
}
POOL = {"name": "semantics_narrow", "slots": 1}


def furnish(there: Installation) -> None:
    """What scenarios expect to be there: Variables, a Connection, a pool."""
    for key, value in VARIABLES.items():
        there.api.post("variables", body={"key": key, "value": value})
    there.api.post("connections", body=CONNECTION)
    there.api.post("pools", body=POOL)


# --- questions ------------------------------------------------------------------------------------


def answer_questions(there: Installation, run_id: str) -> Mapping[str, Any]:
    """Give the answers that the tasks of the example wait for."""
    answers: dict[str, tuple[list[str], dict[str, str]]] = {
        "wait_for_input": (["OK"], {"information": "some words"}),
        "wait_for_option": (["option 2"], {}),
        "wait_for_multiple_options": (["option 4", "option 6"], {}),
        "valid_input_and_options": (["Approve"], {}),
        "choose_a_branch_to_run": (["task_2"], {}),
    }
    for task_id, (chosen, params) in answers.items():
        there.wait_for_task("example_hitl_operator", run_id, task_id, "awaiting_input", 90)
        where = ("dags", "example_hitl_operator", "dagRuns", run_id, "taskInstances", task_id, "-1", "hitlDetails")
        there.api.patch(*where, body={"chosen_options": chosen, "params_input": params})
    return {}


# --- tasks that are ended from outside ------------------------------------------------------------


def marked(dag_id: str, state: str) -> Act:
    """Mark the running task with this state."""

    def act(there: Installation, run_id: str) -> Mapping[str, Any]:
        pids = _running(there, dag_id)
        there.api.patch("dags", dag_id, "dagRuns", run_id, "taskInstances", "work", body={"new_state": state})
        return _ended(pids)

    return act


def run_marked(dag_id: str, state: str) -> Act:
    """Mark the run of the running task with this state."""

    def act(there: Installation, run_id: str) -> Mapping[str, Any]:
        pids = _running(there, dag_id)
        there.api.patch("dags", dag_id, "dagRuns", run_id, body={"state": state})
        return _ended(pids)

    return act


def cleared(dag_id: str) -> Act:
    """Clear the running task."""

    def act(there: Installation, run_id: str) -> Mapping[str, Any]:
        pids = _running(there, dag_id)
        clear(there, dag_id, run_id, task_ids=["work"])
        return _ended(pids)

    return act


def signalled(dag_id: str, number: signal.Signals) -> Act:
    """Send the task's process a signal."""

    def act(there: Installation, _: str) -> Mapping[str, Any]:
        pids = _running(there, dag_id)
        os.kill(pids["process"], number)
        return _ended(pids)

    return act


def _running(there: Installation, dag_id: str) -> dict[str, int]:
    """The processes of the task, by what it wrote about them."""
    there.wait_for_words(dag_id, "runs work")
    line = next(line for line in there.witnessed(f"{dag_id}.txt") if "runs work" in line)
    return {name: int(pid) for name, pid in re.findall(r"(process|child) (\d+)", line)}


def _ended(pids: Mapping[str, int]) -> Mapping[str, Any]:
    """Wait for the end of the task's process; whether its child lives on, which is ended then."""
    wait_until(lambda: not is_alive(pids["process"]), END_SECONDS, f"the task's process ended: {pids}", PAUSE_SECONDS)
    if "child" not in pids:
        return {}
    return {"its child lives on": _stays(pids["child"])}


def _stays(pid: int) -> bool:
    """Whether a process stays; it is ended in any case."""
    deadline = time.monotonic() + STAYS_SECONDS
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    stays = is_alive(pid)
    if stays:
        os.kill(pid, signal.SIGKILL)
    return stays


# --- runs that go on later ------------------------------------------------------------------------


def clear(there: Installation, dag_id: str, run_id: str, **options: Any) -> None:
    """Clear tasks of a run."""
    body = {"dry_run": False, "dag_run_id": run_id, "only_failed": False, "reset_dag_runs": True, **options}
    there.api.post("dags", dag_id, "clearTaskInstances", body=body)


def run_again(there: Installation, run_id: str) -> Mapping[str, Any]:
    """Clear a finished run and wait for its second end."""
    first = there.api.get("dags", "run_again", "dagRuns", run_id)["state"]
    clear(there, "run_again", run_id)
    there.wait_for_run("run_again", run_id, END_SECONDS)
    return {"first end": first}


def depend_on_the_past(there: Installation, run_id: str) -> Mapping[str, Any]:
    """A second run waits for the failed first one until that is marked a success."""
    there.trigger("past", "second", "2026-01-03T03:04:05Z", {})
    wait_until(
        lambda: there.api.get("dags", "past", "dagRuns", "second")["state"] == "running", 30, "it runs", PAUSE_SECONDS
    )
    time.sleep(STAYS_SECONDS)
    states = {task: there.task("past", "second", task)["state"] for task in ("follows", "next")}
    there.api.patch("dags", "past", "dagRuns", run_id, "taskInstances", "follows", body={"new_state": "success"})
    there.wait_for_task("past", run_id, "next", "success")
    there.wait_for_run("past", "second", END_SECONDS)
    return {"waited": states}


# --- what stays, what is seen ---------------------------------------------------------------------


def look_for_leftovers(there: Installation, _: str) -> Mapping[str, Any]:
    """Which processes live on that tasks started; they are ended."""
    lines = there.witnessed("leftovers.txt")
    children = {words[2]: int(words[3]) for line in lines if (words := line.split())[0] == "child"}
    return {f"child of {name} lives on": _stays(pid) for name, pid in children.items()}


def watch_log_grow(there: Installation, run_id: str) -> Mapping[str, Any]:
    """What a running task wrote is in the API before it ends."""
    seen = {}
    where = ("dags", "logs_live", "dagRuns", run_id, "taskInstances", "writes_slowly")
    for number in (1, 2, 3):
        there.wait_for_words("logs_live", f"wrote part {number}")
        began = time.monotonic()
        wait_until(lambda: _log_says(there, where, number), 30, f"part {number} in the log", PAUSE_SECONDS)  # noqa: B023
        seen[f"part {number}"] = there.api.get(*where)["state"], time.monotonic() - began < 5
        (there.witness / f"logs_live_seen_{number}").touch()
    return seen


def _log_says(there: Installation, where: tuple[str, ...], number: int) -> bool:
    try:
        content = str(there.api.get(*where, "logs", 1, full_content="false")["content"])
    except ApiError as refused:
        if refused.status != 404:
            raise
        return False
    return f"'part {number}'" in content and f"'logged part {number}'" in content
