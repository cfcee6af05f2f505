"""Direct dependencies are used and explained, and what the source imports is a direct dependency."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from support.documents import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PAGE = (REPOSITORY / "docs/explanation/dependencies.md").read_text(encoding="utf-8")
SOURCE = REPOSITORY / "src/airfleet"
#: distributions without a package of their own: they only bring others
WITHOUT_PACKAGE = frozenset({"apache-airflow"})
#: imported only where something else has brought it, as the page says
BROUGHT = frozenset({"pytest", "werkzeug"})
#: modules that may have an HTTP client of their own -> which one
HTTP_CLIENTS = {
    "dag_processor/job_runner.py": "httpx",
    "system/http_client.py": "http.client",
    "worker/api_client.py": "httpx",
    "worker/attempt_monitor.py": "httpx",
    "worker/celery_task.py": "httpx",
    "worker/coordinator.py": "httpx",
    "worker/http_transport.py": "httpx",
    "worker/outages.py": "httpx",
}


def names(wanted: Iterable[str]) -> set[str]:
    """Give the names of distributions in requirements, as PEP 503 writes them."""
    found = (re.match(r"[\w.-]+", one) for one in wanted)
    return {normal(match[0]) for match in found if match}


def normal(name: str) -> str:
    """Write the name of a distribution as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imports(file: Path) -> Iterator[str]:
    """Give the full names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@cache
def imported() -> dict[str, set[str]]:
    """Map each package of others that the source imports to the distributions it may come from."""
    packages = {name.partition(".")[0] for file in SOURCE.rglob("*.py") for name in imports(file)}
    known = packages_distributions()
    ours = {*sys.stdlib_module_names, "airfleet"}
    return {package: set(map(normal, known.get(package, ()))) for package in packages - ours}


def test_every_direct_dependency_is_imported() -> None:
    found = set().union(*imported().values())
    assert names(PROJECT["dependencies"]) - WITHOUT_PACKAGE - found == set()


def test_everything_imported_is_a_direct_dependency() -> None:
    wanted = names([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["editor"]])
    missing = {package for package, found in imported().items() if found.isdisjoint(wanted)}
    assert missing == BROUGHT
    assert [package for package in BROUGHT if package not in PAGE] == []


@pytest.mark.parametrize("section", ["airfleet itself", "On this machine", "For editors", "For the examples"])
def test_the_page_has_a_section_for_each_kind_of_dependency(section: str) -> None:
    assert re.search(rf"^## {section}", PAGE, re.MULTILINE)


def test_the_page_names_every_direct_dependency() -> None:
    section = PAGE.split("\n## airfleet itself\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| ")]
    named = {normal(name) for row in rows for name in re.findall(r"[a-z0-9][\w.-]*", row)}
    assert names(PROJECT["dependencies"]) - named == set()


def test_the_page_names_what_this_machine_and_developers_need() -> None:
    groups = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["dependency-groups"]
    wanted = names([*PROJECT["optional-dependencies"]["local"], *groups["dev"]])
    assert [name for name in sorted(wanted) if name not in PAGE] == []


def test_there_are_two_http_clients_and_each_stays_where_the_page_says() -> None:
    clients = ("http.client", "httpx", "requests", "urllib3", "urllib.request", "aiohttp")
    found = {
        (str(file.relative_to(SOURCE)), name)
        for file in SOURCE.rglob("*.py")
        for name in imports(file)
        if name.startswith(clients)
    }
    # getproxies() of the standard library: what the environment says of proxies, without a request; and the files of an
    # index, fetched at push.
    besides = {("worker/http_transport.py", "urllib.request"), ("releases/environments/wheels.py", "urllib.request")}
    assert found - besides == set(HTTP_CLIENTS.items())
