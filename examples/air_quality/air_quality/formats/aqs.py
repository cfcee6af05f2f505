"""EPA Air Quality System, daily summary: one row per monitor, day and standard.

Published as ``daily_<parameter>_<year>.zip`` with one CSV inside; text is quoted, numbers are not.
"""

from __future__ import annotations

from air_quality.formats.columns import Format, Kind

HEADER = (
    "State Code", "County Code", "Site Num", "Parameter Code", "POC", "Latitude", "Longitude", "Datum",
    "Parameter Name", "Sample Duration", "Pollutant Standard", "Date Local", "Units of Measure", "Event Type",
    "Observation Count", "Observation Percent", "Arithmetic Mean", "1st Max Value", "1st Max Hour", "AQI",
    "Method Code", "Method Name", "Local Site Name", "Address", "State Name", "County Name", "City Name",
    "CBSA Name", "Date of Last Change",
)  # fmt: skip

#: raw columns that the publisher leaves unquoted
UNQUOTED = frozenset({
    "POC", "Latitude", "Longitude", "Observation Count", "Observation Percent", "Arithmetic Mean",
    "1st Max Value", "1st Max Hour", "AQI",
})  # fmt: skip

FORMAT = Format(
    kinds={
        "date": Kind.DATE,
        "latitude": Kind.NUMBER,
        "longitude": Kind.NUMBER,
        "datum": Kind.TEXT,
        "aqi": Kind.INTEGER,
        "parameter_name": Kind.TEXT,
        "mean_value": Kind.NUMBER,
        "max_value": Kind.NUMBER,
        "max_hour": Kind.INTEGER,
        "units_of_measure": Kind.TEXT,
        "event_type": Kind.TEXT,
        "observation_count": Kind.INTEGER,
        "observation_percent": Kind.NUMBER,
        "sample_duration": Kind.TEXT,
        "pollutant_standard": Kind.TEXT,
        # codes and site numbers are names: their leading zeros belong to them
        "method_code": Kind.TEXT,
        "method_name": Kind.TEXT,
        "site_num": Kind.TEXT,
        "local_site_name": Kind.TEXT,
        "address": Kind.TEXT,
        "state_name": Kind.TEXT,
        "county_name": Kind.TEXT,
        "city_name": Kind.TEXT,
        "cbsa_name": Kind.TEXT,
        "date_last_changed": Kind.DATE,
    }
)
