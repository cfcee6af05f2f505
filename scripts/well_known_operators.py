"""Write src/airfleet/pipelines/analysis/well_known_operators.json: operators of providers that may be missing.

`airfleet check` names the package of an operator by it. The classes are read from the providers' wheels:

    .venv/bin/python -m pip download --no-deps -d FOLDER apache-airflow-providers-docker ...
    .venv/bin/python scripts/well_known_operators.py FOLDER
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "airfleet" / "pipelines" / "analysis" / "well_known_operators.json"


def table(wheels: Path) -> dict[str, list[str]]:
    """List provider -> names of its operator classes, read from the wheels in a folder."""
    from airfleet.pipelines.analysis import short_names

    with tempfile.TemporaryDirectory() as folder:
        for wheel in sorted(wheels.glob("apache_airflow_providers_*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        sys.path[:] = [folder]
        found: dict[str, list[str]] = {}
        for short in short_names.all_names():
            found.setdefault(short.provider, []).append(short.path.rpartition(".")[2])
    return {provider: sorted(set(names)) for provider, names in sorted(found.items())}


def main() -> None:
    """Write the table."""
    TARGET.write_text(json.dumps(table(Path(sys.argv[1])), indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
