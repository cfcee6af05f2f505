"""Every test session has an Airflow home of its own: no test reads or writes ``~/airflow``.

Fleets that several test files share start when the first test asks for them; see :mod:`support.fleets`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

_HOME = tempfile.mkdtemp(prefix="airfleet-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("AIRFLOW", "_AIRFLOW"))]:
    del os.environ[_name]
os.environ["AIRFLOW_HOME"] = _HOME
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"

# Some tests press Ctrl-C; a shell that starts them in the background has made them, and what they start, deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)

_HERE = str(Path(__file__).parent)
if _HERE not in sys.path:
    sys.path.insert(0, _HERE)

#: examples whose modules tests import as a worker does
for _name in ("air_quality", "csv_to_dynamo", "etl_classics", "existing_dags"):
    sys.path.append(str(Path(__file__).parents[1] / "examples" / _name))

from support.databases import new_database  # noqa: E402
from support.fleet_logs import pytest_runtest_makereport  # noqa: E402
from support.fleets import air_quality_fleet, running, stopped, tiny_fleet  # noqa: E402
from support.left_out import pytest_collection_modifyitems, pytest_terminal_summary  # noqa: E402

__all__ = [
    "air_quality_fleet",
    "new_database",
    "pytest_collection_modifyitems",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "running",
    "stopped",
    "tiny_fleet",
]
