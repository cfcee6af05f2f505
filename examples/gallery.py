"""The pictures of ``docs/gallery.md``: every example on one fleet, drawn from what it did.

::

    python examples/gallery.py [air_quality] [lightning] [classics]      into docs/images/gallery and docs/images

Graphs come from the fleet's REST API, timelines from the task instances of one run, results from where the pipelines
left them (those of the first two are drawn by themselves). Needs what the tests need: ``make install-dev``, and
``make .venv-lightning/.installed .venv-emulators/.installed``.
"""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter, WeekdayLocator
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
sys.path[:0] = [
    str(HERE.parent / "tests"),
    *(str(HERE / name) for name in ("air_quality", "csv_to_dynamo", "etl_classics", "lightning")),
]

from air_quality import chart  # noqa: E402
from air_quality.chart import GRID, INK, QUIET  # noqa: E402
from airfleet.cli.graph import layers, svg  # noqa: E402
from airfleet.cli.graph.layers import Graph, Node  # noqa: E402
from airfleet.drill.waiting import wait_until  # noqa: E402
from airfleet.testing.fleet import FleetUnderTest  # noqa: E402
from csv_to_dynamo import sample  # noqa: E402
from etl_classics.arrivals import deliver  # noqa: E402
from lightning import clouds as sky  # noqa: E402
from support.classics import UNSCHEDULED, Classics, classics, fleet_of  # noqa: E402

IMAGES = HERE.parent / "docs" / "images"
DAY = "2026-01-05"
DOUBTFUL = "2026-01-07"
BACKFILL_DAYS = 30
SECONDS = 240.0

COLORS = ("#2b6ca3", "#d9722e", "#3f8f5f", "#8a5fa8")
STYLE = {**chart.STYLE, "ytick.color": INK, "svg.hashsalt": "gallery"}


