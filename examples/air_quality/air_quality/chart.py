"""The cleaned series as a picture: ``python -m air_quality.chart OUTPUT_DIR -o air_quality.png``.

One panel per job. A pollutant: each day's median over all monitors, the range that holds the middle
80 %, and a 31-day mean. Weather: the same for three belts of the earth, where the seasons differ.
The same rows give the same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import matplotlib
import matplotlib.dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from air_quality import duck
from air_quality.errors import MissingInput

WINDOW = 31  # days
INK, QUIET, GRID = "#22303c", "#6b7a86", "#e3e8ec"
BLUE, ORANGE, GREEN = "#2b6ca3", "#d9722e", "#3f8f5f"
_EPOCH = dt.date(1970, 1, 1)  # where matplotlib counts days from

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "ytick.left": False,
    "xtick.bottom": False,
    # identifiers inside an SVG are drawn from this instead of from chance
    "svg.hashsalt": "air_quality",
}


@dataclass(frozen=True)
class Series:
    """A line with its spread: one value a day."""

    label: str
    color: str
    days: Sequence[dt.date]
    low: Sequence[float]
    middle: Sequence[float]
    high: Sequence[float]

    @property
    def x(self) -> list[float]:
        """The days as matplotlib counts them."""
        return [float((day - _EPOCH).days) for day in self.days]


@dataclass(frozen=True)
class Panel:
    """One job's picture."""

    title: str
    subtitle: str
    series: Sequence[Series]


def draw_job(name: str, rows: Path, into: Path) -> list[Path]:
    """``chart.png`` and ``chart.svg`` of one job's rows in the folder ``into``."""
    return _save([_panel(name, [rows])], [into / "chart.png", into / "chart.svg"])


def draw_output(output: Path, pictures: Sequence[Path], jobs: Sequence[str] = ()) -> list[Path]:
    """One picture of the jobs that are stored under ``output``: all, or those named, in that order.

    Raises:
        MissingInput: there is no such job.
    """
    found = dict(sorted(_stored_jobs(output)))
    lacking = [job for job in jobs if job not in found]
    if lacking or not found:
        raise MissingInput(f"{output} holds no result of {', '.join(lacking) or 'any job'}")
    return _save([_panel(job, found[job]) for job in jobs or found], pictures)


