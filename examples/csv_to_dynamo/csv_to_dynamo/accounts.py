"""The two AWS accounts, through the hooks of Airflow's Amazon provider.

A connection names a role in its extra (``role_arn``); the provider asks STS for the role's credentials and
uses those. What a person has to repair is said in one sentence (:class:`AccountProblem`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.exceptions
from airflow.providers.amazon.aws.hooks.dynamodb import DynamoDBHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from csv_to_dynamo.errors import AccountProblem

#: the table's key
KEY = "Id"

_NOT_THERE = ("NoSuchBucket", "NoSuchKey", "404", "ResourceNotFoundException")
_CLOSED = (
    "AccessDenied",
    "AccessDeniedException",
    "403",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)


def bucket_client(connection: str, bucket: str) -> Any:
    """A client of S3 in the connection's account, in which the bucket is known to be.

    Raises:
        AccountProblem: it is not, or the account is closed to us.
    """
    _check_defined(connection)
    with explained(f"the bucket '{bucket}'", connection):
        client = S3Hook(aws_conn_id=connection).get_conn()
        client.head_bucket(Bucket=bucket)
    return client


def table_hook(connection: str, table: str) -> DynamoDBHook:
    """The hook of a table that is known to be there and to have our key.

    Raises:
        AccountProblem: it is not, or the account is closed to us.
    """
    _check_defined(connection)
    hook = DynamoDBHook(aws_conn_id=connection, table_name=table, table_keys=[KEY])
    with explained(f"the table '{table}'", connection):
        found = hook.client.describe_table(TableName=table)["Table"]
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    keys = [f"{one['AttributeName']} ({types[one['AttributeName']]})" for one in found["KeySchema"]]
    if keys != [f"{KEY} (N)"]:
        raise AccountProblem(f"the table '{table}' has the key {', '.join(keys)}; it must be {KEY} (N), a number")
    return hook


@contextmanager
def explained(what: str, connection: str) -> Iterator[None]:
    """Tell in one sentence what a person has to repair; let everything else pass."""
    try:
        yield
    except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
        hint = "give the connection a login and a password, or this machine an identity of its own"
        raise AccountProblem(f"there are no credentials for connection '{connection}': {hint}") from error
    except botocore.exceptions.ClientError as error:
        if sentence := _sentence(error, what, connection):
            raise AccountProblem(sentence) from error
        raise


def _check_defined(connection: str) -> None:
    # The provider would go on with this machine's own credentials, in whatever account they are.
    try:
        Connection.get(connection)
    except AirflowNotFoundException as error:
        raise AccountProblem(f"connection '{connection}' is not defined; it is of the type aws") from error


def _sentence(error: botocore.exceptions.ClientError, what: str, connection: str) -> str | None:
    code = str(error.response.get("Error", {}).get("Code"))
    if error.operation_name == "AssumeRole" and code in _CLOSED:
        return f"connection '{connection}' may not assume its role: {error}"
    if code in _NOT_THERE:
        return f"{what} does not exist in the account of connection '{connection}'"
    if code in _CLOSED:
        return f"{what} is closed to connection '{connection}': {error}"
    return None
