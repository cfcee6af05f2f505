"""The store that ``releases: store`` of fleet.yaml names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import psycopg

from airfleet.releases.bucket_objects import BucketObjects
from airfleet.releases.database_objects import DatabaseObjects
from airfleet.releases.folder_objects import FolderObjects
from airfleet.releases.objects import DATABASE_STORE, Objects

_FILE: Final = "file://"


def open_store(where: str, connection: psycopg.Connection[Any]) -> Objects:
    """Open ``database``, a folder, or the address of a bucket. Raises FleetError when a bucket's library is missing."""
    if where == DATABASE_STORE:
        return DatabaseObjects(connection)
    if "://" in where and not where.startswith(_FILE):
        return BucketObjects(where)
    return FolderObjects(Path(where.removeprefix(_FILE)))
