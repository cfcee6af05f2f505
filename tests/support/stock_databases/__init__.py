"""Databases as stock Airflow left them (see README.md)."""

from __future__ import annotations

import gzip
from pathlib import Path

import psycopg

VERSIONS = ("3.0.6", "3.1.8", "3.2.2")


def restore(version: str, url: str) -> None:
    """Put what this Airflow left into an empty database."""
    dump = gzip.decompress(Path(__file__).with_name(f"airflow-{version}.sql.gz").read_bytes())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(dump)
