"""The store that ``releases: store`` of fleet.yaml names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import psycopg

from airfleet.releases.stores.bucket_objects import BucketObjects
from airfleet.releases.stores.database_objects import DatabaseObjects
from airfleet.releases.stores.folder_objects import FolderObjects
from airfleet.releases.stores.objects import DATABASE_STORE, Objects

_FILE: Final = "file://"


def folder_of(where: str) -> Path | None:
    """Name the folder that a store is; None for the database and for a bucket."""
    if where == DATABASE_STORE or ("://" in where and not where.startswith(_FILE)):
        return None
    return Path(where.removeprefix(_FILE))


def open_store(where: str, connection: psycopg.Connection[Any]) -> Objects:
    """Open ``database``, a folder, or the address of a bucket. Raises FleetError when a bucket's library is missing."""
    if where == DATABASE_STORE:
        return DatabaseObjects(connection)
    folder = folder_of(where)
    return BucketObjects(where) if folder is None else FolderObjects(folder)
