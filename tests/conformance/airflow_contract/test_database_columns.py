"""The widths of columns that ``check`` knows are those of the installed Airflow's models."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "scripts" / "database_columns.py"


def test_the_module_is_what_the_models_of_airflow_give() -> None:
    script = runpy.run_path(str(SCRIPT))
    assert script["MODULE"].read_text(encoding="utf-8") == script["module"](), "run `make docs`"
