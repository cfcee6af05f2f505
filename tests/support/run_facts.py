"""Facts about a run of the Dag ``orders``, for tests of verdicts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airfleet.cli.diagnosis import diagnosis
from airfleet.cli.diagnosis.facts import RunFacts
from support.fake_airflow import dag, pool, run

NOW = dt.datetime(2026, 1, 31, 6, 1, tzinfo=dt.UTC)
UPSTREAM: dict[str, tuple[str, ...]] = {"extract": (), "load": ("extract",), "report": ("load",)}


def facts(*instances: dict[str, Any], state: str = "running", **more: Any) -> RunFacts:
    """Give the facts of a run in a state, with these task instances."""
    given: dict[str, Any] = {
        "dag": dag("orders"),
        "run": run("orders", state=state),
        "upstream": UPSTREAM,
        "pools": {"default_pool": pool("default_pool")},
        "queues": ("default", "big"),
        "slots": 4,
        **more,
    }
    return RunFacts(now=NOW, instances=instances, **given)


def sentences(found: RunFacts) -> list[str]:
    """Give the sentences of the verdict."""
    return [finding.sentence for finding in diagnosis.judge(found).findings]
