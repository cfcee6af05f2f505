"""Google Cloud Storage on this machine: ``python gcs_server.py FOLDER PORT BUCKET...``.

Runs in the environment of the emulators. Buckets are folders in ``FOLDER``, which the BigQuery emulator
shares: what an export writes there is an object from then on, as it would be in the cloud.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import signal
import sys
from pathlib import Path
from typing import Any

import google_crc32c
from gcp_storage_emulator.handlers.buckets import create_bucket
from gcp_storage_emulator.server import APIThread
from gcp_storage_emulator.storage import Storage


class SharedStorage(Storage):
    """Objects are the files in the buckets' folders, whoever wrote them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(data_dir=str(folder))
        self.folder = Path(self._store._root)

    def get_file_list(self, bucket_name: str, *arguments: Any, **more: Any) -> Any:
        """The objects of a bucket."""
        self._adopt(bucket_name)
        return super().get_file_list(bucket_name, *arguments, **more)

    def get_file_obj(self, bucket_name: str, file_name: str) -> Any:
        """What is known of one object."""
        self._adopt(bucket_name)
        return super().get_file_obj(bucket_name, file_name)

    def _adopt(self, bucket: str) -> None:
        known = self.objects.setdefault(bucket, {})
        for path in (self.folder / bucket).rglob("*"):
            name = path.relative_to(self.folder / bucket).as_posix()
            if path.is_file() and int(known.get(name, {}).get("generation", 0)) < path.stat().st_mtime_ns:
                known[name] = _object(bucket, name, path)


def _object(bucket: str, name: str, path: Path) -> dict[str, Any]:
    stat, content = path.stat(), path.read_bytes()
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    when = dt.datetime.fromtimestamp(stat.st_mtime, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{stat.st_mtime_ns}",
        "selfLink": f"/storage/v1/b/{bucket}/o/{name}",
        "name": name,
        "bucket": bucket,
        "generation": str(stat.st_mtime_ns),
        "metageneration": "1",
        "contentType": "text/csv",
        "timeCreated": when,
        "updated": when,
        "storageClass": "STANDARD",
        "size": len(content),
        "md5Hash": md5,
        "crc32c": base64.b64encode(google_crc32c.Checksum(content).digest()).decode(),
        "etag": md5,
        "acl": [],
    }


def main(arguments: list[str]) -> None:
    """Serve until the process is told to stop."""
    folder, port, *buckets = arguments
    storage = SharedStorage(Path(folder))
    for bucket in buckets:
        create_bucket(bucket, storage)
        # BigQuery's emulator writes into folders that are there.
        (storage.folder / bucket / "extract").mkdir(parents=True, exist_ok=True)
    server = APIThread("127.0.0.1", int(port), storage)
    server.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.join(timeout=1)


if __name__ == "__main__":
    main(sys.argv[1:])
