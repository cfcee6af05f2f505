"""Queries of a session that find only some rows of a table.

Airflow's scheduler looks at all rows of a kind at once; with this it looks at one, or at all but some.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.orm import with_loader_criteria

if TYPE_CHECKING:
    from sqlalchemy.orm import ORMExecuteState, Session


@contextmanager
def narrowed(session: Session, model: Any, condition: Any) -> Iterator[None]:
    """Have the session's queries find no rows of this model but those of which the condition holds."""
    wanted = with_loader_criteria(model, condition)

    def narrow(state: ORMExecuteState) -> None:
        if state.is_select and not state.is_relationship_load:
            state.statement = state.statement.options(wanted)

    event.listen(session, "do_orm_execute", narrow)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", narrow)
