"""Two AWS accounts on this machine, for as long as a command runs: ``python -m csv_to_dynamo.clouds -- COMMAND``.

Moto answers for S3, DynamoDB and STS, and keeps apart what belongs to different accounts. One account has the bucket
``people`` with a sample, the other the table ``people``; which one a client sees is decided by the role it assumed.
The command finds the connections in its environment; what the table holds afterwards is told at the end.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

from csv_to_dynamo import sample

REGION = "us-east-1"
#: connection -> the role that it assumes
ROLES = {
    "s3_bucket": "arn:aws:iam::111111111111:role/people-bucket",
    "dynamo_db": "arn:aws:iam::222222222222:role/people-table",
}
BUCKET, KEY, TABLE = "people", "people.csv", "people"
SHOWN = 5


@dataclass(frozen=True)
class Clouds:
    """Both accounts, at one address."""

    endpoint: str

    def session(self, connection: str) -> boto3.Session:
        """A session in the account of a connection, with the credentials of its role."""
        return _session(self.endpoint, connection)

    def s3(self, connection: str = "s3_bucket") -> Any:
        """A client of S3 in the account of a connection."""
        return _s3(self.endpoint, connection)

    def dynamodb(self, connection: str = "dynamo_db") -> Any:
        """DynamoDB in the account of a connection."""
        return _dynamodb(self.endpoint, connection)

    def put_csv(self, text: str | bytes, key: str = KEY) -> None:
        """Put a file into the bucket."""
        self.s3().put_object(Bucket=BUCKET, Key=key, Body=text)

    def make(self) -> None:
        """An empty bucket in one account, an empty table in the other."""
        self.s3().create_bucket(Bucket=BUCKET)
        self.dynamodb().create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "N"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def items(self) -> dict[int, dict[str, Any]]:
        """What the table holds, by id."""
        table, found, more = self.dynamodb().Table(TABLE), [], {}
        while True:
            page = table.scan(**more)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return {int(item["Id"]): item for item in found}
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def object_keys(self) -> list[str]:
        """What the bucket holds."""
        return [found["Key"] for found in self.s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def extra(self, connection: str) -> dict[str, Any]:
        """The extra of an Airflow connection: the role, and where this cloud answers."""
        # The provider asks STS elsewhere than everything else, unless it is told so by name.
        sts = {"sts": {"endpoint_url": self.endpoint}}
        where = {"endpoint_url": self.endpoint, "region_name": REGION, "service_config": sts}
        return {"role_arn": ROLES[connection], **where}

    def environment(self) -> dict[str, str]:
        """The two connections as Airflow reads them from the environment."""
        keys = {"login": _SOMEBODY["aws_access_key_id"], "password": _SOMEBODY["aws_secret_access_key"]}
        return {
            f"AIRFLOW_CONN_{name.upper()}": json.dumps({"conn_type": "aws", **keys, "extra": self.extra(name)})
            for name in ROLES
        }


# A client takes long to make, and the clouds are asked often.


@functools.cache
def _session(endpoint: str, connection: str) -> boto3.Session:
    sts = boto3.client("sts", endpoint_url=endpoint, region_name=REGION, **_SOMEBODY)
    given = sts.assume_role(RoleArn=ROLES[connection], RoleSessionName="local")["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)


@functools.cache
def _s3(endpoint: str, connection: str) -> Any:
    return _session(endpoint, connection).client("s3", endpoint_url=endpoint)


@functools.cache
def _dynamodb(endpoint: str, connection: str) -> Any:
    return _session(endpoint, connection).resource("dynamodb", endpoint_url=endpoint)


#: who assumes the roles; moto takes anybody's word
_SOMEBODY = {"aws_access_key_id": "somebody", "aws_secret_access_key": "anything"}


@contextmanager
def emulated() -> Iterator[Clouds]:
    """The two accounts, empty but for bucket and table."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells of every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        clouds = Clouds(f"http://{host}:{port}")
        # What Moto holds belongs to the process, and outlives the server of an earlier block.
        with urllib.request.urlopen(f"{clouds.endpoint}/moto-api/reset", data=b"", timeout=30):
            pass
        clouds.make()
        yield clouds
    finally:
        server.stop()


def main(arguments: list[str] | None = None) -> int:
    """Run a command with the two accounts around it."""
    parser = argparse.ArgumentParser(prog="csv_to_dynamo.clouds", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000, help="people in the sample")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    with emulated() as clouds:
        clouds.put_csv(sample.people(options.rows, options.seed))
        done = subprocess.run(options.command, env=os.environ | clouds.environment(), check=False)
        items, left = clouds.items(), ", ".join(clouds.object_keys())
        print(f"the table '{TABLE}' holds {len(items):,} people; the bucket '{BUCKET}' holds {left}")
        for number in sorted(items)[:SHOWN]:
            print(f"  {json.dumps(items[number], default=int, ensure_ascii=False)}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
