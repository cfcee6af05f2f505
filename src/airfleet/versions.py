"""The versions of Airflow and of what it is built on for which airfleet was made, and those that are installed.

airfleet replaces functions of Airflow, the Celery provider, Celery, kombu, cadwyn, uvicorn and Flower by its own, and
each contract test compares one of them with its tested form. Other versions are not compared, so a fleet starts on them
only with ``airfleet up --unchecked``. With another core or Task SDK, parts that have an equivalent in Airflow use
Airflow's: the fast path of the execution API, the choice of tasks by one statement, and the look at ready tasks.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from airfleet.errors import FleetError

#: says that versions may differ, to ``airfleet up`` and to a service's unit
UNCHECKED = "AIRFLEET_UNCHECKED"
#: what the ways that Airflow has too were compared with
_CORE = ("apache-airflow-core", "apache-airflow-task-sdk")
_HINT = "install what it was made for: {install}; or start it all the same: airfleet up --unchecked"


@dataclass(frozen=True)
class VersionDifference:
    """A distribution of which another version is installed; ``found`` is None when it is missing."""

    name: str
    expected: str
    found: str | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.name} is not installed; this airfleet was made for {self.expected}"
        return f"{self.name} {self.found} is installed; this airfleet was made for {self.expected}"


def expected() -> Mapping[str, str]:
    """Distribution -> the version for which the contract tests were written."""
    versions: Mapping[str, str] = json.loads(Path(__file__).with_name("versions.json").read_text("utf-8"))
    return versions


def installed(name: str) -> str | None:
    """Read the version of a distribution; None when there is none.

    >>> installed("no-such-distribution")
    """
    from importlib import metadata  # the commands that start at once do without

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def differences(find: Callable[[str], str | None] = installed) -> tuple[VersionDifference, ...]:
    """List the distributions of which another version is installed than the expected one."""
    found = ((name, version, find(name)) for name, version in expected().items())
    return tuple(VersionDifference(name, version, other) for name, version, other in found if other != version)


def require(environ: Mapping[str, str], find: Callable[[str], str | None] = installed) -> None:
    """Raise FleetError when another version is installed and ``environ`` does not say that it may be."""
    if is_allowed(environ):
        return
    if others := differences(find):
        raise FleetError("\n".join(map(str, others)), hint=_HINT.format(install=install_line(others)))


def is_allowed(environ: Mapping[str, str]) -> bool:
    """Tell whether versions may differ.

    >>> is_allowed({UNCHECKED: "1"}), is_allowed({UNCHECKED: "0"}), is_allowed({})
    (True, False, False)
    """
    return environ.get(UNCHECKED, "").lower() not in ("", "0", "false", "no", "off")


def install_line(others: tuple[VersionDifference, ...]) -> str:
    """Write the command that installs the expected versions."""
    wanted = " ".join(f"{other.name}=={other.expected}" for other in others)
    return f"python -m pip install {wanted}"


def warnings() -> tuple[str, ...]:
    """Write a sentence for each difference, for people who look at a project or at a running fleet."""
    return tuple(map(str, differences()))


@functools.cache
def core_is_checked() -> bool:
    """Tell whether the core and the Task SDK of this process are the tested ones."""
    wanted = expected()
    return all(installed(name) == wanted[name] for name in _CORE)
