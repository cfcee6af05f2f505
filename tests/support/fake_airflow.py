"""An api-server that only answers: the routes of Airflow's REST API that the command line uses, from a dict."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "admin", "correct horse"
Json = dict[str, Any]


def dag(dag_id: str, **more: Any) -> Json:
    """Make a Dag as ``GET /dags/{id}/details`` gives it."""
    return {
        "dag_id": dag_id,
        "is_paused": False,
        "is_stale": False,
        "has_import_errors": False,
        "fileloc": f"/project/pipelines/{dag_id}.yaml",
        "relative_fileloc": f"{dag_id}.yaml",
        "timetable_summary": None,
        "next_dagrun_run_after": None,
        "max_active_runs": 16,
        "max_active_tasks": 16,
        "dag_run_timeout": None,
        **more,
    }


def run(dag_id: str, run_id: str = "manual__1", state: str = "running", **more: Any) -> Json:
    """Make a run as ``GET /dags/{id}/dagRuns/{run}`` gives it."""
    return {
        "dag_id": dag_id,
        "dag_run_id": run_id,
        "state": state,
        "run_after": "2026-01-31T06:00:00Z",
        "start_date": "2026-01-31T06:00:00Z",
        "end_date": None,
        "duration": None,
        "conf": {},
        **more,
    }


def task(dag_id: str, task_id: str, state: str | None, run_id: str = "manual__1", **more: Any) -> Json:
    """Make a task instance as ``GET …/taskInstances`` gives it."""
    return {
        "dag_id": dag_id,
        "dag_run_id": run_id,
        "task_id": task_id,
        "map_index": -1,
        "state": state,
        "start_date": None,
        "end_date": None,
        "duration": None,
        "try_number": 1,
        "max_tries": 0,
        "hostname": None,
        "pool": "default_pool",
        "pool_slots": 1,
        "queue": "default",
        "trigger": None,
        **more,
    }


@dataclass
class FakeAirflow:
    """The state of the api-server; tests change it, also between two requests."""

    dags: dict[str, Json] = field(default_factory=dict)
    #: task -> downstream tasks
    tasks: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    runs: list[Json] = field(default_factory=list)
    instances: list[Json] = field(default_factory=list)
    logs: dict[str, list[Any]] = field(default_factory=dict)
    dependencies: dict[str, list[Json]] = field(default_factory=dict)
    import_errors: list[Json] = field(default_factory=list)
    pools: list[Json] = field(default_factory=lambda: [pool("default_pool")])
    #: called before each answer to a GET of a run: lets time pass
    on_run: Callable[[FakeAirflow], None] = lambda _: None
    #: HTTP statuses to answer the next requests with, instead of the truth
    failures: list[int] = field(default_factory=list)
    #: run ids whose first POST succeeds but whose answer is lost
    lose_answers: int = 0
    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        for pattern, its_method, handler in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and its_method == method:
                return handler(self, *map(unquote, match.groups()), query=query, body=body)
        return 404, {"detail": "Not Found"}


def pool(name: str, slots: int = 128, open_slots: int = 128) -> Json:
    return {"name": name, "slots": slots, "open_slots": open_slots, "occupied_slots": slots - open_slots}


def _token(fake: FakeAirflow, *, query: Json, body: Any) -> tuple[int, Any]:
    if body != {"username": USER, "password": PASSWORD}:
        return 401, {"detail": "Invalid credentials"}
    return 201, {"access_token": "token-1"}


def _dag(fake: FakeAirflow, dag_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    if dag_id not in fake.dags:
        return 404, {"detail": f"The Dag with ID: `{dag_id}` was not found"}
    return 200, fake.dags[dag_id]


def _patch_dag(fake: FakeAirflow, dag_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    fake.dags[dag_id] |= body
    return 200, fake.dags[dag_id]


def _dags(fake: FakeAirflow, *, query: Json, body: Any) -> tuple[int, Any]:
    return 200, _page("dags", list(fake.dags.values()), query)


def _errors(fake: FakeAirflow, *, query: Json, body: Any) -> tuple[int, Any]:
    return 200, _page("import_errors", fake.import_errors, query)


def _pools(fake: FakeAirflow, *, query: Json, body: Any) -> tuple[int, Any]:
    return 200, _page("pools", fake.pools, query)


def _tasks(fake: FakeAirflow, dag_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    known = fake.tasks.get(dag_id, {})
    tasks = [{"task_id": name, "downstream_task_ids": downs} for name, downs in known.items()]
    return 200, {"tasks": tasks, "total_entries": len(tasks)}


def _runs(fake: FakeAirflow, dag_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    runs = [r for r in fake.runs if dag_id in ("~", r["dag_id"]) and query.get("state", r["state"]) == r["state"]]
    if query.get("order_by") == "-run_after":
        runs = sorted(runs, key=lambda r: r["run_after"], reverse=True)
    return 200, _page("dag_runs", runs, query)


def _run(fake: FakeAirflow, dag_id: str, run_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    fake.on_run(fake)
    for entry in fake.runs:
        if (entry["dag_id"], entry["dag_run_id"]) == (dag_id, run_id):
            return 200, entry
    return 404, {"detail": "The DagRun was not found"}


def _trigger(fake: FakeAirflow, dag_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    if any(_same_run(entry, dag_id, body) for entry in fake.runs):
        return 409, {"detail": {"reason": "Unique constraint violation"}}
    if "bad" in body["conf"]:
        return 400, {"detail": "Invalid input for param bad: 3 is not of type 'string'"}
    entry = run(dag_id, body["dag_run_id"], "queued", conf=body["conf"], logical_date=body["logical_date"])
    fake.runs.append(entry)
    fake.instances += [task(dag_id, name, None, body["dag_run_id"]) for name in fake.tasks.get(dag_id, {})]
    if fake.lose_answers:
        fake.lose_answers -= 1
        return 0, None
    return 200, entry


def _same_run(entry: Json, dag_id: str, body: Json) -> bool:
    """Refuse a run id or a logical date that occurs twice in a Dag."""
    date = entry.get("logical_date")
    same = entry["dag_run_id"] == body["dag_run_id"] or (date is not None and date == body["logical_date"])
    return bool(entry["dag_id"] == dag_id and same)


def _instances(fake: FakeAirflow, dag_id: str, run_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    chosen = [
        ti
        for ti in fake.instances
        if dag_id in ("~", ti["dag_id"]) and run_id in ("~", ti["dag_run_id"])
        if query.get("state", ti["state"]) == ti["state"]
    ]
    return 200, _page("task_instances", chosen, query)


def _dependencies(fake: FakeAirflow, _dag: str, _run: str, task_id: str, *, query: Json, body: Any) -> tuple[int, Any]:
    return 200, {"dependencies": fake.dependencies.get(task_id, [])}


def _logs(
    fake: FakeAirflow, _dag: str, _run: str, task_id: str, number: str, *, query: Json, body: Any
) -> tuple[int, Any]:
    if task_id not in fake.logs:
        return 404, {"detail": "TaskInstance not found"}
    return 200, {"content": fake.logs[task_id], "continuation_token": None}


def _json_lines(content: list[Any]) -> Iterator[bytes]:
    """Make a log as the API streams it; lines that are no JSON have become events."""
    for entry in content:
        yield json.dumps({"event": entry} if isinstance(entry, str) else entry).encode() + b"\n"


def _page(key: str, entries: list[Json], query: Json) -> Json:
    first, count = int(query.get("offset", 0)), min(int(query.get("limit", 50)), 100)
    return {key: entries[first : first + count], "total_entries": len(entries)}


_RUN = r"/api/v2/dags/([^/]+)/dagRuns/([^/]+)"
ROUTES: tuple[tuple[str, str, Callable[..., tuple[int, Any]]], ...] = (
    (r"/auth/token", "POST", _token),
    (r"/api/v2/dags", "GET", _dags),
    (r"/api/v2/dags/([^/]+)", "GET", _dag),
    (r"/api/v2/dags/([^/]+)/details", "GET", _dag),
    (r"/api/v2/dags/([^/]+)", "PATCH", _patch_dag),
    (r"/api/v2/dags/([^/]+)/tasks", "GET", _tasks),
    (r"/api/v2/dags/([^/]+)/dagRuns", "GET", _runs),
    (r"/api/v2/dags/([^/]+)/dagRuns", "POST", _trigger),
    (_RUN, "GET", _run),
    (_RUN + "/taskInstances", "GET", _instances),
    (_RUN + r"/taskInstances/([^/]+)/dependencies", "GET", _dependencies),
    (_RUN + r"/taskInstances/([^/]+)/logs/(\d+)", "GET", _logs),
    (r"/api/v2/importErrors", "GET", _errors),
    (r"/api/v2/pools", "GET", _pools),
)


@contextmanager
def serving(fake: FakeAirflow) -> Iterator[FakeAirflow]:
    """Let ``fake`` answer on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            where = urlsplit(self.path)
            fake.requests.append((self.command, where.path, body))
            query = {key: values[0] for key, values in parse_qs(where.query).items()}
            status, value = self._judge(where.path, query, body)
            if not status:
                self.close_connection = True
                return
            as_lines = status == 200 and self.headers.get("Accept") == "application/x-ndjson"
            data = b"".join(_json_lines(value["content"])) if as_lines else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-ndjson" if as_lines else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _judge(self, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
            if fake.failures:
                return fake.failures.pop(0), {"detail": "not now"}
            if path != "/auth/token" and self.headers.get("Authorization") != "Bearer token-1":
                return 401, {"detail": "Invalid JWT token"}
            return fake.answer(self.command, path, query, body)

        do_GET = do_POST = do_PATCH = do_DELETE = handle_one

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
