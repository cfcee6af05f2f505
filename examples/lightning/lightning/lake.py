"""Objects of a run in S3 and Google Cloud Storage: copied whole, with the manifest last."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning import accounts, results
from lightning.errors import HalfWritten, LightningError, SourceError
from lightning.runs import MANIFEST

_BLOCK = 1 << 20


def upload(folder: Path, bucket: str, prefix: str) -> str:
    """Bring the results in ``folder`` to S3, the manifest after everything that it names; the address."""
    hook = accounts.s3()
    manifest = results.read_manifest((folder / MANIFEST).read_text(), str(folder))
    for name in (*sorted(manifest.files), MANIFEST):
        hook.load_file(str(folder / name), f"{prefix}{name}", bucket_name=bucket, replace=True)
    return f"s3://{bucket}/{prefix.rstrip('/')}"


def download(address: str, folder: Path) -> None:
    """Fetch the results at ``address`` (``s3://...``): what its manifest names, and the manifest.

    Raises:
        HalfWritten: there is no manifest, or an object that it names is missing.
    """
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    shutil.rmtree(folder, ignore_errors=True)
    hook = accounts.s3()
    _get(hook, bucket, f"{prefix}/{MANIFEST}", folder / MANIFEST)
    for name in results.read_manifest((folder / MANIFEST).read_text(), address).files:
        _get(hook, bucket, f"{prefix}/{name}", folder / name)


def download_all(bucket: str, keys: Sequence[str], into: Path) -> None:
    """Write the exported objects into the file ``into``, one after the other, with one header.

    Raises:
        SourceError: one is missing, or came shorter than it is.
    """
    hook = accounts.s3()
    with into.open("wb") as file:
        for number, key in enumerate(keys):
            before = file.tell()
            missing = SourceError(f"s3://{bucket}/{key} is missing: clear the task to_s3 too")
            answer = _object(hook, bucket, key, missing)
            body = answer["Body"]
            header = body.readline() if number else b""
            shutil.copyfileobj(body, file, _BLOCK)
            came = file.tell() - before + len(header)
            if came != answer["ContentLength"]:
                raise SourceError(f"s3://{bucket}/{key} came with {came:,} of {answer['ContentLength']:,} bytes")


def remove_others(bucket: str, prefix: str, keep: str) -> None:
    """Delete the objects below ``prefix`` that are not below ``keep``."""
    hook = accounts.s3()
    others = [key for key in hook.list_keys(bucket, prefix=prefix) or [] if not key.startswith(keep)]
    if others:
        hook.delete_objects(bucket, others)


def remove_extracts(bucket: str, prefix: str) -> None:
    """Delete BigQuery's exports below ``prefix``."""
    hook = accounts.gcs()
    for name in hook.list(bucket, prefix=prefix):
        hook.delete(bucket, name)


def _get(hook: Any, bucket: str, key: str, into: Path) -> None:
    missing = HalfWritten(f"s3://{bucket}/{key} is missing; nothing is loaded")
    body = _object(hook, bucket, key, missing)["Body"]
    into.parent.mkdir(parents=True, exist_ok=True)
    with into.open("wb") as file:
        shutil.copyfileobj(body, file, _BLOCK)


def _object(hook: Any, bucket: str, key: str, missing: LightningError) -> Any:
    from botocore.exceptions import ClientError

    try:
        return hook.get_key(key, bucket).get()
    except ClientError as error:
        raise missing from error
