"""What a person has to repair. Trying again changes nothing, so these end the task at once, whatever ``retries`` says.

Everything else (a network that is away, a service that is busy) stays what it is and is tried again.
"""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowFailException


class BadCsv(AirflowFailException):
    """The file is not what was agreed; nothing of it was loaded."""


class AccountProblem(AirflowFailException):
    """A connection, role, bucket, object or table is missing or closed to us."""


class BrokenObject(AirflowFailException):
    """The temporary object is not the one that ``convert`` wrote; nothing of it was loaded."""
