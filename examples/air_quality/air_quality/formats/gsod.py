"""NOAA Global Summary of the Day: one row per station and day.

Published as ``<year>.tar.gz`` with one CSV per station. Every value is quoted, numbers are padded
to a fixed width, and a value that was not measured is a row of nines. Units are the publisher's:
degrees Fahrenheit, millibars, miles, knots and inches; elevation is in metres.
"""

from __future__ import annotations

from air_quality.formats.columns import Format, Kind

HEADER = (
    "STATION", "DATE", "LATITUDE", "LONGITUDE", "ELEVATION", "NAME", "TEMP", "TEMP_ATTRIBUTES",
    "DEWP", "DEWP_ATTRIBUTES", "SLP", "SLP_ATTRIBUTES", "STP", "STP_ATTRIBUTES", "VISIB", "VISIB_ATTRIBUTES",
    "WDSP", "WDSP_ATTRIBUTES", "MXSPD", "GUST", "MAX", "MAX_ATTRIBUTES", "MIN", "MIN_ATTRIBUTES",
    "PRCP", "PRCP_ATTRIBUTES", "SNDP", "FRSHTT",
)  # fmt: skip

FORMAT = Format(
    kinds={
        "station": Kind.TEXT,
        "date": Kind.DATE,
        "latitude": Kind.NUMBER,
        "longitude": Kind.NUMBER,
        "elevation": Kind.NUMBER,
        "name": Kind.TEXT,
        "temperature": Kind.NUMBER,
        "max_temperature": Kind.NUMBER,
        "min_temperature": Kind.NUMBER,
        "dew_point": Kind.NUMBER,
        "sea_level_pressure": Kind.NUMBER,
        "station_pressure": Kind.NUMBER,
        "visibility": Kind.NUMBER,
        "wind_speed": Kind.NUMBER,
        "max_wind_speed_sustained": Kind.NUMBER,
        "max_wind_speed_gust": Kind.NUMBER,
        "precipitation": Kind.NUMBER,
        "snow_depth": Kind.NUMBER,
        "has_fog": Kind.FLAG,
        "has_rain_or_drizzle": Kind.FLAG,
        "has_snow_or_ice_pellets": Kind.FLAG,
        "has_hail": Kind.FLAG,
        "has_thunder": Kind.FLAG,
        "has_tornado_or_funnel_cloud": Kind.FLAG,
    },
    required=("station", "date", "latitude", "longitude"),
)
