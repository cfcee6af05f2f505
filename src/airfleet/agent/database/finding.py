"""The result of a check of the database (:mod:`airfleet.agent.database.fitness`): a value that commands know, too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: in the environment of an agent: a person agreed to a migration of Airflow's tables
MAY_MIGRATE = "AIRFLEET_MAY_MIGRATE"


class DatabaseVerdict(StrEnum):
    """The decision that follows from a check."""

    #: the fleet may use the database
    FIT = "fit"
    #: the fleet may use it soon, without anybody's action
    WAIT = "wait"
    #: a person has to agree to a migration of Airflow's tables
    MIGRATION = "migration"
    #: a person has to change the database or fleet.yaml
    REFUSED = "refused"


@dataclass(frozen=True)
class DatabaseFinding:
    """The decision, its reason as a sentence, and the next action."""

    verdict: DatabaseVerdict
    sentence: str = ""
    hint: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the decision stays until somebody acts."""
        return self.verdict in (DatabaseVerdict.REFUSED, DatabaseVerdict.MIGRATION)


FIT = DatabaseFinding(DatabaseVerdict.FIT)


def refused(sentence: str, hint: str | None = None) -> DatabaseFinding:
    """Refuse the database until a person acts."""
    return DatabaseFinding(DatabaseVerdict.REFUSED, sentence, hint)


def wait(sentence: str, hint: str | None = None) -> DatabaseFinding:
    """Wait for the database, and check it again."""
    return DatabaseFinding(DatabaseVerdict.WAIT, sentence, hint)


def quoted(name: str) -> str:
    """Return the name of a role, schema or table as a command of SQL needs it.

    >>> quoted("shop"), quoted("my shop"), quoted('a"b')
    ('"shop"', '"my shop"', '"a""b"')
    """
    return '"' + name.replace('"', '""') + '"'
