"""What the run needs of the clouds, asked for before anything is done; the one place that reads connections."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from lightning.errors import CloudError
from lightning.runs import Run

GOOGLE, S3, SPARK, DATABASE = "lightning_google", "lightning_s3", "lightning_spark", "lightning_db"


def connection(conn_id: str, what: str) -> Connection:
    """The connection ``conn_id``.

    Raises:
        CloudError: there is none.
    """
    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        raise CloudError(f"there is no connection {conn_id!r}: it says how to reach {what}") from None


def check(run: Run) -> None:
    """See that the table's cloud and both buckets are there and let us in.

    Raises:
        CloudError: a connection or a bucket is missing, or the account may not see it.
    """
    connection(GOOGLE, "Google Cloud")
    connection(S3, "S3")
    _check_gcs(run.gcs_bucket)
    _check_s3(run.s3_bucket)


def gcs() -> Any:
    """The hook for Google Cloud Storage."""
    from airflow.providers.google.cloud.hooks.gcs import GCSHook

    return GCSHook(gcp_conn_id=GOOGLE)


def s3() -> Any:
    """The hook for S3."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook(aws_conn_id=S3)


def _check_gcs(bucket: str) -> None:
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        found = gcs().get_conn().bucket(bucket).exists()
    except GoogleAuthError as error:
        raise CloudError(f"Google does not know who we are; look at the connection {GOOGLE!r}: {error}") from error
    except GoogleAPIError as error:
        raise CloudError(
            f"the bucket gs://{bucket} cannot be asked for with the connection {GOOGLE!r}: {error}"
        ) from error
    if not found:
        raise CloudError(
            f"there is no bucket gs://{bucket}: make it, or say another with the Variable lightning_gcs_bucket"
        )


def _check_s3(bucket: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        s3().get_conn().head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            hint = "make it, or say another with the Variable lightning_s3_bucket"
            raise CloudError(f"there is no bucket s3://{bucket}: {hint}") from error
        raise CloudError(f"s3://{bucket} does not let the connection {S3!r} in: {error}") from error
    except BotoCoreError as error:
        raise CloudError(f"S3 cannot be asked with the connection {S3!r}: {error}") from error
