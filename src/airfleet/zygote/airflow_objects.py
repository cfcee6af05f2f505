"""Connections, variables and pools of ``fleet.yaml``, written into Airflow's database. [A]

One transaction, one host at a time (an advisory lock): what differs is written, the rest is left alone. A table of our
own remembers what has come from the file. An object that left the file is never deleted: a task may still use
it, or a person have taken it over. Every start names it, until it is gone or in the file again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airfleet.metadata.advisory_locks import AIRFLOW_OBJECTS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Json = Mapping[str, Any]

#: what ``airflow`` calls each kind, and how it deletes one
COMMANDS = {"connection": "connections delete", "variable": "variables delete", "pool": "pools delete"}


def write(declared: Json, session: Session) -> Iterator[str]:
    """Bring the database to ``declared`` (an ``Objects`` as JSON); yield a sentence for each change."""
    from sqlalchemy import text

    session.execute(text(f"SELECT pg_advisory_xact_lock({AIRFLOW_OBJECTS})"))
    writers = {"connection": _connection, "variable": _variable, "pool": _pool}
    names: set[tuple[str, str]] = set()
    for kind, writer in writers.items():
        written = {_name(kind, one): writer(one, session) for one in declared[f"{kind}s"]}
        names |= {(kind, name) for name in written}
        for name, changed in written.items():
            if changed:
                yield f"{kind} '{name}' is written as fleet.yaml has it"
    yield from _left(session, names)
    for kind, name in names:
        session.execute(
            text("INSERT INTO airfleet_objects VALUES (:kind, :name) ON CONFLICT DO NOTHING"),
            {"kind": kind, "name": name},
        )


def left(session: Session) -> Iterator[str]:
    """Yield sentences about objects of an earlier file, for a fleet whose file has none."""
    yield from _left(session, set())


def _left(session: Session, declared: set[tuple[str, str]]) -> Iterator[str]:
    from sqlalchemy import text

    known = {(kind, name) for kind, name in session.execute(text("SELECT kind, name FROM airfleet_objects"))}
    for kind, name in sorted(known - declared):
        if _exists(kind, name, session):
            yield f"{kind} '{name}' is no longer in fleet.yaml; it is kept (airflow {COMMANDS[kind]} {name})"
        else:
            session.execute(
                text("DELETE FROM airfleet_objects WHERE kind = :kind AND name = :name"), {"kind": kind, "name": name}
            )


def _connection(one: Json, session: Session) -> bool:
    made = _made(one)
    found = session.scalar(_select("connection", one["id"]))
    if found is not None:
        if _told(found) == _told(made):
            return False
        # Not changed in place: Airflow leaves a password where none is set over it.
        session.delete(found)
        session.flush()
    session.add(made)
    return True


def _made(one: Json) -> Any:
    """Make the connection that the file describes. Raises SystemExit for a URI that Airflow cannot read."""
    from airflow.models import Connection

    common = {"conn_id": one["id"], "description": one["description"] or None}
    if one["uri"]:
        try:
            return Connection(uri=one["uri"], **common)
        except Exception:  # whatever it says may show a part of the password
            hint = (
                "in a URI, a password must be percent-encoded ('/' is %2F), or the connection be written as a mapping"
            )
            raise SystemExit(f"connection '{one['id']}' has a URI that Airflow cannot read; {hint}") from None
    return Connection(
        conn_type=one["type"],
        host=one["host"] or None,
        port=one["port"],
        schema=one["schema"] or None,
        login=one["login"] or None,
        password=one["password"] or None,
        extra=json.dumps(one["extra"]) if one["extra"] else None,
        **common,
    )


def _told(connection: Any) -> dict[str, Any]:
    """Return the content of a connection; one whose key is gone equals nothing."""
    from cryptography.fernet import InvalidToken

    keys = ("conn_type", "description", "host", "port", "schema", "login")
    try:
        secret = {"password": connection.password or None, "extra": connection.extra or None}
    except (InvalidToken, ValueError):
        secret = {"password": object(), "extra": object()}
    return {**{key: getattr(connection, key) or None for key in keys}, **secret}


def _variable(one: Json, session: Session) -> bool:
    from airflow.models import Variable

    found = session.scalar(_select("variable", one["key"]))
    description = one["description"] or None
    if found is None:
        session.add(Variable(key=one["key"], val=one["value"], description=description))
        return True
    if (found.get_val(), found.description) == (one["value"], description):
        return False
    found.set_val(one["value"])
    found.description = description
    return True


def _pool(one: Json, session: Session) -> bool:
    from airflow.models import Pool

    found = session.scalar(_select("pool", one["name"]))
    if found is None:
        found = Pool(pool=one["name"])
        session.add(found)
    # Airflow's own pool keeps its description unless the file gives it another.
    wanted = (one["slots"], one["description"] or found.description or "", one["include_deferred"])
    if (found.slots, found.description, found.include_deferred) == wanted:
        return False
    found.slots, found.description, found.include_deferred = wanted
    return True


def _exists(kind: str, name: str, session: Session) -> bool:
    return session.scalar(_select(kind, name)) is not None


def _select(kind: str, name: str) -> Any:
    from airflow.models import Connection, Pool, Variable
    from sqlalchemy import select

    model: Any = {"connection": Connection, "variable": Variable, "pool": Pool}[kind]
    column = {"connection": "conn_id", "variable": "key", "pool": "pool"}[kind]
    return select(model).where(getattr(model, column) == name)


def _name(kind: str, one: Json) -> str:
    return str(one[{"connection": "id", "variable": "key", "pool": "name"}[kind]])
