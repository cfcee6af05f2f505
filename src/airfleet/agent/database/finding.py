"""What a look at a database found (:mod:`airfleet.agent.database.fitness`), as a value that commands know, too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: in the environment of an agent: a person agreed to a migration of the schema
MAY_MIGRATE = "AIRFLEET_MAY_MIGRATE"


class Verdict(StrEnum):
    """What follows from what was found."""

    #: it may be used
    FIT = "fit"
    #: it may be, soon
    WAIT = "wait"
    #: a person has to agree to a migration of its schema
    MIGRATION = "migration"
    #: a person has to do something about it
    REFUSED = "refused"


@dataclass(frozen=True)
class Finding:
    """What was found, as a sentence, and what to do about it."""

    verdict: Verdict
    sentence: str = ""
    hint: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether it stays so until somebody does something."""
        return self.verdict in (Verdict.REFUSED, Verdict.MIGRATION)


FIT = Finding(Verdict.FIT)


def quoted(name: str) -> str:
    """Return the name of a role, schema or table as a command of SQL needs it.

    >>> quoted("shop"), quoted("my shop"), quoted('a"b')
    ('"shop"', '"my shop"', '"a""b"')
    """
    return '"' + name.replace('"', '""') + '"'
