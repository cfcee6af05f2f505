"""The shop's orders, made up from the day alone, and where results go."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

REGIONS = ("east", "north", "south", "west")
#: names the folder of results; beside Airflow's own files otherwise
OUTPUT = "SHOP_OUTPUT"

Order = dict[str, Any]


def orders(day: str) -> list[Order]:
    """The orders of a day, as in 2026-01-05; amounts in cents."""
    chance = random.Random(day)
    return [
        {"id": f"{day}-{number}", "region": chance.choice(REGIONS), "amount": chance.randint(100, 20_000)}
        for number in range(chance.randint(20, 40))
    ]


def by_region(found: Iterable[Order]) -> dict[str, int]:
    """What each region paid, in cents."""
    totals = dict.fromkeys(REGIONS, 0)
    for order in found:
        totals[order["region"]] += order["amount"]
    return totals


def day_of(params: Mapping[str, Any], dag_run: Any) -> str:
    """The day that a run is about: its parameter ``day``, or its own date."""
    moment: dt.datetime = dag_run.logical_date or dag_run.run_after
    return str(params.get("day") or moment.date())


def write(name: str, content: Any) -> str:
    """Keep a result as JSON, whole or not at all; where it is."""
    home = os.environ.get("AIRFLOW_HOME", ".")
    file = Path(os.environ.get(OUTPUT) or Path(home, "shop")) / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=1, sort_keys=True))
    os.replace(draft, file)
    return str(file)
