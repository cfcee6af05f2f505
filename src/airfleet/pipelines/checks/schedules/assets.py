"""Assets: names and addresses that Airflow refuses, or that mean two things in one pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from airfleet.metadata import column_limits
from airfleet.pipelines.analysis import short_names
from airfleet.pipelines.checks import limits
from airfleet.pipelines.checks.check_context import Checking
from airfleet.pipelines.checks.named.objects import check_kind, check_objects
from airfleet.pipelines.language.schedules import assets_in
from airfleet.pipelines.language.spec import Asset, AssetLike, AssetReference, Value
from airfleet.problem_codes import Code

#: characters of a name, an address and a group
MOST: Final = 1500


def check_assets(value: object, checking: Checking) -> None:
    """Note what Airflow or its database would refuse of the assets in a schedule, or in ``inlets`` and ``outlets``."""
    for asset in assets_in(value):
        _check_identifiers(asset, checking)
        if isinstance(asset, Asset):
            _check_extra(asset.extra, f"{asset.path}.extra", checking)
            _check_watchers(asset, checking)


def _check_identifiers(asset: AssetLike, checking: Checking) -> None:
    """Check the texts by which an asset is known; one that is name and address has one problem at most."""
    wrong_texts = set()
    for key, written in _identifiers(asset):
        wrong = identifier_problem(key, written) if written not in wrong_texts else None
        if wrong:
            checking.problem(_place(asset, key, checking), *wrong, code=Code.ASSET)
            wrong_texts.add(written)


def _identifiers(asset: AssetLike) -> tuple[tuple[str, str], ...]:
    if isinstance(asset, AssetReference):
        return (("ref", asset.written),)
    names = (("name", asset.name), ("uri", asset.uri)) if isinstance(asset, Asset) else (("alias", asset.name),)
    return names if asset.group is None else (*names, ("group", asset.group))


def _place(asset: AssetLike, key: str, checking: Checking) -> str:
    """Give the path of a key of an asset, or of the asset, where the key is not written."""
    path = f"{asset.path}.{key}"
    return path if path in checking.pipeline.places else asset.path


def identifier_problem(argument: str, value: str) -> tuple[str, str | None] | None:
    """Say why a name, an address or a group is none to Airflow, as (sentence, hint); None when it is one."""
    if not value.strip() and (value or argument != "group"):
        return "must not be empty", None
    if len(value) > MOST:
        return f"is {len(value)} characters long; Airflow takes {MOST}", None
    if wrong := column_limits.unstorable(value):
        return wrong, None
    if argument == "name" and value in ("self", "context"):
        return f"no asset can be called '{value}' in Airflow", None
    return _address_problem(value) if argument == "uri" else None


# --- addresses


def _address_problem(value: str) -> tuple[str, str | None] | None:
    try:
        parts = urlsplit(value)
        scheme, _ = parts.scheme.lower(), parts.port
    except ValueError as error:
        return f"is no address: {str(error).lower()}", None
    if scheme == "airflow":
        return "the scheme 'airflow' is reserved for Airflow itself", None
    provider, wrong = _SCHEMES.get(scheme, ("", None))
    if wrong is None or not short_names.is_installed(provider):
        return None
    return wrong(parts)


def _bucket(parts: SplitResult) -> tuple[str, str | None] | None:
    return None if parts.netloc else ("names no bucket", "write s3://bucket/key")


def _table(scheme: str) -> Callable[[SplitResult], tuple[str, str | None] | None]:
    """Make the rule for tables of a database."""

    def problem(parts: SplitResult) -> tuple[str, str | None] | None:
        written = f"write {scheme}://host/database/schema/table"
        if not parts.netloc:
            return "names no host", written
        # Airflow takes slashes from the end of an address
        return None if len(parts.path.rstrip("/").split("/")) == 4 else ("names no table", written)

    return problem


#: what providers demand of addresses: scheme -> provider, rule
_SCHEMES: Final[dict[str, tuple[str, Callable[[SplitResult], tuple[str, str | None] | None]]]] = {
    "s3": ("amazon", _bucket),
    "postgres": ("postgres", _table("postgres")),
    "postgresql": ("postgres", _table("postgresql")),
    "redshift": ("amazon", _table("redshift")),
}


# --- what is kept beside the name


def _check_extra(extra: Value, path: str, checking: Checking) -> None:
    """Check what Airflow keeps as JSON."""
    for at, item in limits.leaves(extra, path):
        if isinstance(item, str) and (wrong := column_limits.unstorable(item)):
            checking.problem(at, wrong, code=Code.UNSTORABLE)
        elif isinstance(item, float) and not math.isfinite(item):
            checking.problem(at, f"must be a finite number, not {item}", code=Code.UNSTORABLE)


def _check_watchers(asset: Asset, checking: Checking) -> None:
    seen: set[str] = set()
    for index, watcher in enumerate(asset.watchers):
        path = f"{asset.path}.watchers[{index}]"
        if watcher.name in seen:
            sentence = f"two watchers of the asset are called '{watcher.name}'"
            checking.problem(f"{path}.name", sentence, code=Code.ASSET)
        seen.add(watcher.name)
        check_objects(watcher.trigger, f"{path}.trigger", checking)
        check_kind(watcher.trigger, "EventTrigger", "trigger of events", f"{path}.trigger", checking)
