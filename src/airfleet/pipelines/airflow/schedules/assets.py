"""Assets of a pipeline as Airflow's own."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, AssetAlias, AssetAll, AssetAny, AssetWatcher

from airfleet.pipelines.airflow.airflow_values import lower, unfrozen
from airfleet.pipelines.airflow.build_context import RAISED, BuildContext, said_by
from airfleet.pipelines.language import spec
from airfleet.pipelines.language.schedules import is_address


def assets(value: spec.Value, _path: str, context: BuildContext) -> list[Any]:
    """Make the assets of ``inlets`` and ``outlets``; those that Airflow refuses are noted at their own places."""
    items = value if isinstance(value, tuple) else (value,)
    made = [expression(item, context) for item in items if isinstance(item, spec.AssetExpression)]
    return [asset for asset in made if asset is not None]


def expression(value: spec.AssetExpression, context: BuildContext) -> Any:
    """Make an asset, or a condition of several; None when Airflow refuses one (noted in ``context``)."""
    if isinstance(value, spec.AssetCondition):
        parts = [expression(part, context) for part in value.of]
        if None in parts:
            return None
        return AssetAny(*parts) if value.is_any else AssetAll(*parts)
    try:
        return _asset(value, context)
    except RAISED as error:  # also of a provider that knows the scheme of the address
        context.wrong(value.path, said_by(error, "Asset"))
        return None


def _asset(value: spec.AssetLike, context: BuildContext) -> Any:
    if isinstance(value, spec.AssetReference):
        return Asset.ref(uri=value.written) if is_address(value.written) else Asset.ref(name=value.written)
    group: dict[str, Any] = {} if value.group is None else {"group": value.group}
    if isinstance(value, spec.AssetAlias):
        return AssetAlias(value.name, **group)
    watchers = [_watcher(watcher, f"{value.path}.watchers[{i}]", context) for i, watcher in enumerate(value.watchers)]
    return Asset(value.name, value.uri, extra=unfrozen(value.extra), watchers=watchers, **group)


def _watcher(value: spec.Watcher, path: str, context: BuildContext) -> AssetWatcher:
    return AssetWatcher(name=value.name, trigger=lower(value.trigger, f"{path}.trigger", context, guard=False))
