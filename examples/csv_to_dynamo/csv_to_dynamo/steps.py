"""The three steps: convert, load, remove.

::

    people.csv ─convert→ temporary/<run>.jsonl ─load→ table        both objects in the account of s3_bucket
                                     └─remove, whatever happened   the table in the account of dynamo_db

The temporary object is named for its run, so a step that is tried again overwrites or removes the same one. ``load``
writes nothing before it has seen that the object is whole; an item that is written twice is the same item.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from csv_to_dynamo import people as format_of_people
from csv_to_dynamo.accounts import bucket_client, explained, table_hook
from csv_to_dynamo.errors import BrokenObject

Message = dict[str, Any]

TEMPORARY = "temporary"


def convert(bucket: str, key: str, run_id: str, connection: str) -> Message:
    """Write the people of a CSV object as a JSON object beside it; where it is, and what it holds.

    Raises:
        BadCsv: the file is not as agreed; there is no JSON object then.
        AccountProblem: see :mod:`csv_to_dynamo.accounts`.
    """
    client, name, target = bucket_client(connection, bucket), f"s3://{bucket}/{key}", temporary_key(run_id)
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder, "people.csv"), Path(folder, "people.jsonl")
        with explained(f"the object '{key}' of the bucket '{bucket}'", connection):
            client.download_file(bucket, key, str(source))
        rows = format_of_people.convert(source, made, name)
        with explained(f"the object '{target}' of the bucket '{bucket}'", connection):
            client.upload_file(str(made), bucket, target)
        print(f"{name}: {rows:,} people, as JSON in s3://{bucket}/{target}")
        return {"bucket": bucket, "key": target, "rows": rows, "sha256": _digest(made)}


def load(people: Mapping[str, Any], table: str, source: str, target: str) -> Message:
    """Put every person into the table, in batches; items that are there are replaced.

    Raises:
        BrokenObject: the JSON object is gone, or is not the one that was written; the table is as it was.
        AccountProblem: see :mod:`csv_to_dynamo.accounts`.
    """
    hook = table_hook(target, table)
    client = bucket_client(source, people["bucket"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "people.jsonl")
        with explained(f"the temporary object '{people['key']}' (run 'convert' again)", source):
            client.download_file(people["bucket"], people["key"], str(file))
        if _digest(file) != people["sha256"]:
            address = f"s3://{people['bucket']}/{people['key']}"
            raise BrokenObject(f"{address} is not what 'convert' wrote, nothing was loaded; run 'convert' again")
        hook.write_batch_data(format_of_people.read_json(file))
    print(f"{people['rows']:,} people in the table '{table}'")
    return {"table": table, "rows": people["rows"]}


def remove(bucket: str, run_id: str, connection: str) -> None:
    """Remove the run's JSON object, whether there is one or not."""
    key = temporary_key(run_id)
    client = bucket_client(connection, bucket)
    with explained(f"the object '{key}' of the bucket '{bucket}'", connection):
        client.delete_object(Bucket=bucket, Key=key)
    print(f"s3://{bucket}/{key} is gone")


def temporary_key(run_id: str) -> str:
    """The key of a run's JSON object; the digest keeps apart ids that differ in other characters only."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", run_id)[:100]
    return f"{TEMPORARY}/{readable}-{hashlib.sha256(run_id.encode()).hexdigest()[:8]}.jsonl"


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
