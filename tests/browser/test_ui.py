"""A person looks at the fleet in a browser: logs in, sees the run, reads the pipeline.

Needs Chromium and its driver (Debian: ``chromium`` and ``chromium-driver``). With ``AIRFLEET_SCREENSHOTS=1``
the picture of the documentation is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from airfleet.testing.fleet import FleetUnderTest
from support.browsers import fill, find, is_green, opened, shown_code, waiting, with_text
from support.fleets import AirQuality

pytestmark = pytest.mark.needs("chromium")

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "ui.png"


@pytest.fixture(scope="module")
def fleet(air_quality_fleet: AirQuality) -> FleetUnderTest:
    """The example's fleet with its small pipelines known."""
    air_quality_fleet.fleet.wait_for_dag("hello")
    return air_quality_fleet.fleet


@pytest.fixture(scope="module")
def run(fleet: FleetUnderTest) -> str:
    """A run of ``hello`` that has succeeded."""
    started = fleet.trigger("hello")
    assert fleet.wait_for_run("hello", started) == "success"
    return started


@pytest.fixture(scope="module")
def browser(fleet: FleetUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A new browser in which the fleet's user is logged in."""
    with opened(tmp_path_factory.mktemp("browser")) as driver:
        snapshot = fleet.snapshot()
        driver.get(snapshot.url)
        fill(driver, "username", snapshot.user)
        fill(driver, "password", Path(snapshot.password_file).read_text().strip())
        find(driver, "button[type=submit]").click()
        waiting(driver).until(lambda d: d.title.startswith("Home"), "the home page after the login")
        yield driver


def test_the_run_is_green_on_the_page_of_the_dag(browser: webdriver.Chrome, fleet: FleetUnderTest, run: str) -> None:
    browser.get(f"{fleet.snapshot().url}/dags/hello")
    for what in (f"a[href='/dags/hello/runs/{run}/']", f"a[href='/dags/hello/runs/{run}/tasks/say']"):
        square = find(browser, what)
        assert is_green(browser, square), square.get_attribute("outerHTML")


def test_the_page_of_the_run_says_success(browser: webdriver.Chrome, fleet: FleetUnderTest, run: str) -> None:
    browser.get(f"{fleet.snapshot().url}/dags/hello/runs/{run}")
    badge = waiting(browser).until(lambda d: next(iter(with_text(d, "Success")), None))
    assert badge.is_displayed()


def test_the_code_tab_shows_the_yaml(browser: webdriver.Chrome, fleet: FleetUnderTest, run: str) -> None:
    browser.get(f"{fleet.snapshot().url}/dags/hello/code")
    code = waiting(browser).until(lambda d: shown_code(d) if "periwinkle" in shown_code(d) else "")
    assert "dag_id: hello" in code
    assert "{id: say, uses: bash, with:" in code


def test_the_dags_of_the_example_are_listed(browser: webdriver.Chrome, fleet: FleetUnderTest) -> None:
    fleet.wait_for_dag("noaa_global_summary_of_day_job")
    browser.get(f"{fleet.snapshot().url}/dags")
    assert find(browser, "a[href*='/dags/epa_aqs_ozone_daily_summary_job']").text == "epa_aqs_ozone_daily_summary_job"


@pytest.mark.usefixtures("run")
def test_the_grid_of_the_example_has_its_seven_steps(browser: webdriver.Chrome, fleet: FleetUnderTest) -> None:
    dag_id, picture_wanted = "noaa_global_summary_of_day_job", os.environ.get("AIRFLEET_SCREENSHOTS") == "1"
    if picture_wanted:
        assert fleet.wait_for_run(dag_id, fleet.trigger(dag_id)) == "success"
    browser.get(f"{fleet.snapshot().url}/dags/{dag_id}")
    for step in ("start", "fetch", "clean", "sort", "chunk", "store", "end"):
        assert find(browser, f"a[href$='/dags/{dag_id}/tasks/{step}']").text == step
    if picture_wanted:
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        assert browser.save_screenshot(str(PICTURE))
