"""``results/soak.json`` as a page and a chart: what grew in the hour, and every minute of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from charts import IMAGES, Panel, line_chart
from measuring import origin, table

HEAD = ("", "first that counts", "median", "last minute", "growth over the hour", "")
#: what is told of a system: key -> name, factor, form
SHOWN = {
    "queued_after_p50_s": ("from the request to queued tasks (median of a minute), ms", 1000.0, "{:.0f}"),
    "cpu_ms_per_task": ("CPU of a task, all processes, ms", 1.0, "{:.0f}"),
    "pss_mb": ("memory of all processes (PSS), MB", 1.0, "{:.0f}"),
    "scheduler_pss_mb": ("the scheduler's part of it, MB", 1.0, "{:.0f}"),
}


def markdown(results: Mapping[str, Any]) -> str:
    """The tables, one for each system, and how it was measured."""
    return "\n\n".join(_parts(results)) + "\n"


def images(results: Mapping[str, Any]) -> Mapping[Path, str]:
    """Path -> text of a chart for each system."""
    return {IMAGES / f"soak_{name}.svg": line_chart(name, _panels(of)) for name, of in results["systems"].items()}


def _parts(results: Mapping[str, Any]) -> Iterator[str]:
    tasks = int(results["minutes"] * 60 * results["rate"])
    yield (
        f"{results['rate']} tasks a second that do nothing, {results['minutes']:g} minutes, {results['slots']} slots; "
        f"{origin('soak', results)}.\n{results['finished']:,} finished runs were in the database before. "
        f"Each of the {tasks:,} tasks ran exactly once."
    )
    for name, of in results["systems"].items():
        rows = [_row(title, factor, form, of["growth"][key]) for key, (title, factor, form) in SHOWN.items()]
        yield f"**{name}**: the load was {'' if of['keeps_up'] else 'not '}kept up with.\n\n{table(HEAD, rows)}"


def _row(title: str, factor: float, form: str, growth: Mapping[str, Any]) -> tuple[str, ...]:
    values = (form.format(factor * growth[key]) for key in ("first", "median", "last"))
    share = growth["growth"] / growth["median"]
    return title, *values, f"{share:+.1%}", "flat" if growth["flat"] else "GROWS"


def _panels(of: Mapping[str, Any]) -> list[Panel]:
    return [
        Panel(title, [(one["at_s"] / 60, factor * one[key]) for one in of["samples"]], form)
        for key, (title, factor, form) in SHOWN.items()
    ]
