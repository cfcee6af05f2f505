"""Assets with two addresses or two names: Airflow takes one of them, and the Dags with the other wait for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from airfleet.errors import Place, Problem
from airfleet.pipelines.language.schedules import assets_of
from airfleet.pipelines.language.spec import Asset, Pipeline
from airfleet.problem_codes import Code


@dataclass(frozen=True)
class _Known:
    """An asset, and the place where it is first written."""

    asset: Asset
    place: Place


def conflicts(pipelines: Iterable[Pipeline], shown: Callable[[str], str] = str) -> Iterator[Problem]:
    """Yield a problem for each asset that has another name or address than where it was first written.

    ``shown`` is how a file's name is written in a hint.
    """
    by_name: dict[str, _Known] = {}
    by_address: dict[str, _Known] = {}
    for pipeline in pipelines:
        for asset in assets_of(pipeline):
            if isinstance(asset, Asset):
                here = _Known(asset, pipeline.place(asset.path))
                address = normalized(asset.uri)
                first = by_name.setdefault(asset.name, here)
                if normalized(first.asset.uri) != address:
                    yield _problem(here, _ADDRESSES.format(asset.name, asset.uri, first.asset.uri), first, shown)
                    continue
                first = by_address.setdefault(address, here)
                if first.asset.name != asset.name:
                    yield _problem(here, _NAMES.format(asset.uri, asset.name, first.asset.name), first, shown)


_ADDRESSES: Final = "the asset '{}' has two addresses: '{}' here, and '{}'"
_NAMES: Final = "the address '{}' has two names: '{}' here, and '{}'"


def _problem(here: _Known, sentence: str, first: _Known, shown: Callable[[str], str]) -> Problem:
    place = first.place
    where = f"line {place.line}" if place.file == here.place.file else f"{shown(place.file)}:{place.line}"
    hint = f"{where} has it first; for that one, write {{ref: {first.asset.name}}}"
    return Problem(here.place, here.asset.path, sentence, hint, Code.ASSET)


def normalized(uri: str) -> str:
    """Write an address as Airflow keeps it; as it is, where it is none.

    >>> normalized("S3://lake/orders/"), normalized("orders/")
    ('s3://lake/orders', 'orders/')
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    scheme = parts.scheme.lower()
    if not scheme or scheme.startswith("x-"):
        return uri
    return urlunsplit(
        parts._replace(
            scheme=scheme,
            netloc=parts.netloc.rpartition("@")[2] if parts.password else parts.netloc,
            path=parts.path.rstrip("/") or "/",
            query=urlencode(sorted(parse_qsl(parts.query))) if parts.query else "",
            fragment="",
        )
    )
