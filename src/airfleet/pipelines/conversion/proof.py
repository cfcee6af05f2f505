"""Whether a converted file makes the Dags of the original: a process with Airflow compares the two."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from airfleet.pipelines.conversion import airflow_process

_PROGRAM: Final = "airfleet.pipelines.airflow.conversion.comparison"


def differences(original: Path, text: str, environ: Mapping[str, str], module: str = "") -> tuple[str, ...]:
    """List the differences between the Dags of ``original`` and those of a converted text, with a ``module`` of it.

    Raises:
        FleetError: Airflow failed on one of them.
    """
    # Beside the original: its functions and files are found from there.
    converted = original.parent / f".airfleet-converted-{os.getpid()}.yaml"
    steps = original.parent / f"{original.stem}_steps.py"
    makes_steps = bool(module) and not steps.exists()
    try:
        converted.write_text(text, encoding="utf-8")
        if makes_steps:
            steps.write_text(module, encoding="utf-8")
        return tuple(airflow_process.answer(_PROGRAM, [str(original), str(converted)], original, environ))
    finally:
        converted.unlink(missing_ok=True)
        if makes_steps:
            steps.unlink(missing_ok=True)
