"""The dashboard: ``python -m lightning.dashboard [--port 8050]``, on this machine only.

Reads the PostgreSQL that the pipeline loads, whose address is in ``LIGHTNING_DATABASE`` or in
``AIRFLOW_CONN_LIGHTNING_DB``. Nothing comes from the internet: no map server, no script.
"""

from __future__ import annotations

import argparse
import calendar
import os
import sys
from typing import Any

from dash import Dash, Input, Output, dcc, html

from lightning import figures
from lightning.tables import Tables

_STYLE = {"fontFamily": "system-ui, sans-serif", "color": figures.INK, "margin": "0 auto", "maxWidth": "1340px"}
_ROW = {"display": "grid", "gridTemplateColumns": "1fr 1fr", "gap": "12px"}
_PICK = {"display": "grid", "gridTemplateColumns": "160px 110px", "gap": "8px", "padding": "0 16px"}
_MONTHS = [{"label": calendar.month_name[month], "value": month} for month in range(1, 13)]
_DAYS = [{"label": str(day), "value": day} for day in range(1, 32)]


def app(tables: Tables) -> Dash:
    """The page over ``tables``; years that are loaded later are there after a reload."""
    page = Dash("lightning", title="Lightning", update_title="", serve_locally=True)
    page.layout = lambda: _layout(tables.years())

    @page.callback(
        Output("days", "figure"), Output("density", "figure"), Output("total", "children"), Input("year", "value")
    )
    def of_the_year(chosen: float) -> tuple[Any, Any, str]:
        year = round(chosen)  # the slider gives a number of some kind
        strikes, tiles = tables.totals(year)
        said = f"{year}: {strikes:,} strikes, {tiles:,} tiles with lightning"
        return figures.days_of_year(year, tables.days_of(year)), figures.density(year, tables.tiles_of(year)), said

    @page.callback(Output("months", "figure"), Input("month", "value"))
    def of_the_month(month: int) -> Any:
        return figures.over_years(f"{calendar.month_name[month]}, year by year", tables.months(month))

    @page.callback(Output("same-day", "figure"), Input("day-month", "value"), Input("day", "value"))
    def of_the_day(month: int, day: int) -> Any:
        return figures.over_years(f"{day} {calendar.month_name[month]}, year by year", tables.same_day(month, day))

    return page


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="lightning.dashboard", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=8050)
    options = parser.parse_args(arguments)
    address = os.environ.get("LIGHTNING_DATABASE") or os.environ.get("AIRFLOW_CONN_LIGHTNING_DB")
    if not address:
        parser.error("say where the database is: LIGHTNING_DATABASE=postgresql://user:password@host/name")
    app(Tables(address)).run(host="127.0.0.1", port=options.port, debug=False)
    return 0


def _layout(years: list[int]) -> html.Div:
    if not years:
        return html.Div(html.P("No year is loaded yet: run the pipeline, then reload.", id="total"), style=_STYLE)
    slider = dcc.Slider(
        id="year", min=years[0], max=years[-1], step=1, value=years[-1], marks={year: str(year) for year in years}
    )
    return html.Div(
        [
            html.H2("Lightning over the United States", style={"margin": "12px 16px 0"}),
            html.P(id="total", style={"margin": "4px 16px"}),
            html.Div(slider, style={"padding": "4px 16px"}),
            html.Div([_graph("days", "360px"), _graph("density", "360px")], style=_ROW),
            html.Div([_months(), _same_day()], style=_ROW),
        ],
        style=_STYLE,
    )


def _months() -> html.Div:
    return html.Div([html.Div(_dropdown("month", _MONTHS, 7), style=_PICK), _graph("months")])


def _same_day() -> html.Div:
    pick = [_dropdown("day-month", _MONTHS, 7), _dropdown("day", _DAYS, 4)]
    return html.Div([html.Div(pick, style=_PICK), _graph("same-day")])


def _dropdown(name: str, options: list[dict[str, Any]], value: int) -> dcc.Dropdown:
    return dcc.Dropdown(id=name, options=options, value=value, clearable=False)


def _graph(name: str, height: str = "250px") -> dcc.Graph:
    return dcc.Graph(id=name, config={"displayModeBar": False}, style={"height": height})


if __name__ == "__main__":
    sys.exit(main())
