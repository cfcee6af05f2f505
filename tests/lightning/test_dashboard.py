"""The dashboard in a browser: what is in the tables is shown, and the slider moves from year to year.

Needs Chromium and its driver (Debian: ``chromium`` and ``chromium-driver``). With ``AIRFLEET_SCREENSHOTS=1``
the picture of the documentation is taken.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from werkzeug.serving import make_server

from lightning import dashboard, database, duck, results, sample
from lightning.tables import Tables
from lightning.tiles import BIGQUERY
from support.browsers import find, opened, waiting

pytestmark = pytest.mark.needs("chromium")

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "lightning.png"
PICTURE_WANTED = os.environ.get("AIRFLEET_SCREENSHOTS") == "1"
YEARS = tuple(range(2019 if PICTURE_WANTED else 2021, 2024))
#: what plotly has drawn in one of the pictures
DATA = (
    "const plot = document.querySelector(arguments[0] + ' .js-plotly-plot'); return plot && plot.data && plot.data[0];"
)
HEIGHTS = """
const plot = document.querySelector(arguments[0] + ' .js-plotly-plot');
return Array.from(plot.calcdata[0], bar => bar.s || 0);
"""


@pytest.fixture(scope="module")
def shown(database: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a database with some years."""
    address = database.replace("/lightning", "/dashboard")
    with psycopg.connect(database, autocommit=True) as server:
        server.execute("CREATE DATABASE dashboard")
    _load(address, tmp_path_factory.mktemp("years"))
    return address


@pytest.fixture(scope="module")
def page(shown: str) -> Iterator[str]:
    """The address of the dashboard."""
    server = make_server("127.0.0.1", 0, dashboard.app(Tables(shown)).server, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def browser(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A browser that has the page open."""
    with opened(tmp_path_factory.mktemp("browser"), "--window-size=1400,1000", log=True) as driver:
        driver.get(page)
        waiting(driver).until(lambda d: drawn(d, "#density"), "the map is drawn")
        yield driver


def test_the_page_shows_the_latest_year_as_it_is_in_the_tables(browser: webdriver.Chrome, shown: str) -> None:
    strikes, tiles = Tables(shown).totals(2023)
    assert find(browser, "#total").text == f"2023: {strikes:,} strikes, {tiles:,} tiles with lightning"
    days = waiting(browser).until(lambda d: drawn(d, "#days"))
    assert len(days["x"]) == len(Tables(shown).days_of(2023)) > 300
    assert browser.execute_script("return document.querySelectorAll('#density .hm image').length") == 1
    assert browser.execute_script("return document.querySelectorAll('#days .point').length") > 300
    if PICTURE_WANTED:
        assert browser.save_screenshot(str(PICTURE))


def test_the_slider_moves_to_another_year(browser: webdriver.Chrome, shown: str) -> None:
    handle = find(browser, "[role=slider]")
    ActionChains(browser).click(handle).send_keys(Keys.ARROW_LEFT).perform()
    strikes, _ = Tables(shown).totals(2022)
    waiting(browser).until(lambda d: find(d, "#total").text.startswith(f"2022: {strikes:,} strikes"), "the year before")
    waiting(browser).until(lambda d: str(drawn(d, "#days")["x"][0]).startswith("2022"), "its days")


def test_a_month_and_a_day_are_shown_over_the_years(browser: webdriver.Chrome, shown: str) -> None:
    months = waiting(browser).until(lambda d: drawn(d, "#months"))
    assert months["x"] == [str(year) for year in YEARS]
    assert values(browser, "#months") == [strikes for _, strikes in Tables(shown).months(7)]
    pick(browser, "month", "January")
    wanted = [strikes for _, strikes in Tables(shown).months(1)]
    waiting(browser).until(lambda d: values(d, "#months") == wanted, "the strikes of January")
    pick(browser, "day", "31")
    same = [strikes for _, strikes in Tables(shown).same_day(7, 31)]
    waiting(browser).until(lambda d: values(d, "#same-day") == same, "the strikes of 31 July")


def test_nothing_is_asked_of_the_internet_and_nothing_fails(browser: webdriver.Chrome, page: str) -> None:
    asked = browser.execute_script("return performance.getEntriesByType('resource').map(entry => entry.name)")
    assert asked
    assert [address for address in asked if not address.startswith((page, "data:", "blob:"))] == []
    severe = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert [line for line in severe if "favicon" not in line] == []


def drawn(driver: webdriver.Chrome, css: str) -> Any:
    return driver.execute_script(DATA, css)


def values(driver: webdriver.Chrome, css: str) -> list[int]:
    """The heights of the bars."""
    return [int(value) for value in driver.execute_script(HEIGHTS, css)]


def pick(driver: webdriver.Chrome, name: str, text: str) -> None:
    """Choose from a drop-down as a person does: open it, type, and click what is left."""
    find(driver, f"#{name}").click()
    find(driver, ".dash-dropdown-search").send_keys(text)
    css = "contains(concat(' ', @class, ' '), ' dash-dropdown-option ')"
    where = f"//*[{css}][.//text()[normalize-space()='{text}']]"
    option = waiting(driver).until(
        lambda d: next((e for e in d.find_elements(By.XPATH, where) if e.is_displayed()), None), f"an option {text}"
    )
    option.click()


def _load(address: str, folder: Path) -> None:
    os.environ["AIRFLOW_CONN_LIGHTNING_SHOWN"] = address
    for year in YEARS:
        place = folder / str(year)
        raw = sample.write(place, year, 30_000 + 2_000 * (year % 3), 1, BIGQUERY)
        duck.aggregate(raw, place / "results", BIGQUERY, year)
        results.seal(place / "results", year)
        database.replace_year("lightning_shown", results.checked(place / "results", year), place / "results")
    del os.environ["AIRFLOW_CONN_LIGHTNING_SHOWN"]
