"""Looks for rows that cannot be loaded among a hundred thousand task instances; prints how long it took. [A]"""

from __future__ import annotations

import json
import time
from typing import Any

from airflow.settings import Session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import event, text

from airfleet.scheduler.isolation import unloadable_rows
from support import peak_memory
from support.beside_airflow import store_dags

ROWS, BAD = 100_000, 5


def main() -> dict[str, Any]:
    """Make the rows, spoil some, and look for them."""
    store_dags()
    with Session() as session:
        from airflow.models.serialized_dag import SerializedDagModel

        dag = SerializedDagModel.get_dag("many", session=session)
        dag.create_dagrun(
            run_id="one", run_type=DagRunType.MANUAL, state="running", triggered_by=DagRunTriggeredByType.TEST,
            logical_date=None, run_after=_now(), session=session,
        )  # fmt: skip
        session.commit()
        columns = [row[0] for row in session.execute(text(_COLUMNS))]
        named = ", ".join(columns)
        session.execute(text(_MULTIPLY.format(named=named, ROWS=ROWS)))
        session.execute(text(_FINISH))
        session.execute(text("ANALYZE task_instance"))
        session.commit()
    found: dict[str, Any] = {"first": _search()}
    with Session() as session:
        session.execute(text(_SPOIL.format(BAD=BAD)))
        session.commit()
    found["spoilt"] = _search()
    return found


def _search() -> dict[str, Any]:
    statements: list[str] = []
    with Session() as session:
        event.listen(session.get_bind(), "before_cursor_execute", lambda *given: statements.append(given[2]))
        before = peak_memory.forget_peak()
        begun = time.monotonic()
        rows = unloadable_rows.mend(session)
        seconds = time.monotonic() - begun
        session.commit()
    grown = peak_memory.peak_bytes() - before
    return {"seconds": seconds, "rows": len(rows), "statements": len(statements), "megabytes": grown >> 20}


def _now() -> Any:
    from airflow._shared.timezones import timezone

    return timezone.utcnow()


_COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_name = 'task_instance' AND column_name NOT IN ('id', 'map_index')
"""
_MULTIPLY = """
INSERT INTO task_instance (id, map_index, {named})
SELECT gen_random_uuid(), number, {named} FROM task_instance, generate_series(1, {ROWS}) AS number
"""
_FINISH = "UPDATE task_instance SET state = 'success' WHERE map_index % 2 = 0"
_SPOIL = "UPDATE task_instance SET next_kwargs = '[1]' WHERE map_index BETWEEN 1000 AND 999 + {BAD}"

if __name__ == "__main__":
    print("\n" + json.dumps(main()))
