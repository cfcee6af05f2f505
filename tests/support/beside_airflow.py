"""A process of its own with Airflow configured for a database of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from airfleet.testing.fleet import clean_environment
from airfleet.testing.servers import Servers


def told_by(module: str, dags: str, folder: Path, **settings: str) -> Any:
    """Run a module of the tests and give its last line, as JSON; ``dags`` is the text of the one file with Dags."""
    for parent in (folder, folder.parent):
        parent.chmod(0o755)
    (folder / "dags").mkdir()
    (folder / "dags" / "dags.py").write_text(dags)
    with Servers(folder / "servers") as servers:
        database = servers.database("beside").replace("://", "+psycopg://")
        environment = clean_environment() | {
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret for this test " * 4,
            "PYTHONPATH": os.pathsep.join(sys.path),
            **settings,
        }
        done = subprocess.run(
            [sys.executable, "-m", module],
            env=environment, capture_output=True, text=True, cwd=folder, timeout=200, check=False,
        )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    return json.loads(done.stdout.splitlines()[-1])


def store_dags() -> None:
    """Make the tables in such a process, and put the file's Dags into them."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.utils import db

    db.initdb()
    bundles = DagBundlesManager()
    bundles.sync_bundles_to_db()
    (bundle,) = bundles.get_all_dag_bundles()
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
    sync_bag_to_db(bag, bundle.name, None)
