"""The one place that asks Airflow for something: the connection of the object store.

Imported by the step ``store`` only when the pipeline names a connection, so the other steps, and
this one with a folder, run without Airflow.
"""

from __future__ import annotations

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from air_quality.store import Account


def store_account(connection_id: str) -> Account | None:
    """The account that an AWS connection describes; None when there is no such connection.

    Airflow tells a task "not defined" also when it could not be asked, so a result may land in the
    folder during an outage; the summary of the run and the log of ``store`` say where it went.
    """
    try:
        connection = Connection.get(connection_id)
    except AirflowNotFoundException:
        return None
    extra = connection.extra_dejson
    return Account(
        access_key=connection.login or extra.get("aws_access_key_id"),
        secret_key=connection.password or extra.get("aws_secret_access_key"),
        endpoint_url=extra.get("endpoint_url"),
        region=extra.get("region_name"),
        bucket=extra.get("bucket"),
    )