def main() -> None:
    """Run everything once, and draw it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # nothing stays behind
    mpl.use("agg")
    mpl.rcParams.update(STYLE)
    (IMAGES / "gallery").mkdir(parents=True, exist_ok=True)
    parts = {"air_quality": air_quality, "lightning": lightning, "classics": classic_ones}
    for name in sys.argv[1:] or parts:
        parts[name]()


def air_quality() -> None:
    """One of the five jobs, on the samples that come with it."""
    example = HERE / "air_quality"
    dag_id = "epa_aqs_ozone_daily_summary_job"
    with FleetUnderTest.make((example / "fleet.yaml").read_text(), copy_of=example) as fleet:
        fleet.start()
        fleet.wait_for_dag(dag_id)
        begun = fleet.trigger(dag_id, {"source": str(fleet.root / "data"), "output": str(fleet.root / "output")})
        assert fleet.wait_for_run(dag_id, begun, SECONDS) == "success"
        picture(fleet, dag_id, begun, "air_quality")


class LightningFleet(FleetUnderTest):
    """A fleet in the environment that has lightning's providers."""

    def airfleet(self, *arguments: object, seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
        """Run ``airfleet`` of that environment."""
        python = HERE.parent / ".venv-lightning" / "bin" / "python"
        return self.run([str(python), "-m", "airfleet.cli", *map(str, arguments)], seconds)


def lightning() -> None:
    """One year, from BigQuery through Spark."""
    example = HERE / "lightning"
    with tempfile.TemporaryDirectory(prefix="gallery-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the user that PostgreSQL runs as, when we are root, must reach its data
        with sky.database(folder) as address, sky.Clouds(folder / "clouds", sky.emulators_python()) as clouds:
            clouds.fill(2023, 30_000, 1)
            with LightningFleet.make((example / "fleet.yaml").read_text(), copy_of=example) as fleet:
                given = clouds.environment() | sky.connections(address) | {"AIRFLEET_ENV": "clouds"}
                fleet.environ = {**fleet.environ, **given}
                fleet.start()
                fleet.wait_for_dag("lightning")
                begun = fleet.trigger("lightning", {"year": 2023, "engine": "spark"})
                assert fleet.wait_for_run("lightning", begun, SECONDS) == "success"
                picture(fleet, "lightning", begun)


def classic_ones() -> None:
    """The other three, on one fleet."""
    with tempfile.TemporaryDirectory(prefix="gallery-") as folder, classics(Path(folder)) as there:
        there.clouds.put_csv(sample.people(rows=1000, seed=1))
        with fleet_of(there, UNSCHEDULED) as fleet:
            for dag_id, conf in RUNS.items():
                picture(fleet, dag_id, run(fleet, there, dag_id, conf))
            people(there)
            backfill(fleet)
            assert fleet.wait_for_run("sales_marts", fleet.trigger("sales_marts"), SECONDS) == "success"
            sales(there)
            regions(there)


#: in the order in which they need one another
RUNS: Mapping[str, Mapping[str, str]] = {
    "csv_to_dynamo": {},
    "orders_from_api": {"day": "2025-12-31"},
    "sales_marts": {},
    "deliveries": {"day": DAY},
    "nightly_backup": {},
    "stock_gate": {"day": DOUBTFUL},
    "revenue": {"day": DAY},
    "busy_or_quiet": {"day": DAY},
    "by_region": {"day": DAY},
}


def run(fleet: FleetUnderTest, there: Classics, dag_id: str, conf: Mapping[str, str]) -> str:
    """One run to its good end; a person delivers the file and approves, a little later."""
    fleet.wait_for_dag(dag_id)
    begun = fleet.trigger(dag_id, conf)
    task = ("dags", dag_id, "dagRuns", begun, "taskInstances")
    if dag_id == "deliveries":
        wait_until(lambda: fleet.api.get(*task, "arrived")["state"] == "deferred", 60, "the file is waited for")
        deliver(there.around.deliveries, DAY, [(product, product * 3, "Eze") for product in range(1, 31)])
    if dag_id == "stock_gate":
        wait_until(lambda: fleet.api.get(*task, "ask")["state"] == "awaiting_input", 60, "somebody is asked")
        answer = {"chosen_options": ["Approve"], "params_input": {}}
        fleet.api.patch(*task, "ask", "-1", "hitlDetails", body=answer)
    assert fleet.wait_for_run(dag_id, begun, SECONDS) == "success", dag_id
    return begun


def backfill(fleet: FleetUnderTest) -> None:
    """Some days of the past."""
    last = dt.date(2026, 1, 5)
    first = last - dt.timedelta(days=BACKFILL_DAYS - 1)
    asked = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z", "max_active_runs": 8}
    fleet.api.post("backfills", body={"dag_id": "orders_from_api", "reprocess_behavior": "none", **asked})

    def done() -> bool:
        found = fleet.api.get("dags", "orders_from_api", "dagRuns", limit=1, state="success", run_type="backfill")
        return bool(found["total_entries"] >= BACKFILL_DAYS)

    wait_until(done, 2 * SECONDS, "the days are loaded", 1.0)


# --- of each run


def picture(fleet: FleetUnderTest, dag_id: str, begun: str, name: str = "") -> None:
    """Graph and timeline of a run, in files of this name."""
    name = name or dag_id
    tasks = fleet.api.get("dags", dag_id, "tasks")["tasks"]
    nodes = tuple(Node(one["task_id"], one["operator_name"].removesuffix("Operator")) for one in tasks)
    edges = tuple((one["task_id"], after) for one in tasks for after in sorted(one["downstream_task_ids"]))
    graph = layers.without_implied(Graph(nodes, edges))
    (IMAGES / "gallery" / f"{name}.svg").write_text(svg.draw(graph, dag_id))
    found = fleet.api.get("dags", dag_id, "dagRuns", begun, "taskInstances", limit=100)["task_instances"]
    timeline(name, [one for one in found if one["start_date"] and one["state"] == "success"])


def timeline(name: str, instances: Sequence[Mapping[str, Any]]) -> None:
    """What ran when, in seconds since the first began."""
    spans = sorted((_seconds(one["start_date"]), _seconds(one["end_date"]), _label(one)) for one in instances)
    zero = spans[0][0]
    figure = Figure(figsize=(7.2, 0.6 + 0.27 * len(spans)), layout="constrained")
    axes = figure.subplots()
    for row, (began, ended, _) in enumerate(spans):
        axes.barh(row, max(ended - began, 0.02), left=began - zero, height=0.62, color=COLORS[0])
        axes.text(ended - zero + 0.03, row, f" {ended - began:.1f} s", va="center", color=QUIET, fontsize=8)
    axes.set_yticks(range(len(spans)), [label for _, _, label in spans])
    axes.invert_yaxis()
    _finish(axes, "seconds")
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    _save(figure, IMAGES / "gallery" / f"{name}_timeline.png")


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()


def _label(instance: Mapping[str, Any]) -> str:
    index = instance["map_index"]
    return str(instance["task_id"]) + (f" [{index}]" if index >= 0 else "")


# --- results


def people(there: Classics) -> None:
    """Favourite numbers in the table of the second account."""
    found = there.clouds.items().values()
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    axes = figure.subplots()
    bottom = Counter[int]()
    for color, enabled in ((COLORS[0], True), (GRID, False)):
        given = [one for one in found if one["Enabled"] is enabled and "FavouriteNumber" in one]
        counts = Counter(int(one["FavouriteNumber"]) for one in given if 0 <= one["FavouriteNumber"] <= 100)
        places = sorted(counts)
        label = "enabled" if enabled else "not enabled"
        axes.bar(places, [counts[n] for n in places], bottom=[bottom[n] for n in places], color=color, label=label)
        bottom += counts
    axes.set_title(f"{len(found):,} people, and their favourite numbers", loc="left", color=INK)
    axes.legend(frameon=False, labelcolor=QUIET)
    _finish(axes, "favourite number")
    _save(figure, IMAGES / "csv_to_dynamo.png")


def sales(there: Classics) -> None:
    """The marts: sales of each day, by region."""
    found = there.rows("SELECT region, day, sales FROM marts.sales_by_region ORDER BY region, day")
    days = sorted({day for _, day, _ in found})
    by = {(region, day): float(amount) for region, day, amount in found}
    names = sorted({region for region, _, _ in found})
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    axes = figure.subplots()
    series = [[by.get((name, day), 0.0) / 1000 for day in days] for name in names]
    # Days since 1970, as matplotlib counts them.
    axes.stackplot([(day - dt.date(1970, 1, 1)).days for day in days], series, labels=names, colors=COLORS)
    axes.xaxis_date()
    axes.xaxis.set_major_locator(WeekdayLocator())
    axes.xaxis.set_major_formatter(DateFormatter("%d %b"))
    axes.set_title("Sales by day and region, thousands", loc="left", color=INK)
    axes.legend(frameon=False, labelcolor=QUIET, ncols=4, loc="upper left")
    axes.margins(x=0, y=0.25)
    _finish(axes, "")
    _save(figure, IMAGES / "etl_classics.png")


def regions(there: Classics) -> None:
    """What the TaskFlow Dag wrote."""
    import json

    totals = json.loads((there.output / "revenue" / f"{DAY}.json").read_text())
    del totals["whole"]
    figure = Figure(figsize=(7.2, 1.9), layout="constrained")
    axes = figure.subplots()
    for row, (_, cents) in enumerate(sorted(totals.items())):
        axes.barh(row, cents / 100, height=0.62, color=COLORS[row])
        axes.text(cents / 100, row, f"  {cents / 100:,.2f}", va="center", color=QUIET)
    axes.set_yticks(range(len(totals)), sorted(totals))
    axes.invert_yaxis()
    axes.set_title(f"Revenue of {DAY} by region", loc="left", color=INK)
    axes.margins(x=0.15)
    _finish(axes, "")
    _save(figure, IMAGES / "existing_dags.png")


def _finish(axes: Axes, label: str) -> None:
    axes.set_xlabel(label)
    axes.grid(axis="x", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, dpi=150, metadata={"Software": None})
    print(file.relative_to(HERE.parent))


if __name__ == "__main__":
    main()
