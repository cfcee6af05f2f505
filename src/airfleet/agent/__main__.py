"""``python -m airfleet.agent --root FOLDER --report FD``: the agent's process, from its first line to its last.

The agent reports a refusal, or its pid, as one JSON line on the descriptor ``FD`` and closes it. From then on people
talk to it through its socket.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import json
import os
import socket
import sys
from pathlib import Path

from airfleet import events
from airfleet.agent import bootstrap
from airfleet.agent.assembly import assemble
from airfleet.agent.control import AlreadyRuns
from airfleet.agent.database.finding import MAY_MIGRATE
from airfleet.agent.host import cgroups, environment, log_retention, log_rotation
from airfleet.errors import AirfleetError, FileProblems, FleetError
from airfleet.fleet.planning.paths import fleet_id
from airfleet.system import connection_timeouts, disk_full_logging


def main() -> None:
    """Prepare, report, run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    arguments = parser.parse_args()
    with os.fdopen(arguments.report, "w") as report:
        try:
            prepared = bootstrap.prepare(arguments.root, {**os.environ, **environment.read(sys.stdin)})
            listener = bootstrap.listen(prepared.paths.socket)
        except AirfleetError as refused:
            json.dump(_refusal(refused), report)
            sys.exit(refused.exit_code)
        except OSError as refused:
            json.dump(_refused_by_the_machine(refused), report)
            sys.exit(1)
        json.dump({"pid": os.getpid()}, report)
    # Of this start alone: no component has it in its environment.
    _run(prepared, listener, may_migrate=bool(os.environ.pop(MAY_MIGRATE, "")))


def _run(prepared: bootstrap.Prepared, listener: socket.socket, *, may_migrate: bool = False) -> None:
    with disk_full_logging.text(prepared.paths.log("agent")) as file, prepared.lock, listener:
        log = events.to_file(file, lambda: dt.datetime.now().astimezone())
        if prepared.leftovers:
            log(events.Event.LEFTOVERS_ENDED, count=len(prepared.leftovers))
        if prepared.inherited.workers:
            log(events.Event.WORKERS_INHERITED, count=len(prepared.inherited.workers))
        log_rotation.set_aside_from_now_on(prepared.paths.logs, log)
        log_retention.delete_from_now_on(prepared.plan, (prepared.paths.logs, prepared.paths.task_logs), log)
        group = cgroups.prepare(prepared.plan, fleet_id(prepared.paths.home), log)
        try:
            agent = assemble(
                prepared.plan,
                prepared.paths,
                log,
                inherited=prepared.inherited,
                withheld=prepared.withheld,
                may_migrate=may_migrate,
                edits=prepared.edits,
                facts=prepared.facts,
            )
            if any(component.kind == "postgres" for component in prepared.plan.components):
                connection_timeouts.forget_the_callers(os.environ)
            agent.run(listener)
        finally:
            cgroups.remove(group)
            prepared.paths.socket.unlink(missing_ok=True)


def _refused_by_the_machine(refused: OSError) -> dict[str, object]:
    where = f": {refused.filename}" if refused.filename else ""
    sentence = f"cannot prepare the fleet's home: {refused.strerror or refused}{where}"
    return {"sentence": sentence, "hint": "mend that, or name another place with AIRFLEET_HOME"}


def _refusal(refused: AirfleetError) -> dict[str, object]:
    if isinstance(refused, FileProblems):
        return {"problems": [dataclasses.asdict(problem) for problem in refused.problems]}
    if isinstance(refused, FleetError):
        return {"sentence": refused.sentence, "hint": refused.hint, "runs": isinstance(refused, AlreadyRuns)}
    return {"sentence": str(refused), "hint": None}


if __name__ == "__main__":
    main()
