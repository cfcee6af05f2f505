"""Libraries that settings of Airflow need and that are not installed: found without importing any of them.

Airflow itself starts without most of them and does nothing: no metric is sent, no log is uploaded.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import all_suffixes
from pathlib import Path

from airfleet.provider_names import of_module, package

Settings = Mapping[str, Mapping[str, str]]

_TRUE = ("t", "true", "1")
#: what a setting that is true needs: its module, and what installs that
_WHEN_TRUE: Mapping[str, tuple[str, str]] = {
    "metrics.statsd_on": ("statsd", "statsd"),
    "metrics.statsd_datadog_enabled": ("datadog", "datadog"),
    "metrics.otel_on": ("opentelemetry.exporter.otlp", "opentelemetry-exporter-otlp"),
    "traces.otel_on": ("opentelemetry.exporter.otlp", "opentelemetry-exporter-otlp"),
    "sentry.sentry_on": ("sentry_sdk", "sentry-sdk"),
}
#: how the place of remote logs begins, and whose it is
_LOGS: Mapping[str, str] = {
    "s3://": "amazon",
    "cloudwatch://": "amazon",
    "gs://": "google",
    "stackdriver://": "google",
    "wasb": "microsoft.azure",
    "oss://": "alibaba",
    "hdfs://": "apache.hdfs",
}
#: with one of these, logs are kept elsewhere
_OTHER_LOGS = ("elasticsearch.host", "opensearch.host", "logging.logging_config_class")
#: the whole of a setting, or a text in its JSON
_CLASS = re.compile(r'(?:^|")(airflow(?:\.\w+)+)\.(\w+)(?:$|")')


@dataclass(frozen=True)
class MissingLibrary:
    """A setting (``section.option``) and what keeps it from having an effect."""

    setting: str
    sentence: str
    hint: str | None = None


def missing(settings: Settings, has: Callable[[str], bool] | None = None) -> Iterator[MissingLibrary]:
    """List the libraries that these settings need and ``has`` (a module's name) does not know."""
    known = has or is_installed
    for setting, (module, distribution) in _WHEN_TRUE.items():
        if _is_true(_value(settings, setting)) and not known(module):
            yield _lacks(setting, module, distribution)
    where = _value(settings, "logging.remote_base_log_folder")
    if _is_true(_value(settings, "logging.remote_logging")):
        if not where.startswith(tuple(_LOGS)) and not any(_value(settings, other) for other in _OTHER_LOGS):
            begins = ", ".join(begins for begins in _LOGS)
            sentence = f"needs 'remote_base_log_folder', which begins with one of {begins}"
            yield MissingLibrary("logging.remote_logging", sentence)
        for begins, provider in _LOGS.items():
            if where.startswith(begins) and not known(f"airflow.providers.{provider}"):
                yield _lacks("logging.remote_base_log_folder", f"airflow.providers.{provider}", package(provider))
    yield from _classes(settings, known)


def _classes(settings: Settings, known: Callable[[str], bool]) -> Iterator[MissingLibrary]:
    """Classes of Airflow, and of providers, that are not there."""
    for section, values in settings.items():
        for option, value in values.items():
            for match in _CLASS.finditer(value):
                yield from _class(f"{section}.{option}", match[1], match[2], known)


def _class(setting: str, module: str, name: str, known: Callable[[str], bool]) -> Iterator[MissingLibrary]:
    if known(f"{module}.{name}"):
        return
    if not known(module):
        yield _no_module(setting, module)
    elif known is is_installed and not _names(module, name):
        yield MissingLibrary(setting, f"the module {module} has no '{name}'")


def _no_module(setting: str, module: str) -> MissingLibrary:
    provider = of_module(module)
    if provider is None:
        return MissingLibrary(setting, f"there is no module {module} in this Airflow")
    return _lacks(setting, module, package(provider))


def _lacks(setting: str, module: str, distribution: str) -> MissingLibrary:
    top = ".".join(module.split(".")[:4]) if module.startswith("airflow.") else module
    sentence = f"needs the Python module {top}, which is not installed"
    return MissingLibrary(setting, sentence, f"pip install {distribution}")


def _value(settings: Settings, setting: str) -> str:
    section, _, option = setting.partition(".")
    return settings.get(section, {}).get(option, "")


def _is_true(value: str) -> bool:
    return value.strip().lower() in _TRUE


def is_installed(module: str) -> bool:
    """Tell whether an import of ``module`` would find it, without importing anything.

    >>> [is_installed(name) for name in ("json.decoder", "json.nothing", "no_such_package.inner")]
    [True, False, False]
    """
    return bool(_places(module))


def _places(module: str) -> tuple[Path, ...]:
    """Find the folders of a package, or the file of a module."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)  # of a package at the top, this imports nothing
    except (ImportError, ValueError):
        return ()
    if spec is None:
        return ()
    if spec.submodule_search_locations is None:
        return (Path(spec.origin or top),) if not rest else ()
    places = tuple(Path(place) for place in spec.submodule_search_locations)
    for part in rest:
        places = tuple(found for place in places for found in _inside(place, part))
    return places


def _inside(folder: Path, name: str) -> Iterator[Path]:
    if (folder / name).is_dir():
        yield folder / name
    yield from (file for suffix in all_suffixes() if (file := folder / f"{name}{suffix}").is_file())


def _names(module: str, name: str) -> bool:
    """Tell whether the source of a module mentions a name; unreadable source may."""
    files = [place / "__init__.py" if place.is_dir() else place for place in _places(module)]
    try:
        return any(re.search(rf"\b{name}\b", file.read_text("utf-8")) for file in files)
    except (OSError, UnicodeDecodeError):
        return True
