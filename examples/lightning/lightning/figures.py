"""The four pictures of the dashboard; each takes rows and gives a figure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

import plotly.graph_objects as go

PAPER, INK, GRID, STRIKE = "#ffffff", "#22313f", "#e3e8ec", "#d9822b"
#: the outline of the contiguous United States, by hand: a map needs no server for it
OUTLINE = (
    (-124.7, 48.4), (-123.1, 48.3), (-122.8, 49.0), (-95.2, 49.0), (-94.6, 48.7), (-91.5, 48.1), (-89.6, 48.0),
    (-88.4, 48.3), (-84.9, 46.9), (-84.4, 46.5), (-83.6, 46.1), (-82.4, 45.3), (-82.5, 43.0), (-83.1, 42.1),
    (-81.3, 42.2), (-79.0, 42.9), (-79.1, 43.5), (-76.8, 43.6), (-76.3, 44.2), (-75.0, 45.0), (-71.5, 45.0),
    (-70.8, 45.4), (-70.3, 46.3), (-69.2, 47.5), (-68.3, 47.4), (-67.8, 47.1), (-67.8, 45.7), (-67.0, 44.8),
    (-69.0, 44.1), (-70.2, 43.6), (-70.8, 42.8), (-70.6, 41.9), (-69.9, 41.7), (-71.2, 41.5), (-73.7, 40.9),
    (-72.0, 41.0), (-74.0, 40.5), (-74.1, 39.7), (-74.9, 38.9), (-75.4, 39.4), (-75.1, 38.3), (-75.9, 37.1),
    (-76.3, 38.9), (-76.3, 37.0), (-75.5, 35.3), (-76.6, 34.6), (-77.9, 33.9), (-79.2, 33.2), (-81.0, 32.0),
    (-81.4, 30.7), (-80.6, 28.4), (-80.0, 26.8), (-80.4, 25.2), (-81.1, 25.1), (-81.8, 26.1), (-82.8, 27.8),
    (-82.7, 28.8), (-83.7, 29.9), (-85.0, 29.6), (-86.5, 30.4), (-88.1, 30.3), (-89.6, 30.2), (-89.2, 29.2),
    (-91.3, 29.3), (-93.8, 29.7), (-95.0, 29.2), (-97.2, 27.7), (-97.2, 25.9), (-99.1, 26.4), (-99.5, 27.5),
    (-101.4, 29.8), (-102.7, 29.7), (-103.2, 29.0), (-104.5, 29.6), (-106.5, 31.8), (-108.2, 31.8), (-108.2, 31.3),
    (-111.1, 31.3), (-114.8, 32.5), (-117.1, 32.5), (-118.4, 33.8), (-120.6, 34.6), (-121.9, 36.6), (-122.5, 37.8),
    (-123.8, 39.3), (-124.4, 40.4), (-124.1, 41.9), (-124.5, 42.8), (-124.0, 44.7), (-124.0, 46.2), (-124.7, 48.4),
)  # fmt: skip
_COLOURS = ((0.0, "#f4f1ea"), (0.35, "#f2c572"), (0.7, "#d9822b"), (1.0, "#6b1d1d"))


def days_of_year(year: int, rows: Sequence[tuple[dt.date, int]]) -> go.Figure:
    """Strikes by day of one year."""
    days, strikes = [day.isoformat() for day, _ in rows], [count for _, count in rows]
    marks = {"size": 6, "color": STRIKE, "opacity": 0.75}
    hover = "%{x|%d %B}: %{y:,} strikes<extra></extra>"
    figure = go.Figure(go.Scatter(x=days, y=strikes, mode="markers", marker=marks, hovertemplate=hover))
    figure.update_xaxes(range=[f"{year}-01-01", f"{year}-12-31"], tickformat="%b", dtick="M1")
    return _styled(figure, f"Strikes by day of {year}")


def over_years(what: str, rows: Sequence[tuple[int, int]]) -> go.Figure:
    """One month or one day of the year, in every year."""
    years, strikes = [str(year) for year, _ in rows], [count for _, count in rows]
    hover = "%{x}: %{y:,} strikes<extra></extra>"
    figure = go.Figure(go.Bar(x=years, y=strikes, marker_color=STRIKE, hovertemplate=hover))
    figure.update_xaxes(type="category")
    return _styled(figure, what)


def density(year: int, rows: Sequence[tuple[float, float, int]]) -> go.Figure:
    """Where the strikes of one year were."""
    figure = go.Figure()
    if rows:
        figure.add_trace(_heat(rows))
    east, north = zip(*OUTLINE, strict=True)
    line = {"color": INK, "width": 1}
    figure.add_trace(go.Scatter(x=east, y=north, mode="lines", line=line, hoverinfo="skip", showlegend=False))
    figure.update_xaxes(range=[-126, -66], showgrid=False, ticksuffix="°")
    figure.update_yaxes(range=[24, 50], showgrid=False, ticksuffix="°", scaleanchor="x", scaleratio=1.28)
    return _styled(figure, f"Where they struck in {year}")


def _heat(rows: Sequence[tuple[float, float, int]]) -> go.Heatmap:
    east, north = (sorted({row[axis] for row in rows}) for axis in (0, 1))
    found = {(x, y): strikes for x, y, strikes in rows}
    values = [[found.get((x, y)) for x in east] for y in north]
    colours = [[math.log10(count) if count else None for count in line] for line in values]
    most = max(found.values())
    ticks = [10**power for power in range(int(math.log10(most)) + 1)]
    bar = {
        "tickvals": [math.log10(tick) for tick in ticks],
        "ticktext": [f"{tick:,}" for tick in ticks],
        "title": {"text": "strikes"},
        "thickness": 12,
    }
    hover = "%{x:.1f}° %{y:.1f}°: %{customdata:,} strikes<extra></extra>"
    return go.Heatmap(
        x=east, y=north, z=colours, customdata=values, colorscale=_COLOURS, colorbar=bar, hovertemplate=hover,
        hoverongaps=False,
    )  # fmt: skip


def _styled(figure: go.Figure, title: str) -> go.Figure:
    figure.update_layout(
        title={"text": title, "x": 0.02, "font": {"size": 16}},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        font={"color": INK, "family": "system-ui, sans-serif"},
        margin={"l": 56, "r": 16, "t": 48, "b": 36},
        showlegend=False,
    )
    figure.update_xaxes(gridcolor=GRID)
    figure.update_yaxes(gridcolor=GRID, zeroline=False)
    return figure
