"""The section ``airflow:`` of ``fleet.yaml``: settings of Airflow that hold, and a problem for each that would not."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping

from airfleet.errors import did_you_mean
from airfleet.fleet.airflow import airflow_options, managed_settings, needed_libraries
from airfleet.fleet.airflow.airflow_options import Option
from airfleet.fleet.config.section_reader import FleetReading, Section, joined
from airfleet.yaml import nodes as source
from airfleet.yaml import secret_detection

#: of a section or a key of airflow.cfg
_SETTING_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SMALL = "Airflow reads capital letters there as small ones"
_ROLES = ("viewer", "user", "op", "admin")
_BOOLEANS = ("true", "false", "t", "f", "1", "0")
#: settings that are JSON, and of which kind
_JSON: Mapping[str, type] = {
    "dag_processor.dag_bundle_config_list": list,
    "celery.extra_celery_config": dict,
    "celery.result_backend_sqlalchemy_engine_options": dict,
    "database.sql_alchemy_engine_args": dict,
    "core.asset_manager_kwargs": dict,
    "logging.remote_task_handler_kwargs": dict,
    "secrets.backend_kwargs": dict,
    "workers.secrets_backend_kwargs": dict,
    "sdk.coordinators": dict,
    "sdk.queue_to_coordinator": dict,
}

Settings = dict[str, dict[str, str]]


def airflow(top: Section, user: str) -> tuple[Settings, frozenset[str]]:
    """Sections and keys in small letters, as Airflow reads them; and the names of those that are secret.

    ``user`` is the name of the fleet's own user.
    """
    reading = top.reading
    made: Settings = {}
    nodes: dict[str, tuple[source.Node, str]] = {}
    node = top.get("airflow")
    for name, section in reading.entries(node, "airflow") if node is not None else ():
        path = joined("airflow", name.text)
        _setting_names(reading, section, path)
        if not _is_setting(reading, name, path):
            continue
        values = reading.strings(section, path)
        if name.text.lower() in made:
            reading.problem(name, path, f"section '{name.text.lower()}' stands here twice", _SMALL)
        made[name.text.lower()] = {key.lower(): value for key, value in values.items()}
        _judge(reading, name, section, path, values, user)
        for key, value in section.entries if isinstance(section, source.Mapping) else ():
            nodes[f"{name.text.lower()}.{key.text.lower()}"] = (value, joined(path, key.text))
    if not reading.references.lenient:
        _say_what_is_missing(reading, made, nodes)
    return made, frozenset(name for name, (value, _) in nodes.items() if _is_secret(name, value))


def _setting_names(reading: FleetReading, section: source.Node, path: str) -> None:
    seen: set[str] = set()
    for key, _ in section.entries if isinstance(section, source.Mapping) else ():
        if _is_setting(reading, key, joined(path, key.text)) and key.text.lower() in seen:
            reading.problem(key, joined(path, key.text), f"'{key.text.lower()}' stands here twice", _SMALL)
        seen.add(key.text.lower())


def _is_setting(reading: FleetReading, key: source.Scalar, path: str) -> bool:
    if _SETTING_NAME.fullmatch(key.text):
        return True
    rule = "may only have letters, digits, '.', '_' and '-', and starts with a letter, a digit or '_'"
    reading.problem(key, path, f"{key.text!r} {rule}")
    return False


def _judge(
    reading: FleetReading, name: source.Scalar, section: source.Node, path: str, values: Mapping[str, str], user: str
) -> None:
    """Note what of a section would not hold."""
    of_section = name.text.lower()
    options = airflow_options.section(of_section)
    if options is None and _is_no_section(reading, name, path, values):
        return
    for key, node in section.entries if isinstance(section, source.Mapping) else ():
        if key.text in values and _SETTING_NAME.fullmatch(key.text):
            _judge_one(reading, of_section, options, key, node, path, values[key.text], user)


def _judge_one(
    reading: FleetReading,
    of_section: str,
    options: Mapping[str, Option] | None,
    key: source.Scalar,
    node: source.Node,
    path: str,
    value: str,
    user: str,
) -> None:
    """Note what of one setting would not hold."""
    at, option = joined(path, key.text), key.text.lower()
    if refused := managed_settings.refusal(of_section, option, value):
        reading.problem(key, at, refused.sentence, refused.hint)
    elif _is_known(reading, key, at, of_section, options) and not reading.is_hidden(value):
        known = (options or {}).get(option, Option("string"))
        # What stands elsewhere may be secret, and is not repeated.
        shown = _short if isinstance(node, source.Scalar) and node.text == value else _masked
        for sentence, hint in _wrong(f"{of_section}.{option}", value, known, user, shown):
            reading.problem(node, at, sentence, hint)


def _is_no_section(reading: FleetReading, name: source.Scalar, path: str, values: Mapping[str, str]) -> bool:
    """Tell whether nothing reads a section of this name, as far as known: only a plugin knows its own section."""
    of_section = name.text.lower()
    if provider := airflow_options.PROVIDERS.get(of_section):
        sentence = f"no provider is installed that reads the section '{of_section}'"
        reading.problem(name, path, sentence, f"pip install apache-airflow-providers-{provider}")
        return True
    old = [option for option in values if airflow_options.moved(f"{of_section}.{option.lower()}") is not None]
    if not old and (hint := did_you_mean(of_section, airflow_options.sections())):
        reading.problem(name, path, f"Airflow has no section '{of_section}'", hint)
        return True
    return False


def _is_known(
    reading: FleetReading, key: source.Scalar, at: str, of_section: str, options: Mapping[str, Option] | None
) -> bool:
    option = key.text.lower()
    # Airflow asks a command, or its secrets backend, for what has such a name.
    plain = option.removesuffix("_cmd").removesuffix("_secret")
    if option in (options or {}) or plain in (options or {}) or of_section in airflow_options.OPEN_SECTIONS:
        return True
    new = airflow_options.moved(f"{of_section}.{option}")
    if new is not None:
        hint = f"write it there: airflow: {{{new.replace('.', ': {')}: ...}}}}" if new else "leave it out"
        sentence = (
            f"'{option}' is called [{new.replace('.', '] ')} in Airflow 3" if new else f"Airflow 3 has no '{option}'"
        )
        reading.problem(key, at, sentence, hint)
        return False
    if options is None:
        return True
    reading.problem(
        key,
        at,
        f"Airflow has no setting '{option}' in '{of_section}'",
        airflow_options.nearest(of_section, option),
    )
    return False


def _wrong(
    name: str, value: str, option: Option, user: str, shown: Callable[[str], str]
) -> Iterator[tuple[str, str | None]]:
    """Describe the fault of a value, with a hint."""
    if not (option.may_be_empty and not value.strip()) and (wanted := _unfit(value.strip(), option)):
        yield f"must be {wanted}, not '{shown(value)}'", did_you_mean(value, option.choices)
    if name in _JSON and value.strip() and not isinstance(_parsed(value), _JSON[name]):
        yield f"must be {'a list' if _JSON[name] is list else 'an object'} in JSON", None
    if name == "core.default_timezone" and not _is_time_zone(value.strip()):
        yield f"there is no time zone '{shown(value)}'", "as in Europe/Berlin, or utc"
    if name == "core.parallelism" and value.strip().lstrip("+-").isdigit() and int(value) < 1:
        yield "must be more than 0: nothing would run", None
    if name == "dag_processor.dag_bundle_config_list" and isinstance(bundles := _parsed(value), list):
        yield from _wrong_bundles(bundles, shown)
    if name == "core.fernet_key" and not all(map(_is_fernet_key, value.split(","))):
        yield "is no Fernet key (32 bytes in base64), nor several of them with ',' between", None
    if name == "core.simple_auth_manager_users":
        yield from _wrong_users(value, user, shown)


def _unfit(value: str, option: Option) -> str | None:
    """Describe the kind that a value must have and has not."""
    if option.choices:
        return None if value in option.choices else " or ".join(filter(None, option.choices))
    if option.kind == "boolean":
        return None if value.lower() in _BOOLEANS else "true or false"
    kinds = {"integer": (int, "a whole number"), "float": (float, "a number")}
    if option.kind not in kinds:
        return None
    kind, says = kinds[option.kind]
    try:
        kind(value)
    except ValueError:
        return says
    return None


def _parsed(value: str) -> object:
    try:
        return json.loads(value)
    except ValueError:
        return None


def _wrong_bundles(bundles: list[object], shown: Callable[[str], str]) -> Iterator[tuple[str, str | None]]:
    """Describe the fault of items that each must be ``{"name": ..., "classpath": ...}``."""
    seen: set[object] = set()
    for number, bundle in enumerate(bundles):
        found = bundle if isinstance(bundle, dict) else {}
        if lacks := [key for key in ("name", "classpath") if not isinstance(found.get(key), str)]:
            yield f"bundle {number} has no '{lacks[0]}'", '[{"name": NAME, "classpath": CLASS, "kwargs": {...}}]'
        elif found["name"] in seen:
            yield f"bundle '{shown(found['name'])}' stands here twice", None
        seen.add(found.get("name"))


def _is_time_zone(name: str) -> bool:
    if name.lower() in ("system", "utc"):
        return True
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key.strip())) == 32
    except (binascii.Error, ValueError):
        return False


def _wrong_users(value: str, own: str, shown: Callable[[str], str]) -> Iterator[tuple[str, str | None]]:
    """Describe the fault of ``NAME:ROLE`` or ``NAME:ROLE:TEAM|TEAM`` for each user."""
    seen: set[str] = set()
    for entry in (entry.strip() for entry in value.split(",")):
        name, _, rest = entry.partition(":")
        role = rest.partition(":")[0].lower()
        if not name or entry.count(":") not in (1, 2):
            yield f"'{shown(entry)}' is not NAME:ROLE", f"the roles are: {', '.join(_ROLES)}"
        elif role not in _ROLES:
            yield (
                f"there is no role '{shown(role)}'",
                did_you_mean(role, _ROLES) or f"the roles are: {', '.join(_ROLES)}",
            )
        elif name == own and role != "admin":
            yield f"'{own}' must have the role admin: the commands of airfleet log in as this user", f"{own}:admin"
        elif name in seen:
            yield f"user '{shown(name)}' stands here twice", None
        seen.add(name)


def _say_what_is_missing(reading: FleetReading, made: Settings, nodes: Mapping[str, tuple[source.Node, str]]) -> None:
    wrong_before = frozenset(reading.wrong)
    for found in needed_libraries.missing(made):  # several for a setting with several classes
        node, path = nodes[found.setting]
        if path not in wrong_before:
            reading.problem(node, path, found.sentence, found.hint)


def _is_secret(name: str, node: source.Node) -> bool:
    """Tell whether ``section.option`` is secret: by its name, or because it comes from the folder of secrets."""
    if not isinstance(node, source.Scalar):
        return False
    option = name.partition(".")[2]
    comes = "secrets." in "".join(match[0] for match in secret_detection.REFERENCE.finditer(node.text))
    return comes or secret_detection.is_secret(option) or airflow_options.is_sensitive(name)


def _masked(_: str) -> str:
    return secret_detection.MASK


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
