"""``airfleet trigger``: start a run of a Dag on the running fleet, and watch it if wished."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from pathlib import Path
from typing import Any

import click

from airfleet.cli import options
from airfleet.cli.output import tables, terminal
from airfleet.cli.queries import api_queries, pipeline_file, run_watcher
from airfleet.cli.queries.api_queries import Json
from airfleet.client import api_client
from airfleet.client.api_client import Api, ApiError
from airfleet.client.project import Project, find
from airfleet.errors import EXIT_OK, EXIT_WRONG, FleetError

#: how long a Dag that the project has, but the fleet does not know yet, is waited for
READING_SECONDS = 30.0
#: exit code of the process that looks whether the project has it, if it cannot tell; else 0 or 1
_COULD_NOT_LOOK = 2

COLUMNS = {"dag_id": "dag", "run_id": "run", "state": "state"}


def _conf(ctx: click.Context, param: click.Parameter, text: str | None) -> dict[str, Any]:
    if not text:
        return {}
    try:
        conf = json.loads(text)
    except ValueError as wrong:
        raise click.BadParameter(f"not JSON: {wrong}", ctx=ctx, param=param) from wrong
    if not isinstance(conf, dict):
        raise click.BadParameter("a JSON object is needed, like '{\"day\": 3}'", ctx=ctx, param=param)
    return conf


@click.command(
    epilog="\b\nExamples:\n  airfleet trigger hello --wait\n"
    "  airfleet trigger orders --param day=2026-01-31 --wait --timeout 10m"
)
@click.argument("dag_id")
@options.option("--conf", callback=_conf, metavar="JSON", help="The run's conf.")
@options.option(
    "--param",
    "params",
    multiple=True,
    callback=options.pairs,
    metavar="KEY=VALUE",
    help="One entry of conf; repeatable.",
)
@options.option(
    "--date",
    callback=options.moment,
    metavar="DATE",
    help="The run's logical date, UTC if no zone is given; without it, now.",
)
@options.option("--no-date", is_flag=True, help="A run without a logical date; it has no {{ ds }} and the like.")
@options.option("--unpause", is_flag=True, help="Unpause the Dag first.")
@options.option("--wait/--no-wait", default=False, show_default=True, help="Show the run task by task until it ends.")
@options.timeout(None, "With --wait: how long it may take.")
@options.output()
@options.project
def command(
    dag_id: str,
    conf: dict[str, Any],
    params: dict[str, Any],
    date: dt.datetime | None,
    no_date: bool,
    unpause: bool,
    wait: bool,
    timeout: float | None,
    output: str,
    project: Path | None,
) -> int:
    """Start a run of a Dag on the running fleet.

    Exit code with --wait: 0 the run succeeded, 1 it failed, 124 it was not over in time.
    """
    found = find(project)
    api, _ = api_client.connect(found)
    dag = _known(api, dag_id, found)
    now = dt.datetime.now(dt.UTC)
    if not no_date:
        _in_its_time(dag, date or now)
    _make_ready(api, dag, unpause=unpause)
    run = start(api, dag_id, {**conf, **params}, None if no_date else date or now, now=now)
    terminal.say(f"started run {run['dag_run_id']} of '{dag_id}'")
    if not wait:
        row = {"dag_id": dag_id, "run_id": run["dag_run_id"], "state": run["state"]}
        tables.put_rows([row], output, COLUMNS, whole=run)
        return EXIT_OK
    return _watch(api, dag_id, run["dag_run_id"], timeout, output)


def _known(api: Api, dag_id: str, project: Project) -> Json:
    """Return the Dag's details; wait for a pipeline of this project that is not known yet.

    A fleet that has just begun, or a file that was just written, takes a moment to be read.

    Raises:
        FleetError: there is no such Dag.
    """
    deadline = time.monotonic() + READING_SECONDS
    waits = False
    while True:
        try:
            return api_queries.find(api, dag_id)
        except FleetError:
            if time.monotonic() >= deadline or not (waits or _is_here(dag_id, project)):
                raise
        if not waits:
            terminal.say(f"the fleet has not read '{dag_id}' yet; waiting for it")
            waits = True
        time.sleep(0.3)


def _is_here(dag_id: str, project: Project) -> bool:
    """Tell whether a file of the project's pipelines says that Dag, without a problem.

    A process of its own looks, and takes its memory with it: this one waits for as long as a run takes, and a small
    machine needs the 10 MB meanwhile. A problem of ``fleet.yaml`` is found here again, for the person.
    """
    looks = os.fork()
    if looks == 0:
        found = _COULD_NOT_LOOK
        try:
            found = int(_says(dag_id, project))
        finally:
            os._exit(found)
    found = os.waitstatus_to_exitcode(os.waitpid(looks, 0)[1])
    return bool(found) if found in {0, 1} else _says(dag_id, project)


def _says(dag_id: str, project: Project) -> bool:
    """Read the files, and tell whether one says that Dag."""
    from airfleet.fleet.config.reader import read_file
    from airfleet.pipelines.checks.pipeline_checks import read_and_check
    from airfleet.pipelines.files import listing

    fleet = read_file(project.fleet_file, project.environ)
    for file in listing.of(Path(fleet.root) / fleet.pipelines, pipeline_file.rules_of(fleet)).pipelines:
        checked = read_and_check(file, environ={**project.environ, **fleet.task_environment}, only=dag_id)
        if any(pipeline.dag_id == dag_id for pipeline in checked.pipelines):
            return True
    return False


def _make_ready(api: Api, dag: Json, *, unpause: bool) -> None:
    """See that a run of the Dag would run.

    Raises:
        FleetError: its file has problems, or it is paused.
    """
    dag_id = dag["dag_id"]
    problem = api_queries.import_error(api, dag)
    if problem:
        raise FleetError(f"'{dag_id}' cannot be triggered: {problem}", hint="airfleet check")
    if not dag["is_paused"]:
        return
    if not unpause:
        raise FleetError(f"Dag '{dag_id}' is paused: a run would wait", hint=f"airfleet trigger {dag_id} --unpause")
    api.patch("dags", dag_id, body={"is_paused": False}, update_mask="is_paused")


def _in_its_time(dag: Json, date: dt.datetime) -> None:
    """See that a run of that date would have tasks: Airflow leaves out those outside of their dates, and succeeds.

    Raises:
        FleetError: the Dag begins later, or has ended earlier.
    """
    begin, end = api_queries.moment(dag.get("start_date")), api_queries.moment(dag.get("end_date"))
    for key, limit in (("start_date", begin), ("end_date", end)):
        if limit is not None and (limit > date if key == "start_date" else limit < date):
            written = limit.isoformat(timespec="minutes")
            sentence = f"no task of '{dag['dag_id']}' takes part in a run of {date.isoformat(timespec='minutes')}"
            raise FleetError(f"{sentence}: its {key} is {written}", hint=f"--date {written}, or --no-date")


def start(api: Api, dag_id: str, conf: dict[str, Any], date: dt.datetime | None, *, now: dt.datetime) -> Json:
    """Create the run.

    Its id is made here: when the answer gets lost and the request is sent again, the second one
    meets the first one's run instead of making another.
    """
    run_id = f"manual__{now.isoformat()}"
    body = {"dag_run_id": run_id, "logical_date": date.isoformat() if date else None, "conf": conf}
    try:
        run: Json = api.post("dags", dag_id, "dagRuns", body=body, repeatable=True)
        return run
    except ApiError as refused:
        if refused.status == 409:
            return _there_already(api, dag_id, run_id, date, refused)
        if refused.status in (400, 422):
            raise FleetError(f"'{dag_id}' was not triggered: {refused.detail}") from refused
        raise


def _there_already(api: Api, dag_id: str, run_id: str, date: dt.datetime | None, refused: ApiError) -> Json:
    """Ours, sent twice; or another run that has the same logical date."""
    try:
        run: Json = api.get("dags", dag_id, "dagRuns", run_id)
        return run
    except ApiError:
        when = f" of {date.isoformat()}" if date else ""
        raise FleetError(f"'{dag_id}' already has a run{when}", hint=f"airfleet why {dag_id}") from refused


def _watch(api: Api, dag_id: str, run_id: str, timeout: float | None, output: str) -> int:
    try:
        run, instances = run_watcher.watch(api, dag_id, run_id, timeout)
    except KeyboardInterrupt:
        terminal.say(f"the run goes on; to see how it does: airfleet why {dag_id} {run_id}")
        raise
    if output != "table":
        tables.put_rows(
            run_watcher.rows(instances),
            output,
            run_watcher.COLUMNS,
            whole={**run, "tasks": run_watcher.rows(instances)},
        )
    terminal.say(run_watcher.sentence(run, instances))
    if run["state"] == "success":
        if not instances:
            terminal.say("no task took part in it: each has a start_date that is later, or an end_date that is earlier")
        return EXIT_OK if instances else EXIT_WRONG
    terminal.say(f"hint: airfleet why {dag_id} {run_id}")
    return EXIT_WRONG
