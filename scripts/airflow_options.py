"""Write src/airfleet/fleet/airflow/airflow_options.json: every setting that the installed Airflow reads, for `airfleet
check`.

Run it when Airflow's version changes: .venv/bin/python scripts/airflow_options.py. A conformance test compares.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src" / "airfleet" / "fleet" / "airflow" / "airflow_options.json"
#: a setting that the code reads, whether config.yml describes it or not
_READ = re.compile(r"""\bconf\.(?:get\w*|has_option)\(\s*["'](\w+)["'],\s*["'](\w+)["']""")


def table() -> dict[str, Any]:
    """What stands in the file.

    ``options``: section -> option -> kind, with ``?`` behind it where it may be empty. ``choices``: what may stand
    there. ``sensitive``: what Airflow itself hides. ``moved``: what Airflow 2 called otherwise, or "" when it is gone.
    """
    from airflow.configuration import AirflowConfigParser, conf, retrieve_configuration_description

    described = retrieve_configuration_description(include_providers=False)
    options: dict[str, dict[str, str]] = {
        section: {name.lower(): _kind(option) for name, option in of_section["options"].items()}
        for section, of_section in described.items()
    }
    for section, option in sorted(set(_read_by_the_code())):
        if section in options or section == "webserver":
            options.setdefault(section, {}).setdefault(option.lower(), "string?")
    moved = {old: new for old, new in _moved(AirflowConfigParser) if not _is_known(options, old)}
    for old in moved:
        section, _, option = old.partition(".")
        options.get(section, {}).pop(option, None)
    choices = {
        f"{s}.{o}": list(values) for (s, o), values in conf.enums_options.items() if _is_known(options, f"{s}.{o}")
    }
    sensitive = sorted(
        f"{section}.{name}"
        for section, of_section in described.items()
        for name, option in of_section["options"].items()
        if option.get("sensitive")
    )
    return {
        "options": {section: dict(sorted(found.items())) for section, found in sorted(options.items()) if found},
        "choices": dict(sorted(choices.items())),
        "sensitive": sensitive,
        "moved": dict(sorted(moved.items())),
    }


def _kind(option: dict[str, Any]) -> str:
    default = option.get("default")
    kind = "boolean" if default in ("True", "False") else option["type"]
    return f"{kind}{'?' if default in (None, '', 'None') else ''}"


def _is_known(options: dict[str, dict[str, str]], path: str) -> bool:
    section, _, option = path.partition(".")
    return option in options.get(section, {})


def _moved(parser: Any) -> Iterator[tuple[str, str]]:
    from airflow.cli.commands.config_command import CONFIGS_CHANGES

    for change in CONFIGS_CHANGES:
        if change.renamed_to or (change.was_removed and not change.remove_if_equals):
            new = change.renamed_to
            yield f"{change.config.section}.{change.config.option}", f"{new.section}.{new.option}" if new else ""
    for (section, option), (old_section, old_option, _) in parser.deprecated_options.items():
        yield f"{old_section}.{old_option}", f"{section}.{option}"


def _read_by_the_code() -> Iterator[tuple[str, str]]:
    import airflow

    for part in Path(airflow.__file__).parent.iterdir():
        if part.name == "providers":
            continue
        for file in part.rglob("*.py") if part.is_dir() else [part]:
            if file.suffix == ".py":
                yield from _READ.findall(file.read_text("utf-8"))


def text() -> str:
    """The text of the file."""
    return json.dumps(table(), indent=1) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text())
