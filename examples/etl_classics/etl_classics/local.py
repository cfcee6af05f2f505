"""All that the pipelines talk to, on this machine, while a command runs: ``python -m etl_classics.local -- COMMAND``.

A PostgreSQL of its own (airfleet's embedded one), the shop's API, a folder of deliveries and one of backups. The
command finds the connections in its environment; the tables of the warehouse are listed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from airfleet.testing.servers import Servers
from etl_classics import shop
from etl_classics.arrivals import deliver
from etl_classics.shop import Shop

#: the day that the pipelines take when they are told none
DAY = "2026-01-05"


@dataclass(frozen=True)
class Surroundings:
    """What the pipelines talk to."""

    warehouse: str
    shop: Shop
    deliveries: Path
    backups: Path

    def environment(self) -> dict[str, str]:
        """Connections and Variables as Airflow reads them from the environment."""
        return {
            "AIRFLOW_CONN_WAREHOUSE": self.warehouse,
            "AIRFLOW_CONN_SHOP_API": json.dumps(
                {"conn_type": "http", "host": "http://127.0.0.1", "port": self.shop.port}
            ),
            "AIRFLOW_CONN_DELIVERIES": json.dumps({"conn_type": "fs", "extra": {"path": str(self.deliveries)}}),
            "AIRFLOW_VAR_BACKUP_FOLDER": str(self.backups),
        }


@contextmanager
def surroundings(folder: Path) -> Iterator[Surroundings]:
    """All of it, with its files below ``folder``."""
    with Servers(folder / "servers") as servers, shop.served() as api:
        (folder / "deliveries").mkdir(parents=True, exist_ok=True)
        yield Surroundings(servers.database("warehouse"), api, folder / "deliveries", folder / "backups")


def tables(url: str) -> dict[str, int]:
    """The tables of the warehouse and how many rows they have."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
        ).fetchall()
        counts = {}
        for (name,) in names:
            row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            counts[name] = int(row[0]) if row else 0
    return counts


def main(arguments: list[str] | None = None) -> int:
    """Run a command with all of it around."""
    parser = argparse.ArgumentParser(prog="etl_classics.local", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="etl-classics-") as folder, surroundings(Path(folder)) as around:
        Path(folder).chmod(0o755)  # the user that PostgreSQL runs as, when we are root, must reach its data
        deliver(around.deliveries, DAY, [(product, product % 7 * 10, "Adler & Sons") for product in range(1, 31)])
        done = subprocess.run(options.command, env=os.environ | around.environment(), check=False)
        for name, rows in tables(around.warehouse).items():
            print(f"{name}: {rows:,} rows")
        for file in sorted(around.backups.glob("*.dump")):
            print(f"{file.name}: {file.stat().st_size:,} bytes")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
