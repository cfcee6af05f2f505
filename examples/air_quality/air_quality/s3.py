"""A dataset in an object store that speaks S3: Amazon's, MinIO, Garage, Ceph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import boto3.exceptions
import botocore.config
import botocore.exceptions

from air_quality.errors import StoreError
from air_quality.store import Account


def s3_store(account: Account, bucket: str, folder: str) -> S3Store:
    """The dataset ``folder`` in ``bucket`` of an account; the bucket must be there."""
    client = boto3.client(
        "s3",
        aws_access_key_id=account.access_key,
        aws_secret_access_key=account.secret_key,
        endpoint_url=account.endpoint_url,
        region_name=account.region or ("us-east-1" if account.endpoint_url else None),
        config=botocore.config.Config(
            connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4}
        ),
    )
    store = S3Store(client, account.bucket or bucket, folder)
    with _SayingWhat(f"the bucket {store.bucket} cannot be used"):
        client.head_bucket(Bucket=store.bucket)
    return store


@dataclass(frozen=True)
class S3Store:
    """A dataset under a prefix of a bucket."""

    client: Any
    bucket: str
    prefix: str

    @property
    def address(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix}"

    def put(self, path: Path, name: str) -> None:
        """Upload; an object is replaced at once when the upload is complete."""
        with _SayingWhat(f"{self.address}/{name} cannot be written"):
            self.client.upload_file(str(path), self.bucket, self._key(name))

    def read(self, name: str) -> bytes | None:
        """The object's bytes."""
        with _SayingWhat(f"{self.address}/{name} cannot be read"):
            try:
                body: bytes = self.client.get_object(Bucket=self.bucket, Key=self._key(name))["Body"].read()
            except self.client.exceptions.NoSuchKey:
                return None
        return body

    def remove(self, name: str) -> None:
        """Delete the object."""
        with _SayingWhat(f"{self.address}/{name} cannot be removed"):
            self.client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}"


_BOTO_ERRORS = (
    boto3.exceptions.Boto3Error,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
)


class _SayingWhat:
    """Tells what boto3 reports as one sentence."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _BOTO_ERRORS):
            raise StoreError(f"{self.sentence}: {error}") from error