def main(arguments: list[str] | None = None) -> int:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(prog="air_quality.chart", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("output", type=Path, help="the folder that the pipeline stores its results in")
    parser.add_argument("-o", dest="pictures", type=Path, action="append", required=True, help="a .png or .svg file")
    parser.add_argument("--job", dest="jobs", action="append", default=[], help="only this job; may be repeated")
    options = parser.parse_args(arguments)
    try:
        for path in draw_output(options.output, options.pictures, options.jobs):
            print(path)
    except MissingInput as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _stored_jobs(output: Path) -> Iterable[tuple[str, list[Path]]]:
    """Jobs and their chunk files; every layout holds all rows, so one is enough."""
    for manifest in output.rglob("manifest.json"):
        said = json.loads(manifest.read_text())
        chunks = [entry["name"] for entry in said["files"] if entry["name"].startswith("default/")]
        layout = [name for name in chunks if name.split("/")[1] == chunks[0].split("/")[1]]
        if layout:
            yield said["job"], [manifest.parent / name for name in layout]


def _panel(job: str, files: Sequence[Path]) -> Panel:
    names = ", ".join(duck.text(path) for path in files)
    with duckdb.connect(config={"threads": duck.THREADS, "memory_limit": duck.MEMORY}) as connection:
        connection.execute(f"CREATE VIEW rows AS SELECT * FROM read_parquet([{names}])")
        columns = {row[0] for row in connection.execute("DESCRIBE rows").fetchall()}
        return _weather(connection) if "temperature" in columns else _pollutant(connection, job)


def _pollutant(connection: duckdb.DuckDBPyConnection, job: str) -> Panel:
    """The maximum of each day, of the measure that most rows have."""
    most = connection.execute(
        "SELECT parameter_name, sample_duration, units_of_measure FROM rows "
        "GROUP BY ALL ORDER BY count(*) DESC, 1, 2, 3 LIMIT 1"
    ).fetchone()
    if most is None:
        return Panel(job, "no rows", [])
    parameter, duration, units = most
    chosen = f"sample_duration IS NOT DISTINCT FROM {duck.text(duration) if duration else 'NULL'}"
    series = _daily(connection, "max_value", chosen, "median of all monitors", BLUE)
    places = _places(connection)
    return Panel(f"{parameter}, daily maximum", f"{str(units).lower()}  ·  {places} monitors", [series])


def _weather(connection: duckdb.DuckDBPyConnection) -> Panel:
    belts = [
        ("north", BLUE, "latitude > 23.44"),
        ("tropics", ORANGE, "latitude BETWEEN -23.44 AND 23.44"),
        ("south", GREEN, "latitude < -23.44 AND latitude > -66"),
    ]
    celsius = "(temperature - 32) / 1.8"
    series = [_daily(connection, celsius, where, label, color) for label, color, where in belts]
    title = "Temperature, daily mean"
    return Panel(title, f"°C  ·  {_places(connection)} stations", [one for one in series if one.days])


def _places(connection: duckdb.DuckDBPyConnection) -> str:
    row = connection.execute("SELECT count(DISTINCT (latitude, longitude)) FROM rows").fetchone()
    return f"{row[0] if row else 0:,}"


def _daily(connection: duckdb.DuckDBPyConnection, value: str, where: str, label: str, color: str) -> Series:
    rows = connection.execute(
        f"SELECT date, quantile_cont(v, 0.1), quantile_cont(v, 0.5), quantile_cont(v, 0.9) FROM "
        f"(SELECT date, {value} AS v FROM rows WHERE {where}) WHERE v IS NOT NULL GROUP BY date ORDER BY date"
    ).fetchall()
    days, low, middle, high = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Series(label, color, days, low, middle, high)


def _save(panels: Sequence[Panel], pictures: Sequence[Path]) -> list[Path]:
    with matplotlib.rc_context(STYLE):
        figure = _figure(panels)
        for path in pictures:
            path.parent.mkdir(parents=True, exist_ok=True)
            # no date and no version in the file: the same rows give the same bytes
            svg = path.suffix == ".svg"
            metadata = {"Date": None, "Creator": None} if svg else {"Software": None}
            options: dict[str, Any] = {} if svg else {"pil_kwargs": {"optimize": True}}
            figure.savefig(path, dpi=105, metadata=metadata, **options)
    return list(pictures)


def _figure(panels: Sequence[Panel]) -> Figure:
    across = 1 if len(panels) == 1 else 2
    down = -(-len(panels) // across)
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
    figure = Figure(figsize=(10 if across == 2 else 7.5, 3.6 * down), facecolor="white", layout=layout)
    grid = figure.subplots(down, across, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw(axes, panel)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    return figure


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, loc="left", color=INK, fontsize=11.5, fontweight="bold", pad=22)
    axes.text(0, 1.035, panel.subtitle, transform=axes.transAxes, color=QUIET, fontsize=9)
    several = len(panel.series) > 1
    for series in panel.series:
        axes.fill_between(series.x, series.low, series.high, color=series.color, alpha=0.13, linewidth=0)
        if not several:
            axes.plot(series.x, series.middle, color=series.color, alpha=0.45, linewidth=0.7)
        axes.plot(series.x, rolling(series), color=series.color, linewidth=2.1, solid_capstyle="round")
    _name_lines(axes, panel.series)
    _dress(axes, panel.series)


def _name_lines(axes: Axes, series: Sequence[Series]) -> None:
    """The name stands at the end of its line, so no legend is needed."""
    for one in series if len(series) > 1 else ():
        axes.annotate(
            one.label, (one.x[-1], rolling(one)[-1]), (6, 0), textcoords="offset points",
            color=one.color, fontsize=9, fontweight="bold", va="center", annotation_clip=False,
        )  # fmt: skip
    key = f"line: {WINDOW}-day mean of the daily median    band: middle 80 %"
    axes.text(0, -0.16, key, transform=axes.transAxes, color=QUIET, fontsize=8)


def _dress(axes: Axes, series: Sequence[Series]) -> None:
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    calendar: Any = matplotlib.dates
    locator = calendar.AutoDateLocator(minticks=4, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(calendar.ConciseDateFormatter(locator, show_offset=False))
    days = [x for one in series for x in one.x]
    if days:
        axes.set_xlim(min(days), max(days))


def rolling(series: Series) -> list[float]:
    """The mean over the days around each day; at the ends over those that there are."""
    ordinals = [day.toordinal() for day in series.days]
    result, first, last, total = [], 0, 0, 0.0
    for day in ordinals:
        while last < len(ordinals) and ordinals[last] <= day + WINDOW // 2:
            total += series.middle[last]
            last += 1
        while ordinals[first] < day - WINDOW // 2:
            total -= series.middle[first]
            first += 1
        result.append(total / (last - first))
    return result


if __name__ == "__main__":
    sys.exit(main())
