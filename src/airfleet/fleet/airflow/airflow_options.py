"""Every setting of Airflow, by section and name: the kind of its value, and what became of old ones.

Those of Airflow itself stand in a file that ``scripts/airflow_options.py`` writes from the installed version; those of
a provider are read, without importing it, from the file in which it describes itself.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airfleet.errors import did_you_mean

#: sections whose options are handed on as they are: each name is one
OPEN_SECTIONS = frozenset({"celery_broker_transport_options", "celery_result_backend_transport_options"})

#: settings of airfleet itself that may stand under ``airflow:``
_OWN = {"airfleet": {"api_outage_seconds": "integer", "max_message_bytes": "integer", "max_dag_file_bytes": "integer"}}

#: sections that only come with a provider, and which one
PROVIDERS: Mapping[str, str] = {
    "fab": "fab",
    "keycloak_auth_manager": "keycloak",
    "aws_auth_manager": "amazon",
    "aws": "amazon",
    "elasticsearch": "elasticsearch",
    "elasticsearch_configs": "elasticsearch",
    "opensearch": "opensearch",
    "openlineage": "openlineage",
    "azure_remote_logging": "microsoft-azure",
    "kubernetes_executor": "cncf-kubernetes",
    "edge": "edge3",
    "hive": "apache-hive",
    "hashicorp": "hashicorp",
    "imap": "imap",
    "atlas": "apache-atlas",
}


@dataclass(frozen=True)
class Option:
    """The allowed value of a setting."""

    #: ``string``, ``integer``, ``float`` or ``boolean``
    kind: str
    may_be_empty: bool = True
    choices: tuple[str, ...] = ()


def section(name: str) -> Mapping[str, Option] | None:
    """List the options of a section; None when neither Airflow nor an installed provider has it."""
    described = {
        **_table()["options"].get(name, {}),
        **_OWN.get(name, {}),
        **_of_providers(name),
    }
    return {option: _option(name, option, kind) for option, kind in described.items()} or None


def sections() -> tuple[str, ...]:
    """Name the sections of Airflow itself, of Celery, and of the best known providers."""
    return (*_table()["options"], "celery", *OPEN_SECTIONS, *PROVIDERS)


def moved(name: str) -> str | None:
    """Give today's name of ``section.option`` of Airflow 2; empty when it is gone, None for any other option."""
    known: Mapping[str, str] = _table()["moved"]
    found = known.get(name)
    while found and found in known:
        found = known[found]
    return found


def nearest(name: str, option: str) -> str | None:
    """Make a hint for an option that a section does not have: one spelt alike there, or the section that has it."""
    elsewhere = [other for other, options in _table()["options"].items() if option in options]
    if len(elsewhere) == 1:
        return f"did you mean {_written(f'{elsewhere[0]}.{option}')}?"
    if hint := did_you_mean(option, section(name) or {}):
        return hint
    old = {key.partition(".")[2]: key for key in _table()["moved"] if key.startswith(f"{name}.")}
    near = difflib.get_close_matches(option, list(old), n=1, cutoff=0.6)
    new = moved(old[near[0]]) if near else None
    return f"did you mean {_written(new)}?" if new else None


def _written(name: str) -> str:
    """Write ``section.option`` as people do."""
    return "[{}] {}".format(*name.split(".", 1))


def is_sensitive(name: str) -> bool:
    """Tell whether Airflow itself hides the value of ``section.option``."""
    return name in _table()["sensitive"]


def _option(of_section: str, name: str, kind: str) -> Option:
    choices = _table()["choices"].get(f"{of_section}.{name}", ())
    return Option(kind.rstrip("?"), kind.endswith("?"), tuple(choices))


@functools.cache
def _table() -> Mapping[str, Any]:
    text = Path(__file__).with_name("airflow_options.json").read_text("utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found


@functools.cache
def _of_providers(name: str) -> Mapping[str, str]:
    """Find the options of installed providers in a section."""
    found: dict[str, str] = {}
    for text in _descriptions():
        if f'"{name}"' in text:
            found |= _described(text, name)
    return found


def _described(text: str, name: str) -> Mapping[str, str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Dict):
            try:
                described = ast.literal_eval(node.value).get("config", {}).get(name, {}).get("options", {})
            except ValueError:  # it computes something
                return {}
            return {option.lower(): f"{of_it.get('type', 'string')}?" for option, of_it in described.items()}
    return {}


@functools.cache
def _descriptions() -> tuple[str, ...]:
    """Read the description of each installed provider, as Python source."""
    return tuple(_readable(file) for folder in _provider_folders() for file in _files(folder))


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted([*folder.glob("*/get_provider_info.py"), *folder.glob("*/*/get_provider_info.py")])


def _provider_folders() -> tuple[Path, ...]:
    spec = importlib.util.find_spec("airflow")  # of the top package: it imports nothing
    return tuple(Path(place, "providers") for place in (spec.submodule_search_locations or ()) if spec) if spec else ()


def _readable(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
