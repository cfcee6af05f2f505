"""What a person has to look at: trying again changes nothing, so these end the task at once, without a retry."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowFailException


class ChangedSource(AirflowFailException):
    """What a source gives is not what was agreed; nothing of it was loaded."""


class BadData(AirflowFailException):
    """The data break a rule."""


class BadBackup(AirflowFailException):
    """A backup that could not be restored, or does not hold what it must."""
