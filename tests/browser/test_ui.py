"""A person looks at the fleet in a browser: logs in, sees the run, reads the pipeline.

Needs Chromium and its driver (Debian: ``chromium`` and ``chromium-driver``). With ``AIRFLEET_SCREENSHOTS=1``
the picture of the documentation is taken.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from airfleet.testing.fleet import FleetUnderTest
from support.fleets import AirQuality

PAGE_SECONDS = 45
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,900",
)
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


def opened(profile: Path) -> webdriver.Chrome:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "no 'chromium' on the path: apt-get install chromium"
    assert driver, "no 'chromedriver' on the path: apt-get install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


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


def waiting(driver: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    return WebDriverWait(driver, PAGE_SECONDS, poll_frequency=0.2)


def find(driver: webdriver.Chrome, css: str) -> WebElement:
    """The first visible element, once there is one."""
    found: WebElement = waiting(driver).until(
        lambda d: next((e for e in d.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()), None),
        f"nothing visible matches {css}",
    )
    return found


def fill(driver: webdriver.Chrome, name: str, text: str) -> None:
    field = find(driver, f"input[name={name}]")
    field.clear()
    field.send_keys(text)


def with_text(driver: webdriver.Chrome, text: str) -> list[WebElement]:
    return driver.find_elements(By.XPATH, f"//*[normalize-space(text())='{text}']")


def shown_code(driver: webdriver.Chrome) -> str:
    """What the editor shows; it writes hard spaces."""
    lines = driver.find_elements(By.CSS_SELECTOR, ".view-lines")
    return lines[0].text.replace("\xa0", " ") if lines else ""


#: the browser itself says what a colour is in red, green and blue, however the page wrote it
RGB = """
const pen = document.createElement('canvas').getContext('2d');
pen.fillStyle = arguments[0]; pen.fillRect(0, 0, 1, 1);
return Array.from(pen.getImageData(0, 0, 1, 1).data);
"""


def is_green(driver: webdriver.Chrome, element: WebElement) -> bool:
    """Whether something in the element has a background that is more green than anything else."""
    for one in element.find_elements(By.CSS_SELECTOR, "*"):
        red, green, blue, opaque = driver.execute_script(RGB, one.value_of_css_property("background-color"))
        if opaque and green > max(red, blue) + 40:
            return True
    return False
