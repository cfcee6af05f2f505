"""A text that is the name or the address of an asset which the same document describes means that asset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from airfleet.pipelines.language.schedules import assets_of
from airfleet.pipelines.language.spec import (
    Asset,
    AssetCondition,
    AssetExpression,
    AssetLike,
    AssetSchedule,
    Pipeline,
    Value,
)

#: name or address -> the asset that has it
_Known = Mapping[str, Asset]


def with_known_assets(pipeline: Pipeline) -> Pipeline:
    """Give the pipeline in which each short asset that is described elsewhere in it is that one."""
    described = [one for one in assets_of(pipeline) if isinstance(one, Asset) and not one.is_short]
    known = {text: one for one in reversed(described) for text in (one.name, one.uri)}
    if not known:
        return pipeline
    schedule = pipeline.schedule
    if isinstance(schedule, AssetSchedule):
        schedule = replace(schedule, assets=_expression(schedule.assets, known))
    return replace(
        pipeline,
        schedule=schedule,
        defaults=_options(pipeline.defaults, known),
        groups=tuple(replace(group, defaults=_options(group.defaults, known)) for group in pipeline.groups),
        tasks=tuple(replace(task, options=_options(task.options, known)) for task in pipeline.tasks),
    )


def _options(options: Mapping[str, Value], known: _Known) -> Mapping[str, Value]:
    found = dict(_assets(options, known))
    return {**options, **found} if found else options


def _assets(options: Mapping[str, Value], known: _Known) -> Iterator[tuple[str, Value]]:
    for name in ("inlets", "outlets"):
        value = options.get(name)
        if isinstance(value, tuple):
            yield name, tuple(_one(item, known) if isinstance(item, AssetLike) else item for item in value)


def _expression(value: AssetExpression, known: _Known) -> AssetExpression:
    if isinstance(value, AssetCondition):
        return replace(value, of=tuple(_expression(part, known) for part in value.of))
    return _one(value, known)


def _one(asset: AssetLike, known: _Known) -> AssetLike:
    if not isinstance(asset, Asset) or not asset.is_short or asset.name not in known:
        return asset
    return replace(known[asset.name], path=asset.path, is_short=True, watchers=())
