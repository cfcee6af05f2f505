"""Entries of a task's log, as log servers give them."""

from __future__ import annotations

from typing import Any


def message(event: str, **more: Any) -> dict[str, Any]:
    """Make an entry of a structured log."""
    return {"timestamp": "2026-01-31T06:00:01.5Z", "event": event, "level": "info", **more}


#: the whole log of a task that failed by an exception
LOG = [
    {"event": "::group::Log message source details", "sources": ["/logs/1.log"]},
    {"event": "/logs/attempt=1.log"},
    {"event": "::endgroup::"},
    message("Filling up the DagBag from /shop/pipelines/orders.yaml"),
    message("reading in.csv\nof today"),
    message(
        "Task failed with exception",
        level="error",
        error_detail=[
            {
                "exc_type": "ModuleNotFoundError",
                "exc_value": "No module named 'pandas'",
                "frames": [
                    {"filename": "/venv/site-packages/airflow/x.py", "lineno": 1, "name": "run"},
                    {"filename": "/shop/shop/steps.py", "lineno": 12, "name": "load"},
                ],
            }
        ],
    ),
    message("::group::Post Execute"),
]
