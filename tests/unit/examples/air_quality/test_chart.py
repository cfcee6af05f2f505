"""The chart of a job's stored results."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from air_quality import chart, steps

OZONE, GSOD = "epa_aqs_ozone_daily_summary", "noaa_global_summary_of_day"


@pytest.fixture(scope="module")
def output(jobs: dict[str, Any], mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored results of two jobs."""
    folder = tmp_path_factory.mktemp("charted")
    for name in (OZONE, GSOD):
        job = jobs[name]
        run = steps.start(job, "run", str(mirror), f"{folder}/work", f"{folder}/output", 400)
        fetched, cleaned, _, _ = (step(job, run) for step in (steps.fetch, steps.clean, steps.sort, steps.chunk))
        steps.store(job, run, fetched, cleaned)
    return folder / "output"


def test_the_chart_shows_what_was_stored_and_is_the_same_every_time(output: Path, tmp_path: Path) -> None:
    pictures = [tmp_path / "a.png", tmp_path / "a.svg", tmp_path / "b.png", tmp_path / "b.svg"]
    for picture in pictures:
        assert chart.main([str(output), "-o", str(picture), "--job", OZONE, "--job", GSOD]) == 0
    assert pictures[0].read_bytes() == pictures[2].read_bytes()
    assert pictures[1].read_bytes() == pictures[3].read_bytes()
    drawn = pictures[1].read_text()
    for text in ("Ozone, daily maximum", "parts per million", "Temperature, daily mean", "north", "south"):
        assert text in drawn


def test_the_chart_of_a_job_that_is_not_there_says_so(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chart.main([str(output), "-o", str(tmp_path / "a.png"), "--job", "pm25"]) == 1
    assert capsys.readouterr().err == f"{output} holds no result of pm25\n"


def test_the_line_is_the_mean_of_the_days_around() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(100)]
    values = [float(n) for n in range(100)]
    line = chart.rolling(chart.Series("", "", days, values, values, values))
    assert line[50] == 50.0
    assert line[0] == sum(range(16)) / 16
    assert line[-1] == sum(range(84, 100)) / 16
