"""A report for errors of airfleet itself: versions and the traceback, ready to send."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path

from airfleet import __version__

PACKAGES = ("apache-airflow", "apache-airflow-providers-celery", "click", "rich", "pyyaml", "psycopg")


def write(wrong: BaseException, environ: Mapping[str, str]) -> Path:
    """Write the report about ``wrong`` to a file of this user's own, and give its path."""
    name = f"bug-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    for folder in _folders(environ):
        try:
            return _write(folder / name, report(wrong))
        except OSError:
            continue
    raise wrong


def report(wrong: BaseException) -> str:
    """Versions, the command's name (its arguments may hold secrets), and the traceback."""
    lines = [
        f"airfleet {__version__}",
        f"python {platform.python_version()} on {platform.platform()}",
        *(f"{package} {_version(package)}" for package in PACKAGES),
        f"command: airfleet {' '.join(sys.argv[1:2])}",
        "",
        *traceback.format_exception(wrong),
    ]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def summary(wrong: BaseException) -> str:
    """Write the exception in one line."""
    return traceback.format_exception_only(wrong)[-1].strip().splitlines()[0]


def _folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    state = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local", "state")
    return Path(state) / "airfleet", Path(tempfile.gettempdir())


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
