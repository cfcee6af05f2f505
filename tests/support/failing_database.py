"""Ends attempts on a database that fails just then, by Airflow's own application, by the short path, and around it. [A]

A process of its own, with Airflow configured for that database; prints what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from support.two_paths import ASSETS, CASES, Case, Database, Sides, _headers

DEFERRED, OUTLET, AGAIN = (CASES[name].body for name in ("deferred", "success, with an outlet", "up for retry"))
#: the server closes the connection in the middle
CUT = "PERFORM pg_terminate_backend(pg_backend_pid());"


def _raises(state: str) -> str:
    return f"RAISE EXCEPTION 'no more' USING ERRCODE = '{state}';"


@dataclass(frozen=True)
class Failure:
    """The reaction of the database to a row that is inserted as an attempt reports its end."""

    table: str
    does: str
    body: Any
    before: tuple[str, ...] = ()


FAILURES = {
    "its disk is full": Failure("asset_event", _raises("53100"), OUTLET, ASSETS),
    "its disk is full as an attempt is deferred": Failure("trigger", _raises("53100"), DEFERRED),
    "a deadlock": Failure("asset_event", _raises("40P01"), OUTLET, ASSETS),
    "the api-server stood still in its transaction": Failure("asset_event", _raises("25P03"), OUTLET, ASSETS),
    "the transaction took too long": Failure("asset_event", _raises("25P04"), OUTLET, ASSETS),
    "the connection is cut": Failure("asset_event", CUT, OUTLET, ASSETS),
    "an operator stops it as a try is over": Failure("task_instance_history", _raises("57P01"), AGAIN),
    #: what no repetition mends
    "the request is too much": Failure("asset_event", _raises("54000"), OUTLET, ASSETS),
    "the request takes too long": Failure("asset_event", _raises("57014"), OUTLET, ASSETS),
    "it follows an error": Failure("asset_event", _raises("25P02"), OUTLET, ASSETS),
}


async def tell() -> dict[str, Any]:
    """Try each failure on each side: the answer, the state then, and both when the request comes again."""
    import httpx

    from airfleet.api_server.fast_path import FastPath
    from airfleet.metadata import api_availability

    database, sides = Database(), Sides()
    around = FastPath(sides.application)
    around._wanted = False  # as with [traces] otel_on and [core] multi_team
    version = sides.execution.versions.versions[0].value
    told: dict[str, Any] = {}
    async with sides.application.router.lifespan_context(sides.application):
        clients = {
            name: httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://x")
            for name, app in (("Airflow", sides.application), ("short", sides.short), ("long", around))
        }
        for name, failure in FAILURES.items():
            told[name] = {side: await _fail(failure, database, client, version) for side, client in clients.items()}
        told["heard"] = {}
        for side, client in clients.items():
            api_availability._heard.clear()
            database.reset("running")
            status = await _ask(CASES["heartbeat"], database, client, version)
            told["heard"][side] = [status, api_availability._heard.is_set()]
            api_availability._heard.clear()
            database.reset("success")
            told["heard"][side] += [
                await _ask(CASES["heartbeat"], database, client, version),
                api_availability._heard.is_set(),
            ]
    return told


async def _fail(failure: Failure, database: Database, client: Any, version: str) -> list[Any]:
    case = Case("PATCH", "/task-instances/TI/state", failure.body)
    database.reset("running", failure.before)
    database._do(
        f"CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {failure.does} RETURN NEW; END$$",
        f'CREATE TRIGGER fail BEFORE INSERT ON "{failure.table}" FOR EACH ROW EXECUTE FUNCTION fail()',
    )
    first = [await _ask(case, database, client, version), _state(database)]
    database._do("DROP FUNCTION fail CASCADE")
    return [*first, await _ask(case, database, client, version), _state(database)]


async def _ask(case: Case, database: Database, client: Any, version: str) -> int:
    answer = await client.request(
        case.method,
        "/execution" + case.path.replace("TI", database.ti_id),
        headers=_headers(case, database.ti_id, version),
        content=json.dumps(case.body).encode(),
    )
    return int(answer.status_code)


def _state(database: Database) -> str:
    (found,) = database._rows("SELECT state FROM task_instance")
    return found.strip("(',)")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(tell())))
