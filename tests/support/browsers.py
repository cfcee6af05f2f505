"""A browser for tests, and how to find things on its pages."""

from __future__ import annotations

import shutil
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

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


def opened(profile: Path, *flags: str, log: bool = False) -> webdriver.Chrome:
    """Start a browser; with ``log`` it keeps what pages write to its console."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "no 'chromium' on the path: apt-get install chromium"
    assert driver, "no 'chromedriver' on the path: apt-get install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    if log:
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, *flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def waiting(driver: webdriver.Chrome) -> WebDriverWait[webdriver.Chrome]:
    return WebDriverWait(driver, PAGE_SECONDS, poll_frequency=0.2)


def find(driver: webdriver.Chrome, css: str) -> WebElement:
    """Wait for the first visible element."""
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
    """Read the text of the editor, which writes hard spaces."""
    lines = driver.find_elements(By.CSS_SELECTOR, ".view-lines")
    return lines[0].text.replace("\xa0", " ") if lines else ""


#: the browser itself says what a colour is in red, green and blue, however the page wrote it
RGB = """
const pen = document.createElement('canvas').getContext('2d');
pen.fillStyle = arguments[0]; pen.fillRect(0, 0, 1, 1);
return Array.from(pen.getImageData(0, 0, 1, 1).data);
"""


def is_green(driver: webdriver.Chrome, element: WebElement) -> bool:
    """Tell whether something in the element has a background that is more green than anything else."""
    for one in element.find_elements(By.CSS_SELECTOR, "*"):
        red, green, blue, opaque = driver.execute_script(RGB, one.value_of_css_property("background-color"))
        if opaque and green > max(red, blue) + 40:
            return True
    return False
